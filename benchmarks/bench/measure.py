"""The run: every variant's server is started once a workload, and they take turns; who waits is stopped (SIGSTOP)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench import closed_loop, counting, models, open_loop, rivals, sink
from benchmarks.bench.cells import Run, Turn, cells_of, percentile
from benchmarks.bench.plan import Load, Plan, seconds_of_starts, seconds_of_turn
from benchmarks.bench.processes import Server, free_ports
from benchmarks.bench.variants import VARIANTS, Place
from vitals.checkout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench.progress import Progress

_WARM_REQUESTS = 100
_IDLE_SECONDS = 1.0


class Bench:
    """Measures one plan.

    Of a run that does not come to its end, `so_far` has what was counted: of the workload that it ended in, the finished turns.
    """

    def __init__(self, plan: Plan, only: Sequence[str], cores: tuple[int, int], progress: Progress, scratch: Path) -> None:
        self._plan = plan
        self._only = only
        self._core, self._load_core = cores
        self._progress = progress
        self._scratch = scratch
        self.variants: dict[str, dict[str, Any]] = {}
        self.cells: list[dict[str, Any]] = []
        self._lone_figures: dict[str, float] = {}

    def so_far(self) -> dict[str, Any]:
        """What is known by now, as the JSON has it."""
        return {"variants": self.variants, "cells": self.cells, "lone_us": None, **self._lone_figures}

    def measure(self, keep: Callable[[dict[str, Any]], str]) -> dict[str, Any]:
        """Everything, as the JSON has it.

        keep: is given what is known after each workload, and returns why it could not keep that.
        """
        skipped = self._get_rivals()
        self.variants |= {name: {"skipped": reason} for name, reason in skipped.items()}
        for workload in self._plan.loads:
            self._progress.say(f"{workload}: making the model")
            folder = self._scratch / workload
            names = [name for name in self._plan.variants(workload, self._only) if name not in skipped]
            models.make(workload, folder, {VARIANTS[name].needs for name in names} - {""})
            self._stage(workload, folder, names)
            if failed := keep(self.so_far()):
                self._progress.say(f"what is counted so far could not be kept: {failed}")
        self._lone_figures = self._lone()
        return self.so_far()

    def _get_rivals(self) -> dict[str, str]:
        skipped = {}
        for name in {name for workload in self._plan.loads for name in self._plan.variants(workload, self._only)}:
            rival = VARIANTS[name].rival
            if rival is not None:
                try:
                    rivals.ready(rival, self._progress.say)
                except (rivals.NotInstalled, OSError) as why:
                    skipped[name] = str(why)
                    self._progress.say(f"left out: {why}")
        return skipped

    def _stage(self, workload: str, folder: Path, names: list[str]) -> None:
        kept = folder / "sink"
        [sink_port] = free_ports(1)
        runs: dict[str, Run] = {}
        try:
            with _sink(sink_port, kept), ExitStack() as servers:
                try:
                    self._start_all(workload, folder, names, sink_port, runs, servers)
                    self._take_turns(workload, runs)
                finally:
                    self._progress.say(f"{workload}: ending the servers")
        finally:
            if any(run.turns for run in runs.values()):
                self._progress.say(f"{workload}: counting what the sink took")
                arrived = counting.count(sink.read(kept))
                for name, run in runs.items():
                    self.cells += cells_of(name, workload, run, arrived.get(name, counting.Arrived()))
            kept.unlink(missing_ok=True)

    def _take_turns(self, workload: str, runs: dict[str, Run]) -> None:
        for load, number, name in self._plan.turns(workload, self._only):
            if number and self._progress.late(self._plan.limit_seconds):
                self._progress.did(seconds_of_turn(load))  # left out: a round less for everyone from here on
                continue
            if name in runs and not runs[name].failed:
                self._progress.say(f"{workload}, {load.name}, round {number + 1} of {load.rounds}: {VARIANTS[name].title}")
                self._turn(name, runs[name], load)
            self._progress.did(seconds_of_turn(load))

    def _start_all(
        self, workload: str, folder: Path, names: list[str], sink_port: int, runs: dict[str, Run], servers: ExitStack
    ) -> None:
        for name in names:
            starts = self._plan.starts if workload == "iris" else 1
            self._progress.say(f"{workload}: starting {VARIANTS[name].title}")
            try:
                for number in range(starts):
                    server, ready = self._start(name, workload, folder, sink_port, servers)
                    if workload == "iris":
                        self.variants.setdefault(name, {}).setdefault("ready_seconds", []).append(round(ready, 2))
                    if number < starts - 1:
                        server.stop()
                body = folder / f"{name}.json"
                body.write_bytes(VARIANTS[name].body)
                runs[name] = run = Run(server, body)
                self._warm(name, run)
                about = self.variants.setdefault(name, {})
                about.setdefault("resident_mb", round(server.resident_bytes() / 1e6, 1))
                server.pause()
            except (RuntimeError, OSError, TimeoutError) as wrong:
                self.variants.setdefault(name, {})["failed"] = f"{workload}: {wrong}"
                self._progress.say(f"{VARIANTS[name].title} failed: {wrong}")
                if name in runs:
                    runs.pop(name).server.stop()
            self._progress.did(seconds_of_starts(1, starts))

    def _start(self, name: str, workload: str, folder: Path, sink_port: int, servers: ExitStack) -> tuple[Server, float]:
        port, *_ = free_ports(3)
        scratch = folder / f"of-{name}"
        scratch.mkdir(exist_ok=True)
        start = VARIANTS[name].start(Place(folder, port, sink_port, scratch, workload))
        environment = {
            "OTEL_SERVICE_NAME": name,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink_port}",
            "OTEL_SEMCONV_STABILITY_OPT_IN": "http",
            **start.environment,
        }
        server = Server(start.command, environment, start.cwd or ROOT, scratch / "log", port=port, core=self._core)
        servers.callback(server.stop)
        return server, server.wait_ready(VARIANTS[name].health)

    def _warm(self, name: str, run: Run) -> None:
        variant = VARIANTS[name]
        answers = open_loop.run(run.server.port, open_loop.request_bytes(variant.path, variant.body), [0.0] * _WARM_REQUESTS)
        if answers.wrong:
            raise RuntimeError(f"{answers.wrong} of {_WARM_REQUESTS} answers were not 200: {run.server.said()}")
        run.answered += len(answers.latencies)

    def _turn(self, name: str, run: Run, load: Load) -> None:
        before, begin = run.server.processor_seconds(), time.time_ns()
        run.cut_off = True
        run.server.resume()
        try:
            answered, figures, latencies, wrong = self._load(name, run, load)
        except (RuntimeError, ValueError, subprocess.SubprocessError) as failed:
            run.failed = f"{load.name}: {failed}"
            self._progress.say(f"{VARIANTS[name].title} failed: {failed}")
            run.server.pause()
            return
        run.server.wait_idle(_IDLE_SECONDS)
        run.server.pause()
        figures["cpu_us"] = (run.server.processor_seconds() - before) / max(1, answered) * 1e6
        run.answered += answered
        run.turns.append(Turn(load, answered, figures, latencies, wrong, begin, time.time_ns()))
        run.cut_off = False

    def _load(self, name: str, run: Run, load: Load) -> tuple[int, dict[str, float], list[int], int]:
        path, port = VARIANTS[name].path, run.server.port
        if load.kind == "closed":
            url = f"http://127.0.0.1:{port}"
            seen = closed_loop.run(url, path, run.body, connections=load.amount, seconds=load.seconds, core=self._load_core)
            figures = {"rate": seen.rate, "p50": seen.p50, "p99": seen.p99, "p999": seen.p999}
            return seen.answered, figures, [], seen.wrong
        command = [
            sys.executable,
            "-m",
            "benchmarks.bench.open_loop",
            "--port",
            str(port),
            "--path",
            path,
            "--body",
            str(run.body),
        ]
        command += ["--rate", str(load.amount), "--seconds", str(load.seconds)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=load.seconds + 90)
        if ran.returncode:
            raise RuntimeError(ran.stderr.strip()[-300:])
        said = json.loads(ran.stdout)
        late = percentile(said["late"], 99) / 1000 if said["late"] else 0.0
        return len(said["latencies"]), {"late_p99": late}, said["latencies"], said["wrong"]

    def _lone(self) -> dict[str, float]:
        folder = self._scratch / "iris" / "served"
        if not folder.exists() or self._plan.kind == "smoke":
            return {}
        self._progress.say("one lone request inside the process, telemetry disabled")
        command = ["taskset", "-c", str(self._core), sys.executable, str(ROOT / "benchmarks/lone_request.py"), "--json"]
        ran = subprocess.run([*command, "--model", str(folder), "--runs", "20"], capture_output=True, text=True, check=False)
        if ran.returncode:
            return {}
        said = json.loads(ran.stdout)
        return {"lone_us": round(said["median"], 1), "lone_add_us": round(said["one_add_of_the_sdk"], 2)}


@contextmanager
def _sink(port: int, kept: Path) -> Iterator[None]:
    """A sink of its own session: a Ctrl-C does not reach it, so that it still takes what the servers send at their end."""
    command = [sys.executable, "-m", "benchmarks.bench.sink", "--port", str(port), "--into", str(kept)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True)
    try:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError("The sink did not start.")
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
