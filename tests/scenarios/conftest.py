"""A stack for the scenarios: nothing else may bring alerts about."""

from __future__ import annotations

from ..stack.conftest import environment, log_file, stack

__all__ = ["environment", "log_file", "stack"]
