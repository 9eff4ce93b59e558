"""The machine, what is installed on it, and what is missing for measuring."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

from vitals.checkout import ROOT

_PACKAGES = (
    "fastapi",
    "starlette",
    "uvicorn",
    "uvloop",
    "httptools",
    "granian",
    "scikit-learn",
    "onnxruntime",
    "numpy",
    "opentelemetry-sdk",
    "opentelemetry-instrumentation-fastapi",
    "grpcio",
)


def missing() -> list[str]:
    """A sentence for each thing without which nothing can be measured here."""
    found = []
    if not hasattr(os, "sched_getaffinity"):
        return ["This needs Linux: the server and the load must each have a core of their own."]
    if len(os.sched_getaffinity(0)) < 2:
        found.append("This needs two cores, one for the server and one for the load; this process may use one.")
    if shutil.which("taskset") is None:
        found.append("taskset was not found, which keeps a server on its core: install util-linux.")
    if shutil.which("wrk") is None:
        found.append("wrk was not found, which makes the closed loop: install it, on Debian and Ubuntu with 'apt install wrk'.")
    return found


def cores() -> tuple[int, int]:
    """The server's core and the load's: the first two that this process may use."""
    first, second, *_ = sorted(os.sched_getaffinity(0))
    return first, second


def described() -> dict[str, str]:
    """What the figures were measured on."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.machine()
    )
    system = next((line.split("=", 1)[1].strip('"') for line in _lines("/etc/os-release") if line.startswith("PRETTY_NAME=")), "")
    return {
        "processor": cpu,
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{psutil.virtual_memory().total / 1024**3:.0f} GB",
        "system": f"{system}, Linux {platform.release()}",
        "busy_before": f"{busy_share():.0%}",
    }


def busy_share(seconds: float = 2.0) -> float:
    """How much of the processors other work takes, while this process only waits."""
    return psutil.cpu_percent(seconds) / 100


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else []


def versions() -> dict[str, str]:
    """Versions of what is measured, and of what measures."""
    found = {"Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except ImportError:
            continue
    said = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
    found["wrk"] = (said.stdout.split() or ["", "?"])[1]
    return found | _rivals()


def _rivals() -> dict[str, str]:
    found = {}
    for name in ("mlserver", "bentoml"):
        pins = (ROOT / "requirements" / f"bench-{name}.txt").read_text().splitlines()
        found[name] = next(line.split("==")[1].split()[0] for line in pins if line.startswith(f"{name}=="))
    return found
