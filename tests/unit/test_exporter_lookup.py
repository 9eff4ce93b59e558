"""Exporters by name: what looking them up costs a start."""

from __future__ import annotations

from importlib import metadata
from typing import Any

import pytest

from vitals.telemetry import exporters


def test_the_packages_are_gone_through_once_for_all_exporters(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Any] = []
    monkeypatch.setattr(exporters, "entry_points", lambda: looks.append(1) or metadata.entry_points())
    exporters._entry_points.cache_clear()
    for _ in range(2):
        assert [len(exporters.exporter_classes(signal)) for signal in ("traces", "metrics", "logs")] == [1, 1, 1]
    assert len(looks) == 1
