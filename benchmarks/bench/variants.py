"""The variants: what each starts, what it is asked, and what each answered request must leave at the sink."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import rivals
from benchmarks.bench.counting import Expects
from benchmarks.bench.models import FEATURES, WORKLOADS

ALL = frozenset(WORKLOADS)
BASELINE = "plain"
_NOTHING = Expects()
_READY = "/health/ready"


@dataclass(frozen=True)
class Place:
    """Where one server of a variant runs: its model's folder, its port, the sink's port, and a folder for its own files."""

    folder: Path
    port: int
    sink: int
    scratch: Path
    workload: str


@dataclass(frozen=True)
class Start:
    """A command with the variables that are set for it, and the folder that it runs in; None: the checkout."""

    command: list[str]
    environment: dict[str, str]
    cwd: Path | None = None


@dataclass(frozen=True)
class Variant:
    """One way of serving and watching."""

    title: str
    start: Callable[[Place], Start]
    expects: Expects = _NOTHING
    workloads: frozenset[str] = ALL
    path: str = "/predict"
    body: bytes = json.dumps({"features": FEATURES}).encode()
    health: str = "/health"
    rival: str | None = None
    needs: str = ""
    """What it serves beside model.joblib: a folder of benchmarks/bench/models.py."""
    measured: bool = True
    """False: only its start and its memory."""


def _plain(model: str, telemetry: str = "none", *options: str, **variables: str) -> Callable[[Place], Start]:
    def start(at: Place) -> Start:
        served = "noop" if at.workload == "no-op" else model
        command = [sys.executable, "-m", "benchmarks.bench.served.plain", "--model", served, "--folder", str(at.folder)]
        command += ["--telemetry", telemetry, "--port", str(at.port), *options]
        return Start(command, variables)

    return start


def _ours(folder: str = "served", **variables: str) -> Callable[[Place], Start]:
    def start(at: Place) -> Start:
        own = {"MODEL_DIR": str(at.folder / folder), "SERVICE_PORT": str(at.port), "VITALS_STATE_DIR": str(at.scratch)}
        return Start([sys.executable, "-m", "vitals.cli", "serve"], own | variables)

    return start


_TUNED = {
    f"OTEL_{kind}_{name}": value
    for kind in ("BSP", "BLRP")
    for name, value in (("SCHEDULE_DELAY", "200"), ("MAX_EXPORT_BATCH_SIZE", "64"), ("MAX_QUEUE_SIZE", "16384"))
}
_EVERYTHING = Expects(spans=True, logs=True, requests=True)
_V2_BODY = json.dumps(
    {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [list(FEATURES.values())]}]}
).encode()

VARIANTS = {
    BASELINE: Variant("plain FastAPI + scikit-learn", _plain("sklearn")),
    "plain-again": Variant("the same once more (A/A)", _plain("sklearn")),
    "plain-onnx": Variant("plain FastAPI + the same ONNX model", _plain("onnx"), workloads=ALL - {"no-op"}, needs="served"),
    "ours": Variant("ours, everything on", _ours(), _EVERYTHING, health=_READY, needs="served"),
    "ours-off": Variant("ours, OTEL_SDK_DISABLED=true", _ours(OTEL_SDK_DISABLED="true"), health=_READY, needs="served"),
    "ours-sdk": Variant("ours, VITALS_FAST_PATH=off", _ours(VITALS_FAST_PATH="off"), _EVERYTHING, health=_READY, needs="served"),
    "contrib": Variant("plain + contrib, its defaults", _plain("sklearn", "contrib", "--inner-spans"), _EVERYTHING),
    "contrib-tuned": Variant("plain + contrib, tuned", _plain("sklearn", "contrib", **_TUNED), _EVERYTHING),
    "native": Variant("plain + FastAPI's own telemetry", _plain("sklearn", "native"), _EVERYTHING),
    "instrument": Variant("plain + instrument()", _plain("sklearn", "instrument"), Expects(spans=True, requests=True)),
    "mlserver": Variant(
        "MLServer",
        rivals.start_mlserver,
        workloads=ALL - {"no-op"},
        path="/v2/models/iris/infer",
        body=_V2_BODY,
        health="/v2/models/iris/ready",
        rival="mlserver",
    ),
    "bentoml": Variant("BentoML", rivals.start_bentoml, workloads=ALL - {"no-op"}, health="/readyz", rival="bentoml"),
    "ours-sklearn": Variant(
        "ours, everything on, answered by scikit-learn",
        _ours("by_sklearn"),
        _EVERYTHING,
        workloads=frozenset({"iris"}),
        health=_READY,
        needs="by_sklearn",
        measured=False,
    ),
}
"""In the order of the table. What is tuned about contrib: no spans for messages, batches of 64 or 200 ms, a queue that holds."""
