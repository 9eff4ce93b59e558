"""The closed loop: wrk with so many connections, each of which asks again as soon as it is answered."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

_DRAIN_SECONDS = 1
"""How long wrk goes on after the last request was sent: what is under way then is answered and counted."""


@dataclass(frozen=True)
class Closed:
    """What one run saw: all that was answered, the rate while it sent, and latencies in milliseconds."""

    answered: int
    rate: float
    p50: float
    p99: float
    p999: float
    wrong: int


def run(url: str, path: str, body: Path, *, connections: int, seconds: int, core: int) -> Closed:
    """Ask for so many seconds on so many connections. Raises RuntimeError with what wrk said where it failed."""
    command = ["taskset", "-c", str(core), "wrk", "--threads", "1", "--connections", str(connections)]
    command += [
        "--duration",
        f"{seconds + _DRAIN_SECONDS}s",
        "--timeout",
        "30s",
        "--script",
        str(Path(__file__).with_name("drain.lua")),
    ]
    command += [url, "--", str(seconds), str(connections), str(body), path]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 60)
    lines = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    if ran.returncode or not lines:
        raise RuntimeError(f"wrk failed: {(ran.stderr or ran.stdout).strip()[-300:]}")
    return from_report(json.loads(lines[-1]), connections=connections, seconds=seconds)


def from_report(said: dict[str, float], *, connections: int, seconds: float) -> Closed:
    """The figures from what the script wrote.

    Each request but the first of a connection is sent because the one before was answered: within the time, as many were answered
    as were sent, less the last of each connection.
    """
    answered = int(said["answered"])
    return Closed(
        answered=answered,
        rate=max(0.0, said["sent"] - connections) / seconds,
        p50=said["p50"] / 1000,
        p99=said["p99"] / 1000,
        p999=said["p999"] / 1000,
        wrong=int(said["errors"] + said["refused"]),
    )
