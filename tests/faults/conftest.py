"""A stack for the fault tests, which break its engines and mend them; and the recorder of what they saw."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from ..stack.conftest import environment, log_file, stack
from .results import Row, recording

__all__ = ["environment", "log_file", "stack"]

Fault = Callable[..., AbstractContextManager[Row]]


@pytest.fixture
def fault(capsys: Any) -> Fault:
    """`with fault(NAME, must_show=…) as row`: fill `row.seen` and `row.figures`; printed, and kept for docs/reliability.md."""

    def show(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}")

    def begin(name: str, must_show: str) -> AbstractContextManager[Row]:
        return recording(name, must_show, show)

    return begin
