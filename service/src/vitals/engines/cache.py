"""The engines' cache: each is built or fetched once, kept by the hash of its recipe, and shared by all clones."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

import psutil

from vitals.engines.builds import build
from vitals.engines.recipes import Recipe, load_recipes
from vitals.errors import BuildError
from vitals.host.permissions import let_through, readable_by_all
from vitals.host.processes import Stopped
from vitals.host.progress import Progress, Silent
from vitals.settings.sizes import GIB

_MEMORY_OF_A_GO_BUILD = 3 * GIB
"""What the largest of the links takes, with room."""

_LEFT_OVER_SECONDS = 86400

Build = Callable[[Recipe, Path, Path, Path, Event], None]


class Engines:
    """The cache in one folder. A present engine is whole: it was moved there in one step when it was done."""

    def __init__(self, cache: Path, recipes: dict[str, Recipe] | None = None, build: Build = build) -> None:
        self._folder = cache / "engines"
        self._recipes = load_recipes() if recipes is None else recipes
        self._build = build

    def __contains__(self, engine: str) -> bool:
        """Whether it is one of those that are had here."""
        return engine in self._recipes

    def folder(self, engine: str) -> Path:
        """Where an engine is, or will be."""
        return self._folder / self._recipes[engine].key

    def binary(self, name: str) -> Path:
        """The path of a binary by its name, as in `otelcol` or `promtool`."""
        for recipe in self._recipes.values():
            if name in recipe.binaries:
                return self.folder(recipe.name) / "bin" / name
        raise BuildError(f"No recipe makes {name}.")

    def missing(self) -> list[Recipe]:
        """The recipes whose engines are not in the cache, the slowest first."""
        return [recipe for recipe in self._recipes.values() if not self.folder(recipe.name).is_dir()]

    def ensure(self, progress: Progress | None = None, at_once: int | None = None) -> list[str]:
        """Build and fetch what is missing, side by side, and give the names of what was.

        When one fails, or the caller is interrupted, the others are stopped and every child process is ended before this returns.
        Raises BuildError.
        """
        missing = self.missing()
        if not missing:
            return []
        told = progress or Silent()
        _make_readable_folder(self._folder)
        _remove_left_over(self._folder)
        stop = Event()
        go = [recipe for recipe in missing if recipe.kind != "maven"]
        fetched = [recipe for recipe in missing if recipe.kind == "maven"]
        with (
            ThreadPoolExecutor(at_once or builds_at_once()) as builders,
            ThreadPoolExecutor(max(1, len(fetched))) as fetchers,
        ):
            futures = [builders.submit(self._ensure_one, recipe, told, stop) for recipe in go]
            futures += [fetchers.submit(self._ensure_one, recipe, told, stop) for recipe in fetched]
            try:
                _wait(futures)
            finally:
                stop.set()
                for future in futures:
                    future.cancel()
        _raise_first(futures)
        return [recipe.name for recipe in missing]

    def _ensure_one(self, recipe: Recipe, progress: Progress, stop: Event) -> None:
        if stop.is_set():
            raise Stopped
        progress.start(recipe.name, recipe.usual_seconds)
        try:
            with self._locked(recipe, progress, stop):
                if self.folder(recipe.name).is_dir():
                    progress.done(recipe.name, "made by another run meanwhile")
                    return
                self._make(recipe, stop)
        except Stopped:
            progress.failed(recipe.name, "stopped")
            raise
        except BaseException:
            progress.failed(recipe.name)
            raise
        progress.done(recipe.name)

    def _make(self, recipe: Recipe, stop: Event) -> None:
        log = self._folder / f"{recipe.key}.log"
        log.write_bytes(b"")
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=f".{recipe.name}-", ignore_cleanup_errors=True) as folder:
            scratch = Path(folder)
            out = scratch / "out"
            out.mkdir(mode=0o755)
            try:
                self._build(recipe, scratch, out, log, stop)
            except Stopped:
                log.unlink()
                raise
            lacking = [name for name in recipe.binaries if not os.access(out / "bin" / name, os.X_OK)]
            if lacking:
                raise BuildError(f"{recipe.name} was built, but without {', '.join(lacking)}; see {log}.")
            readable_by_all(out)
            out.rename(self.folder(recipe.name))
        log.unlink()

    @contextlib.contextmanager
    def _locked(self, recipe: Recipe, progress: Progress, stop: Event) -> Iterator[None]:
        """Keeps two runs from building the same engine; the lock goes with the process that holds it."""
        with (self._folder / f".{recipe.key}.lock").open("w") as lock:
            waiting = False
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not waiting:
                        progress.note(recipe.name, "waits for another run that builds it")
                        waiting = True
                    if stop.wait(0.5):
                        raise Stopped from None
            yield


def builds_at_once() -> int:
    """How many Go builds to run side by side: one build keeps some cores busy by itself, and each wants memory for its link."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    by_memory = psutil.virtual_memory().available // _MEMORY_OF_A_GO_BUILD
    return int(max(1, min(cores, by_memory, 4)))


def _make_readable_folder(folder: Path) -> None:
    """Elasticsearch runs from it as another user when root starts the stack, whatever root's umask is."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(PermissionError):
        folder.chmod(0o755)
    let_through(folder.parent)


def _wait(futures: Sequence[Future[None]]) -> None:
    """Until all are done or one failed; short waits, so that an interruption is seen at once."""
    pending = set(futures)
    while pending:
        done, pending = wait(pending, timeout=0.2, return_when=FIRST_EXCEPTION)
        if any(future.exception() for future in done):
            return


def _raise_first(futures: Sequence[Future[None]]) -> None:
    errors = [future.exception() for future in futures if future.done() and not future.cancelled()]
    told = [error for error in errors if error is not None]
    for error in told:
        if not isinstance(error, Stopped):
            raise error
    if told:
        raise told[0]


def _remove_left_over(folder: Path) -> None:
    """Remove scratch folders of builds that were killed before they could clean up."""
    for scratch in folder.glob(".*/"):
        with contextlib.suppress(OSError):
            if time.time() - scratch.stat().st_mtime > _LEFT_OVER_SECONDS:
                shutil.rmtree(scratch)
