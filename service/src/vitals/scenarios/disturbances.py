"""What a scenario does to the stack itself, and undoes whatever happens: another model served, an engine really stopped."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

from vitals.backends.backend_table import unused_places
from vitals.errors import StackError
from vitals.host.progress import Progress
from vitals.orchestration.native_stack import NativeStack
from vitals.settings.stack import StackSettings


@contextlib.contextmanager
def serving(stack: NativeStack, folder: Path, progress: Progress) -> Iterator[None]:
    """While in here the service serves the model of `folder`; after it, the one it served before.

    Raises what starting the stack raises.
    """
    other = NativeStack(
        stack.settings,
        stack.service.model_copy(update={"model_dir": folder}),
        {**stack.env, "MODEL_DIR": str(folder)},
    )
    try:
        other.restart("service", progress=progress)
        yield
    finally:
        with _uninterrupted():
            stack.up("service", progress)


@contextlib.contextmanager
def without_elasticsearch(stack: NativeStack, progress: Progress) -> Iterator[None]:
    """While in here Elasticsearch is stopped; after it, it is ready again.

    Raises StackError where nothing is sent to it, and what stopping and starting the stack raises.
    """
    can_be_missed(stack.settings)
    try:
        stack.down("elk", progress=progress)
        yield
    finally:
        with _uninterrupted():
            stack.up("elk", progress)


def can_be_missed(settings: StackSettings) -> None:
    """Raises StackError where nothing is sent to Elasticsearch, so that nobody would notice that it is away."""
    if {"elasticsearch spans", "elasticsearch logs"} <= set(unused_places(settings)):
        raise StackError("This scenario stops Elasticsearch, and nothing is sent there: see LOGS_BACKEND and TRACES_BACKEND.")


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """The stack is put right again before anything else: a second Ctrl-C waits until that is done."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    # A function and not SIG_IGN, which the processes that are started meanwhile would inherit.
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
