"""Who answers for an ONNX model and who wrote its graph: both by name and version."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from .onnx_graphs import layer, write


def test_the_runtime_and_its_version_are_named(tmp_path: Path) -> None:
    from vitals.model_formats.onnx_format import read_onnx

    model = read_onnx(write(layer(1, None), tmp_path))
    assert model.runtime == f"ONNX Runtime {onnxruntime.__version__}"
    assert model.made_with == "pytorch 2.9"
