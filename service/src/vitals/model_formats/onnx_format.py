"""Opening a model in the ONNX format with ONNX Runtime, and saying why one can't be opened."""

from __future__ import annotations

import os
import re
from pathlib import Path

from vitals.bundle.model_card import OnnxOutput
from vitals.errors import ModelMismatch
from vitals.extras import install
from vitals.model_formats.onnx_model import OnnxModel

__all__ = ["OnnxModel", "read_onnx"]

_LFS_POINTER = b"version https://git-lfs"


def read_onnx(path: Path, output: OnnxOutput | None = None, *, threads: int = 1) -> OnnxModel:
    """Open the model in `path`, whose outputs mean what `output` says; without it, what their types alone say.

    Raises ModelMismatch where the file can't be read, or ONNX Runtime is not installed, or no row of a table fits the inputs.
    """
    # From 1.29 on it reports to its maker, names and hashes of models among it, unless this is set before it is imported.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError:
        raise ModelMismatch(f"{path} is an ONNX model; ONNX Runtime is not installed: {install('onnx')}.") from None
    content = path.read_bytes()
    other = _other_format(content)
    if other:
        raise ModelMismatch(f"{path} {other}.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that spin while they wait would take the processors of other processes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what it logs, it also raises
    # The model may not name other files as part of it: it is read from bytes, and where it looks for files stands a file.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(path.absolute()))
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as wrong:  # ONNX Runtime's errors share no base but Exception
        raise ModelMismatch(f"{path} {_cause(str(wrong), onnxruntime.__version__)}.") from wrong
    return OnnxModel(session, path, output, runtime=f"ONNX Runtime {onnxruntime.__version__}")


def _other_format(content: bytes) -> str | None:
    """What the file is where its first bytes show that it is no ONNX model."""
    if not content:
        return "is empty: export the model again"
    if content[4:8] == b"ORTM":
        return "is in ONNX Runtime's own format (ORT): give the .onnx file that it was made from"
    if content.startswith(_LFS_POINTER):
        return "is a pointer of Git LFS and not the model itself: fetch it with `git lfs pull`"
    if content.startswith(b"PK\x03\x04"):
        return "is a zip archive, as skops and PyTorch write them, and no ONNX model: export the model to ONNX, or name it .skops"
    if content[:1] == b"\x80" and content[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "is a pickle and no ONNX model: export the model to ONNX, or name it .pickle"
    if content.startswith(b"\x1f\x8b"):
        return "is compressed by gzip: unpack it first"
    if content.startswith(b"\x89HDF"):
        return "is an HDF5 file, as Keras writes them, and no ONNX model: export the model to ONNX"
    return None


def _cause(told: str, version: str) -> str:
    """ONNX Runtime's error as a sentence without its end."""
    if "xternal data" in told or "model_path must not be empty" in told:
        return (
            "keeps weights in another file (external data), and a served model is one file: save it in one with "
            "onnx.save_model(onnx.load(FILE), OTHER_FILE, save_as_external_data=False); with PyTorch, export with "
            "external_data=False"
        )
    newer = re.search(r"IR version: (\d+), max supported IR version: (\d+)", told)
    if newer:
        return (
            f"has the IR version {newer[1]}, and ONNX Runtime {version} reads {newer[2]} at most: "
            "export it with an older one, or update onnxruntime"
        )
    opset = re.search(r"Opset (\d+) is under development.*? till opset (\d+)", told, re.DOTALL)
    if opset:
        return (
            f"uses the opset {opset[1]}, and ONNX Runtime {version} knows {opset[2]} at most: "
            "export it with an older one, or update onnxruntime"
        )
    custom = (
        re.search(r"Fatal error: (?P<domain>[^\s:]*):(?P<op>[^\s(]+)\(", told)
        or re.search(r'In Node, \("[^"]*", (?P<op>\w+), "(?P<domain>[^"]+)"', told)
        or re.search(r"(?P<domain>)No Op registered for (?P<op>\w+)", told)
    )
    if custom:
        where = f" of the domain {custom['domain']}" if custom["domain"] not in ("", "ai.onnx") else ""
        return (
            f"uses the operator {custom['op']}{where}, which ONNX Runtime {version} does not have: "
            "export the model with standard operators only"
        )
    if "protobuf parsing failed" in told or "No graph was found" in told:
        return "can't be loaded as an ONNX model: it is another kind of file, or only a part of one; export the model again"
    lines = [line for line in told.strip().splitlines() if line]
    return f"can't be loaded as an ONNX model ({lines[0] if lines else 'ONNX Runtime says nothing more'})"
