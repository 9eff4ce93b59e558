"""The garbage collector waits for a start, and for nothing else."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vitals.serving import server
from vitals.serving.garbage import NEW_OBJECTS, garbage_waits, spare_what_is_there
from vitals.settings.service import Settings


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    gc.enable()


@pytest.mark.slow
def test_it_waits_until_the_process_is_ready() -> None:
    before = gc.get_freeze_count()
    with garbage_waits():
        assert not gc.isenabled()
        spare_what_is_there()
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
        assert gc.get_threshold()[0] == NEW_OBJECTS
    assert gc.isenabled()


def test_it_looks_again_after_a_start_that_failed() -> None:
    with pytest.raises(OSError, match="no"), garbage_waits():
        raise OSError("no")
    assert gc.isenabled()


@pytest.mark.parametrize(("workers", "waits"), [(1, True), (2, False)])
def test_what_serves_starts_so_and_what_only_looks_after_workers_does_not(
    workers: int, waits: bool, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def wrong(*_: Any) -> None:
        seen.append(gc.isenabled())
        raise OSError("no")

    monkeypatch.setattr(server, "threads_of_a_call", wrong)
    monkeypatch.setattr(server.signal, "signal", lambda *_: None)
    with pytest.raises(OSError, match="no"):
        server.serve(Settings.load(model_dir=model_folder, service_workers=workers))
    assert seen == [not waits]
    assert gc.isenabled()
