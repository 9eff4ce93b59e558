"""MLServer and BentoML: each in an environment of its own, made once from pinned requirements and kept in the user's cache."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vitals.checkout import ROOT
from vitals.settings.stack import StackSettings

if TYPE_CHECKING:
    from benchmarks.bench.variants import Place, Start


class NotInstalled(Exception):
    """A rival that can't be had here, with a sentence that says why."""


def requirements(name: str) -> Path:
    """What its environment is made of, pinned by hash."""
    return ROOT / "requirements" / f"bench-{name}.txt"


def home(name: str) -> Path:
    """The environment's folder: another where its requirements or Python are others."""
    pins = [line for line in requirements(name).read_text().splitlines() if not line.lstrip().startswith("#")]
    made_of = "\n".join([*pins, sys.version]).encode()
    return StackSettings.load().vitals_cache_dir / "bench" / f"{name}-{hashlib.sha256(made_of).hexdigest()[:12]}"


def ready(name: str, tell: Callable[[str], None]) -> Path:
    """The environment's folder, which is made first where it is absent. Raises NotInstalled."""
    folder = home(name)
    if (folder / ".ready").exists():
        return folder
    tell(f"making an environment for {name}, once; takes a minute or two")
    shutil.rmtree(folder, ignore_errors=True)
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    steps = [[sys.executable, "-m", "venv", str(folder)], [*pip, "-r", str(requirements(name))]]
    for step in steps:
        ran = subprocess.run(step, capture_output=True, text=True, check=False)
        if ran.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            said = [line for line in ran.stderr.splitlines() if line.strip()] or ["it said nothing"]
            raise NotInstalled(f"{name} can't be installed here: {said[-1].strip()[:300]}")
    (folder / ".ready").touch()
    return folder


def start_mlserver(at: Place) -> Start:
    """One process: its workers for inference would share the one core with it."""
    from benchmarks.bench.variants import Start

    models = at.scratch / "models"
    models.mkdir(parents=True, exist_ok=True)
    server = {"host": "127.0.0.1", "http_port": at.port, "grpc_port": at.port + 1, "metrics_port": at.port + 2}
    (models / "settings.json").write_text(json.dumps({**server, "parallel_workers": 0, "debug": False}))
    settings = {"name": "iris", "implementation": "mlserver_sklearn.SKLearnModel"}
    (models / "model-settings.json").write_text(
        json.dumps({**settings, "parameters": {"uri": str(at.folder / "model.joblib"), "version": "1"}})
    )
    return Start([str(home("mlserver") / "bin/mlserver"), "start", str(models)], {}, models)


def start_bentoml(at: Place) -> Start:
    """One worker of the service beside this file."""
    from benchmarks.bench.variants import Start

    variables = {"BENCH_MODEL": str(at.folder / "model.joblib"), "BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(at.scratch)}
    command = [str(home("bentoml") / "bin/bentoml"), "serve", "bento_iris:Iris", "--host", "127.0.0.1", "--port", str(at.port)]
    return Start(command, variables, Path(__file__).parent / "served")
