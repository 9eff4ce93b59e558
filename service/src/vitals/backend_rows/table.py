"""All rows, and the options that they bring.

A new backend is a row in its signal's module, a file in otel-collector/backends and, if it has a container, a file in overlays/.
tests/config/test_backend_rows.py says in a sentence what a row still lacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vitals.backend_rows.logs import LOGS, LOGS_TOGETHER
from vitals.backend_rows.metrics import METRICS, METRICS_TOGETHER
from vitals.backend_rows.row import Backend, Notes, Option, Signal
from vitals.backend_rows.traces import TRACES, TRACES_TOGETHER

BACKENDS: dict[Signal, dict[str, Backend]] = {"metrics": METRICS, "logs": LOGS, "traces": TRACES}

TOGETHER: dict[Signal, dict[str, Notes]] = {"metrics": METRICS_TOGETHER, "logs": LOGS_TOGETHER, "traces": TRACES_TOGETHER}
"""What is said of the files that are several backends at once: their names have a `+`."""


def rows() -> Iterator[Backend]:
    """Every row, signal by signal."""
    for of_signal in BACKENDS.values():
        yield from of_signal.values()


def stack_options() -> list[Option]:
    """The options that the stack or the Collector reads, each once."""
    return _once(option for row in rows() for option in row.options)


def overlay_options() -> list[Option]:
    """The options that only an overlay reads, each once."""
    return _once(option for row in rows() for option in row.overlay_options)


def _once(options: Iterable[Option]) -> list[Option]:
    return list({option.name: option for option in options}.values())
