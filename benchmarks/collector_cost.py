"""What the Collector costs: processor time for 1,000 requests of the service, with the project's own configuration.

    python benchmarks/collector_cost.py [--json] [--into FILE] [--rounds 3]

The service answers requests first, and what it sends is kept. Then the real Collector gets that, at the same pace, with backends
that take everything at once and keep nothing. Its idle cost (host metrics, its own log) is measured and taken off.
Where the time goes is found by leaving parts out, one at a time, in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench import backends_that_forget, machine, models, open_loop, sink
from benchmarks.bench.processes import Server, free_ports
from benchmarks.bench.variants import VARIANTS, Place
from vitals.backends.collector_config import arguments
from vitals.checkout import ROOT
from vitals.engines.cache import Engines
from vitals.settings.stack import StackSettings

_NOTE = (
    "Each row leaves one thing out, or sends one kind of signal only. Of all processors redaction takes the most time, because "
    "its regular expressions look at each key and value. It skips attributes that only have a few values; the row with every "
    "attribute shows the cost before that."
)

RATE = 200
SECONDS = 10
_PORTS = ("OTLP_GRPC_PORT", "OTLP_HTTP_PORT", "ALERTS_PORT", "COLLECTOR_HEALTH_PORT", "COLLECTOR_METRICS_PORT")


@dataclass(frozen=True)
class Part:
    """A Collector with something left out, or with some of the signals alone."""

    what: str
    left_out: Mapping[str, Any]
    letters: str = "TML"


def _without(*processors: str) -> dict[str, Any]:
    """The pipelines that take something in, without these processors."""
    all_of = {
        "traces": ["memory_limiter", "transform/bounds", "redaction", "transform/cut"],
        "metrics": ["memory_limiter", "transform/bounds", "filter/bounds", "redaction"],
        "logs": ["memory_limiter", "transform/bounds", "redaction", "transform/cut"],
    }
    kept = {signal: [one for one in names if one not in processors] for signal, names in all_of.items()}
    return {"service": {"pipelines": {signal: {"processors": names} for signal, names in kept.items()}}}


def _to_nobody() -> dict[str, Any]:
    """The backends' pipelines end in nothing: what is left is taking in, bounds and redaction."""
    pipelines = ("metrics/prometheus", "logs/elasticsearch", "traces/elasticsearch", "traces/jaeger")
    return {
        "exporters": {"debug/nobody": {"verbosity": "basic"}},
        "service": {
            "telemetry": {"logs": {"level": "error"}},
            "pipelines": {name: {"exporters": ["debug/nobody"]} for name in pipelines},
        },
    }


_RANDOM = ["ml.prediction.confidence", "log.record.uid", "ml.prediction.id", "service.instance.id"]

PARTS = (
    Part("everything", {}),
    Part("spans alone", {}, "T"),
    Part("log records alone", {}, "L"),
    Part("metrics alone", {}, "M"),
    Part("without the bounds of an item (transform/bounds, transform/cut)", _without("transform/bounds", "transform/cut")),
    Part("without redaction", _without("redaction")),
    Part("with redaction of every attribute but random ids", {"processors": {"redaction": {"ignored_keys": _RANDOM}}}),
    Part(
        "without span metrics",
        {"service": {"pipelines": {"traces": {"exporters": ["forward"]}, "metrics": {"receivers": ["otlp"]}}}},
    ),
    Part("queues written without waiting for the disk (fsync)", {"extensions": {"file_storage": {"fsync": False}}}),
    Part("without sending anything on", _to_nobody()),
)


def record(folder: Path, core: int) -> tuple[list[tuple[str, bytes]], int]:
    """What the service sends for RATE x SECONDS requests, and how many those were."""
    models.make("iris", folder / "iris")
    [sink_port, port] = free_ports(2)
    kept = folder / "sent"
    taking = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.bench.sink", "--port", str(sink_port), "--into", str(kept)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert taking.stdout is not None
    taking.stdout.readline()
    ours = VARIANTS["ours"]
    start = ours.start(Place(folder / "iris", port, sink_port, folder, "iris"))
    environment = {
        **start.environment,
        "OTEL_SERVICE_NAME": "ours",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink_port}",
    }
    server = Server(start.command, environment, ROOT, folder / "log", port=port, core=core)
    try:
        server.wait_ready(ours.health)
        answers = open_loop.run(port, open_loop.request_bytes(ours.path, ours.body), open_loop.intended_times(RATE, SECONDS))
    finally:
        server.stop()
        taking.terminate()
        taking.wait(20)
    return list(sink.read(kept)), len(answers.latencies)


