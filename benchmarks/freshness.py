"""From the answer to searchable in Elasticsearch, while the service answers 200 requests a second: the median of five p99.

    python benchmarks/freshness.py [--json] [--into FILE] [--rate 200] [--runs 5] [--samples 100]

Needs a running stack (`make up`), whose engines share the cores with the load. Each run sends an open loop, and beside it one
request after the other that is looked for: it counts as searchable once both its span and its log are found, asked every 20 ms.
Only one is looked for at a time, since many searches at once would measure the searches. A minute of load goes before the first
run: a Java engine that has just started is still compiling.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2 as httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench import machine
from benchmarks.bench.measure import percentile
from benchmarks.bench.models import FEATURES
from vitals.checkout import ROOT
from vitals.host.addresses import address
from vitals.lookup.clients import Stores
from vitals.settings.stack import StackSettings

_SETTLE_SECONDS = 5
_WARM_UP_SECONDS = 60
_WITHIN_SECONDS = 60
_AT_MOST_SECONDS = 1800
"""The load ends by itself, whatever becomes of this program."""


def seconds_until_searchable(stores: Stores, trace_id: str, answered: float) -> float:
    """From then until both stores have the trace. Raises TimeoutError after a minute."""
    query = {"term": {"trace_id": trace_id}}
    while not (stores.search("logs-*", query, size=1) and stores.search("traces-*", query, size=1)):
        if time.monotonic() > answered + _WITHIN_SECONDS:
            raise TimeoutError(f"{trace_id} was not searchable after a minute")
        time.sleep(0.02)
    return time.monotonic() - answered


@contextmanager
def load(url: str, body: str, rate: int) -> Iterator[None]:
    """So many requests a second, until the block ends."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(body)
        file.flush()
        command = [sys.executable, "-m", "benchmarks.bench.open_loop", "--port", str(httpx.URL(url).port), "--body", file.name]
        command += ["--rate", str(rate), "--seconds", str(_AT_MOST_SECONDS)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            yield
            if process.poll() is not None:
                raise RuntimeError(f"the load ended before the run did, with {process.returncode}")
        finally:
            process.terminate()
            process.wait(10)


def measure(url: str, stores: Stores, body: str, samples: int) -> list[float]:
    """Seconds of each sample. They begin at times that have nothing to do with the stores' own rhythm."""
    taken = []
    with httpx.Client(base_url=url, timeout=30) as client:
        for _ in range(samples):
            time.sleep(random.uniform(0.0, 0.5))  # noqa: S311 - no secret
            answer = client.post("/predict", content=body, headers={"Content-Type": "application/json"}).raise_for_status()
            taken.append(seconds_until_searchable(stores, answer.json()["trace_id"], time.monotonic()))
    return taken


def main() -> None:
    """Measure and print, and with --into keep it for docs/performance.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--into", type=Path, help="also write the JSON there, as docs/performance/freshness.json")
    parser.add_argument("--rate", type=int, default=200, help="requests a second meanwhile")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--samples", type=int, default=100, help="requests a run that are looked for")
    given = parser.parse_args()
    settings = StackSettings.load()
    url = address("SERVICE_URL", settings.service_port)
    try:
        httpx.get(f"{url}/health/ready", timeout=10).raise_for_status()
    except httpx.HTTPError as wrong:
        sys.exit(f"No service answers at {url}, so nothing can be measured: start the stack with 'make up' ({wrong}).")
    found: dict[str, list[float]] = {"p50": [], "p99": []}
    body = json.dumps({"features": FEATURES})
    with closing(Stores(settings)) as stores:
        print(f"{_WARM_UP_SECONDS} s of load first", file=sys.stderr, flush=True)
        with load(url, body, given.rate):
            time.sleep(_WARM_UP_SECONDS)
        for number in range(given.runs):
            with load(url, body, given.rate):
                time.sleep(_SETTLE_SECONDS)
                taken = measure(url, stores, body, given.samples)
            for name, share in (("p50", 50), ("p99", 99)):
                found[name].append(round(percentile(taken, share), 2))
            print(
                f"run {number + 1} of {given.runs}: p50 {found['p50'][-1]} s, p99 {found['p99'][-1]} s",
                file=sys.stderr,
                flush=True,
            )
    medians = {f"{name}_median": statistics.median(values) for name, values in found.items()}
    about = machine.described()
    said = {"command": "python benchmarks/freshness.py", "machine": f"{about['processor']}, {about['cores']} cores"}
    result = {**said, "rate": given.rate, "samples": given.samples, **found, **medians}
    if given.into:
        given.into.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    if given.json:
        print(json.dumps(result, ensure_ascii=False))
        return
    p50, p99 = medians["p50_median"], medians["p99_median"]
    print(f"answer → searchable at {given.rate}/s, medians of {given.runs} runs: p50 {p50:.2f} s, p99 {p99:.2f} s")


if __name__ == "__main__":
    main()
