"""Open-loop load on POST /predict, from a process of its own: what is slow does not slow the arrivals.

Requests start on a fixed schedule, whatever became of those before, and a latency counts from the scheduled moment: a second in
which the service answers nobody is seen by every request of that second, and not by one alone ("coordinated omission").
With `--connections` it is the other way about, as many as it takes: to find how many requests the service can answer at all.
`python tests/faults/load.py URL --out FILE` sends until SIGTERM, waits for what is under way, and ends. A line of FILE is a
request; its times are those of the monotonic clock, which all processes of a Linux machine share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import aiohttp

ROW = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
RATE = float(os.environ.get("FAULTS_RATE", "200"))
"""Requests a second, where a test does not say otherwise; FAULTS_RATE is for a machine that is too busy for 200."""
TIMEOUT_SECONDS = 60.0
CONNECTION_RESTS_SECONDS = 0.5


@dataclass(frozen=True)
class Answer:
    """One request: when it was due, when it was answered (None: it never was), and what the answer said."""

    scheduled: float
    answered: float | None
    status: int | None
    trace_id: str | None
    prediction_id: str | None

    @property
    def ok(self) -> bool:
        """Whether it was answered with a prediction."""
        return self.status == 200 and self.trace_id is not None

    @property
    def seconds(self) -> float:
        """From the scheduled moment to the whole answer; infinite where there was none."""
        return math.inf if self.answered is None else self.answered - self.scheduled


def quantile(values: list[float], share: float) -> float:
    """The value that at least `share` of the values do not exceed (the nearest-rank method). Raises ValueError for no values."""
    if not values:
        raise ValueError("a quantile of nothing")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


class Load:
    """A load generator that runs while the block does; what it wrote is read from its file, also meanwhile."""

    def __init__(self, url: str, rate: float = RATE, *, connections: int = 0, folder: Path) -> None:
        """`connections`: instead of a fixed rate, so many connections that each send as soon as they are answered."""
        self.url = url
        self.rate = rate
        self.connections = connections
        self.file = folder / f"load-{time.monotonic_ns()}.jsonl"
        self._errors = self.file.with_suffix(".err")
        self._answers: list[Answer] = []
        self._read = 0

    def __enter__(self) -> Self:
        self.file.touch()
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, __file__, self.url, "--out", self.file),
                    *("--rate", str(self.rate), "--connections", str(self.connections)),
                ],
                stderr=errors,
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        ended = self.stop()
        if kind is None:
            assert ended == 0, self._said()

    def stop(self) -> int:
        """No more requests; returns its exit status once those under way are answered."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(TIMEOUT_SECONDS + 15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise

    def answers(self) -> list[Answer]:
        """Every request that is over so far, answered or not, in the order in which they ended."""
        with self.file.open("rb") as lines:
            lines.seek(self._read)
            whole = lines.read().rpartition(b"\n")[0]
        if whole:
            self._read += len(whole) + 1
            self._answers.extend(Answer(**json.loads(line)) for line in whole.splitlines())
        return list(self._answers)

    def seconds(self, since: float, until: float) -> list[float]:
        """The latencies of the requests that were due between two moments; a request without an answer took for ever."""
        return [one.seconds for one in self.answers() if since <= one.scheduled < until]

    def p99(self, since: float, until: float) -> float:
        """The 99th percentile of these latencies, in seconds."""
        return quantile(self.seconds(since, until), 0.99)

    def wait(self, seconds: float) -> float:
        """Wait until so many seconds' further requests are over; returns the moment. Fails when there is no load."""
        until = time.monotonic() + seconds
        deadline = until + TIMEOUT_SECONDS + 15
        while True:
            assert self._process.poll() is None, f"the load generator has ended: {self._said()}"
            answers = self.answers()
            if answers and max(one.scheduled for one in answers[-200:]) >= until - 1 / self.rate:
                return time.monotonic()
            assert time.monotonic() < deadline, f"no load for {time.monotonic() - until:.0f} s: {self._said()}"
            time.sleep(min(0.2, seconds))

    def _said(self) -> str:
        return self._errors.read_text(errors="replace")[-2000:] or "it said nothing"


async def _send(url: str, rate: float, connections: int, out: IO[str]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    under_way: set[asyncio.Task[None]] = set()
    body = json.dumps({"features": ROW}).encode()
    headers = {"content-type": "application/json"}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    # As many connections as it takes: a limit would make the arrivals wait for answers. Those of a burst end after it: the pool
    # uses all in turn, so that none would ever rest for long, and each costs the service memory as long as it is open.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=CONNECTION_RESTS_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as session:

        async def one(scheduled: float) -> None:
            told: dict[str, Any] = {"answered": None, "status": None, "trace_id": None, "prediction_id": None}
            try:
                async with session.post(f"{url}/predict", data=body) as response:
                    content = json.loads(await response.read())
                told = {"answered": time.monotonic(), "status": response.status}
                told |= {name: content.get(name) for name in ("trace_id", "prediction_id")}
            except (aiohttp.ClientError, TimeoutError, ValueError):
                pass  # not answered: its line says so
            out.write(json.dumps({"scheduled": scheduled, **told}) + "\n")

        async def one_after_the_other() -> None:
            while not stop.is_set():
                await one(time.monotonic())
                out.flush()

        if connections:
            await asyncio.gather(*(one_after_the_other() for _ in range(connections)))
        begun, number = time.monotonic() + 0.1, 0
        while not stop.is_set():
            due = begun + number / rate
            if (early := due - time.monotonic()) > 0:
                out.flush()
                await asyncio.sleep(early)
                continue
            task = asyncio.create_task(one(due))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            number += 1
            await asyncio.sleep(0)  # also when late: answers are read meanwhile
        await asyncio.gather(*under_way)
    out.flush()


def main() -> None:
    """Send until told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--connections", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    with given.out.open("a") as out:
        asyncio.run(_send(given.url, given.rate, given.connections, out))


if __name__ == "__main__":
    main()