@contextmanager
def collector(part: Part, folder: Path, core: int, backends: Mapping[str, str]) -> Iterator[tuple[psutil.Process, str]]:
    """A Collector on the project's files while the block runs, on a core of its own, and where it takes OTLP."""
    folder.mkdir(parents=True)
    ports = dict(zip(_PORTS, map(str, free_ports(len(_PORTS))), strict=True))
    (folder / "secrets").mkdir()
    for name in ("elasticsearch-writer-password", "alerts-token"):
        (folder / "secrets" / name).write_text("not-a-secret")
    (folder / "left-out.yaml").write_text(json.dumps(part.left_out))
    settings = StackSettings.load()
    environment = {
        "PATH": os.environ["PATH"],
        "HOST_NAME": "measured",
        **ports,
        **backends,
        "SECRETS_DIR": str(folder / "secrets"),
    }
    environment |= {"QUEUE_DIR": str(folder / "queue"), "LOGS_DIR": str(folder / "logs")}
    command = [
        str(Engines(settings.vitals_cache_dir).binary("otelcol")),
        *arguments(settings),
        "--config",
        str(folder / "left-out.yaml"),
    ]
    server = Server(command, environment, ROOT, folder / "log", port=int(ports["COLLECTOR_HEALTH_PORT"]), core=core)
    try:
        server.wait_ready("/")
        yield psutil.Process(server.pid), f"127.0.0.1:{ports['OTLP_GRPC_PORT']}"
    finally:
        server.stop()


def replay(records: Sequence[tuple[str, bytes]], to: str, seconds: float) -> None:
    """Send it all again, spread evenly over so many seconds. Raises RuntimeError where something is refused."""
    with grpc.insecure_channel(to) as channel, ThreadPoolExecutor(4) as few:
        export = {
            letter: channel.unary_unary(f"/{service}/Export", request_serializer=None, response_deserializer=None)
            for letter, service in sink.SIGNALS.items()
        }
        begin, sent = time.monotonic(), []
        for number, (letter, request) in enumerate(records):
            time.sleep(max(0.0, begin + seconds * number / len(records) - time.monotonic()))
            sent.append(few.submit(export[letter], request, timeout=30))
        for one in sent:
            one.result()


def processor_seconds(process: psutil.Process) -> float:
    """Its processor time so far."""
    used = process.cpu_times()
    return used.user + used.system


def cost(
    part: Part, records: Sequence[tuple[str, bytes]], requests: int, folder: Path, core: int, backends: Mapping[str, str]
) -> float:
    """Milliseconds of processor time for 1,000 requests, less what it takes when nothing comes."""
    chosen = [one for one in records if one[0] in part.letters]
    with collector(part, folder, core, backends) as (process, to):
        replay(chosen[: len(chosen) // 5], to, SECONDS / 5)  # to warm up: connections, caches
        time.sleep(1)
        before, begun = processor_seconds(process), time.monotonic()
        time.sleep(5)
        idle = (processor_seconds(process) - before) / (time.monotonic() - begun)
        before, begun = processor_seconds(process), time.monotonic()
        replay(chosen, to, SECONDS)
        time.sleep(1)
        used = processor_seconds(process) - before - idle * (time.monotonic() - begun)
    return used / requests * 1e6


def main() -> None:
    """Measure and print, and with --into keep it for docs/performance.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--into", type=Path, help="also write the JSON there, as docs/performance/collector.json")
    parser.add_argument("--rounds", type=int, default=3, help="each figure is the median of so many")
    given = parser.parse_args()
    missing = machine.missing()
    if missing:
        sys.exit("\n".join(missing))
    core, other = machine.cores()
    os.sched_setaffinity(0, {other})
    about = machine.described()
    on = f"{about['processor']}, {about['busy_before']} busy before the run"
    taken: dict[str, list[float]] = {part.what: [] for part in PARTS}
    with tempfile.TemporaryDirectory(prefix="collector-cost-") as scratch, backends_that_forget.running() as backends:
        records, requests = record(Path(scratch), core)
        for number in range(given.rounds):
            for position, part in enumerate(PARTS):
                print(f"round {number + 1} of {given.rounds}: {part.what}", file=sys.stderr, flush=True)
                taken[part.what].append(cost(part, records, requests, Path(scratch) / f"{number}-{position}", core, backends))
    found = {
        "command": "python benchmarks/collector_cost.py",
        "about": f"{requests:,} requests at {RATE}/s, medians of {given.rounds} rounds, less what it takes when idle; {on}.",
        "bytes_a_request": round(sum(len(request) for _, request in records) / requests),
        "parts": [{"what": what, "ms": round(statistics.median(values), 1)} for what, values in taken.items()],
        "rounds": {what: [round(one, 1) for one in values] for what, values in taken.items()},
        "notes": [_NOTE],
    }
    if given.into:
        given.into.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    if given.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for one in found["parts"]:
        print(f"{one['what']:70} {one['ms']:8.1f} ms for 1,000 requests")


if __name__ == "__main__":
    main()
