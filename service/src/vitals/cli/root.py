"""The `vitals` command itself: its modules hang their verbs on `app`."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import typer

from vitals.checkout import INSTALLED, ROOT
from vitals.errors import SettingsError
from vitals.settings import env_file

app = typer.Typer(
    name="vitals",
    help="Metrics, traces and logs of a model service, joined by trace id. Options are environment variables, or lines of .env.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def load_environment_file() -> None:
    """Read the checkout's .env, or the file that VITALS_ENV_FILE names; what the environment already says wins.

    An installed package has no checkout: its .env is the one in the current folder.

    What looks like a misspelt option is told on stderr. Raises SettingsError when a named file is not there, and for one that
    can't be read.
    """
    named = os.environ.get("VITALS_ENV_FILE")
    path = Path(named) if named else (Path.cwd() if INSTALLED else ROOT) / ".env"
    if named and not path.exists():
        raise SettingsError([f"VITALS_ENV_FILE is wrong: there is no file {path}."])
    told = env_file.misspelt(os.environ)
    if path.is_file():
        told += env_file.load(path, shared=INSTALLED and not named)
    for sentence in told:
        print(sentence, file=sys.stderr)  # noqa: T201 - before anything else is set up


@contextlib.contextmanager
def ended_cleanly() -> Iterator[None]:
    """Make SIGTERM and SIGHUP unwind like Ctrl-C does, so that what was started is stopped again."""

    def unwind(number: int, _frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, unwind) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
