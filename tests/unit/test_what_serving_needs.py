"""What a serving process loads, and the memory it takes: nothing of what trains models, and nothing of the other verbs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import psutil
import pytest

from vitals.bundle.folder import read_folder
from vitals.cli import main
from vitals.host.processes import wait_until

from ..ports import free_ports

TRAINING = {"sklearn", "pandas", "scipy", "skops", "joblib", "onnx", "skl2onnx", "pyarrow", "matplotlib"}
"""What makes models; a process that asks a graph needs none of it."""

OTHER_VERBS = {
    "vitals.host",
    "vitals.engines",
    "vitals.backends",
    "vitals.lookup",
    "vitals.provisioning",
    "vitals.orchestration",
    "vitals.canary",
    "vitals.doctor",
    "vitals.profiling",
    "vitals.scenarios",
    "vitals.report",
    "vitals.cli.all_verbs",
    "jinja2",
}

PULLED = {"prometheus_client", "opentelemetry.exporter.prometheus", "http.server"}
"""What METRICS_PULL takes; without it nothing is scraped here."""


@contextmanager
def _serving(folder: Path, imports: Path, **options: str) -> Iterator[tuple[psutil.Process, str]]:
    """`vitals serve` as its users start it; Python writes what it imports to `imports`."""
    [port] = free_ports(1)
    variables = {
        **os.environ,
        "MODEL_DIR": str(folder),
        "SERVICE_PORT": str(port),
        "VITALS_ENV_FILE": os.devnull,
        "PYTHONPROFILEIMPORTTIME": "1",
        **options,
    }
    with imports.open("w") as stderr:
        process = subprocess.Popen([sys.executable, "-m", "vitals.cli", "serve"], env=variables, stderr=stderr)
    address = f"http://127.0.0.1:{port}"
    try:
        assert wait_until(lambda: _ready(address), 180), imports.read_text()[-2000:]
        yield psutil.Process(process.pid), address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def _imported(written: Path) -> set[str]:
    lines = [line for line in written.read_text().splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


def _of(names: set[str], imported: set[str]) -> set[str]:
    return {one for one in imported if any(one == name or one.startswith(f"{name}.") for name in names)}


@pytest.mark.slow
@pytest.mark.parametrize("exporter", ["otlp", "none"])
def test_a_graph_is_served_without_what_trains_models(model_folder: Path, tmp_path: Path, exporter: str) -> None:
    folder = read_folder(model_folder)
    assert folder.artefact.suffix == ".onnx"
    body = {"features": {feature.name: feature.example for feature in folder.profile.features}}
    exporters = {f"OTEL_{kind}_EXPORTER": exporter for kind in ("TRACES", "METRICS", "LOGS")}
    with _serving(model_folder, tmp_path / "imports", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", **exporters) as (
        process,
        address,
    ):
        for _ in range(20):
            assert httpx.post(f"{address}/predict", json=body).status_code == 200
        resident = process.memory_info().rss
    imported = _imported(tmp_path / "imports")
    assert {"onnxruntime", "numpy", "vitals.serving.server"} <= imported, "it is that process"
    assert _of(TRAINING | OTHER_VERBS | PULLED, imported) == set()
    assert resident < 150e6, f"{resident / 1e6:.0f} MB"


@pytest.mark.parametrize("given", [["serve", "--help"], ["--help"], ["serve", "now"], ["server"]])
def test_every_other_command_line_is_for_all_verbs(
    given: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["vitals", *given])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == (0 if "--help" in given else 2)
    shown = {"serve --help": "Serve the model of MODEL_DIR", "--help": "doctor"}.get(" ".join(given), "")
    assert shown in said.out
