"""ONNX Runtime reports nothing to its maker: it keeps an id and a queue of reports in the user's cache folder where it does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

IMPORTED_BY_ITSELF = "import onnxruntime"
OPENED_BY_US = """
from pathlib import Path
from vitals.errors import ModelMismatch
from vitals.model_formats.onnx_format import read_onnx
try:
    read_onnx(Path("no-model"))
except ModelMismatch:
    import sys
    assert "onnxruntime" in sys.modules
"""
QUIET = ("CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "GITHUB_ACTIONS", "TF_BUILD", "XDG_CACHE_HOME")
"""What would keep it from reporting, or have it keep its queue elsewhere."""


@pytest.mark.parametrize(("code", "reports"), [(IMPORTED_BY_ITSELF, True), (OPENED_BY_US, False)], ids=["by itself", "by us"])
def test_onnx_runtime_keeps_nothing_to_report(tmp_path: Path, code: str, reports: bool) -> None:
    """The first case shows that the second can fail."""
    (tmp_path / "no-model").write_bytes(b"no model")
    environment = {name: value for name, value in os.environ.items() if name not in QUIET} | {"HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert any(path.name == "deviceid" for path in tmp_path.rglob("*")) is reports
