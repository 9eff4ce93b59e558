"""The whole table: every case by its name. It knows nothing of the service."""

from __future__ import annotations

from . import boosters, columns, exports, families
from .case import Case

CASES: dict[str, Case] = {case.name: case for case in (*families.CASES, *columns.CASES, *boosters.CASES, *exports.CASES)}
