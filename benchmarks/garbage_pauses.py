"""What Python's garbage collector costs requests, with what a start made out of its sight (as `vitals serve` does) and in it.

    python benchmarks/garbage_pauses.py [--json] [--runs 3] [--seconds 40] [--rate 380]

Serves the iris example in a process of its own, with requests on a schedule from another (tests/faults/load.py); the two ways in
turn. Telemetry goes where OTEL_EXPORTER_OTLP_ENDPOINT says: with `make up` beside it, to a real Collector.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2 as httpx

LOAD = Path(__file__).parents[1] / "tests" / "faults" / "load.py"
WAYS = {"out of sight": "vitals.serving.server:make_app", "in sight": "vitals.app:create_app"}
WARM_UP_SECONDS = 10.0

_SERVE = """
import atexit, gc, json, sys, time
import uvicorn
begun, pauses = [0.0], []
def look(phase, told):
    if phase == "start":
        begun[0] = time.monotonic()
    elif told["generation"] == 2:
        pauses.append((begun[0], time.monotonic() - begun[0]))
gc.callbacks.append(look)
atexit.register(lambda: open(sys.argv[3], "w").write(json.dumps(pauses)))
uvicorn.run(sys.argv[1], factory=True, port=int(sys.argv[2]), lifespan="on", access_log=False, log_level="warning")
"""


def one_run(way: str, model: Path, *, rate: float, seconds: float) -> dict[str, float]:
    """Milliseconds: the latency's quantiles and the longest full collection; and how many of those there were."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        paused, answered, said = Path(folder, "pauses.json"), Path(folder, "load.jsonl"), Path(folder, "service.log")
        environment = {**os.environ, "MODEL_DIR": str(model), "VITALS_ENV_FILE": os.devnull}
        command = [sys.executable, "-c", _SERVE, WAYS[way], str(port), paused]
        with said.open("wb") as log:
            service = subprocess.Popen(command, env=environment, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(url, service, said)
            load = subprocess.Popen([sys.executable, LOAD, url, "--rate", str(rate), "--out", answered])
            time.sleep(WARM_UP_SECONDS)
            begun = time.monotonic()
            time.sleep(seconds)
            end = time.monotonic()
            load.send_signal(signal.SIGTERM)
            assert load.wait(90) == 0, "the load generator failed"
        finally:
            service.send_signal(signal.SIGINT)
            service.wait(60)
        rows = [json.loads(line) for line in answered.read_text().splitlines()]
        pauses = [long * 1000 for when, long in json.loads(paused.read_text()) if begun <= when < end]
    due = [row for row in rows if begun <= row["scheduled"] < end]
    assert all(row["status"] == 200 for row in due), "every request has to be answered with a prediction"
    latencies = sorted((row["answered"] - row["scheduled"]) * 1000 for row in due)
    cuts = statistics.quantiles(latencies, n=1000, method="inclusive")
    return {
        "p50_ms": cuts[499],
        "p99_ms": cuts[989],
        "p999_ms": cuts[998],
        "full_collections": len(pauses),
        "longest_ms": max(pauses, default=0.0),
    }


def _wait_until_ready(url: str, service: subprocess.Popen[bytes], said: Path) -> None:
    for _ in range(600):
        assert service.poll() is None, f"the service ended before it was ready: {said.read_text()[-2000:]}"
        try:
            httpx.get(f"{url}/health/ready", timeout=5).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the service was not ready within a minute")


def measure(runs: int, rate: float, seconds: float) -> dict[str, dict[str, float]]:
    """The medians of each figure over runs of both ways in turn."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "model")
        train = [sys.executable, "-m", "vitals.cli", "train-example", "iris", "--out", model]
        subprocess.run(train, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seen: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for number in range(runs):
            for way in WAYS:
                print(f"run {number + 1} of {runs}, {way}", file=sys.stderr)
                seen[way].append(one_run(way, model, rate=rate, seconds=seconds))
    return {way: {name: statistics.median(one[name] for one in all_) for name in all_[0]} for way, all_ in seen.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--rate", type=float, default=380)
    given = parser.parse_args()
    told: dict[str, Any] = measure(given.runs, given.rate, given.seconds)
    if given.json:
        print(json.dumps(told, indent=2))
        return
    print(f"{'what a start made is':24} {'p50':>9} {'p99':>9} {'p99.9':>9} {'full collections':>17} {'longest':>9}")
    for way, one in told.items():
        figures = [f"{one[name]:6.1f} ms" for name in ("p50_ms", "p99_ms", "p999_ms")]
        print(f"{way:24} {' '.join(figures)} {one['full_collections']:17.0f} {one['longest_ms']:6.1f} ms")


if __name__ == "__main__":
    main()
