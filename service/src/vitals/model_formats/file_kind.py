"""What a model's file really is, by its first bytes: a name that says something else would give a puzzling error."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from vitals.bundle.model_card import Format
from vitals.errors import ModelMismatch

_PICKLE = re.compile(rb"\x80[\x02-\x0f]|c[\w.]+\n\w+\n")
_ONNX = re.compile(rb"\x08[\x01-\x20][\x12\x1a\x22\x28\x32\x3a\x42]")
"""A ModelProto: ir_version, then any other of its fields (onnx.proto)."""

_OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89HDF", "an HDF5 file, as Keras writes them", "convert the model to ONNX"),
    (b"CBM1", "a CatBoost model in CatBoost's own format", "save the fitted CatBoostClassifier or CatBoostRegressor as a pickle"),
    (b"tree\n", "a LightGBM model as text", "save the fitted LGBMClassifier or LGBMRegressor as a pickle"),
    (b"{", "a JSON file, as XGBoost writes its models", "save the fitted estimator (XGBClassifier or XGBRegressor) as a pickle"),
    (b"version https://git-lfs", "a Git LFS pointer in place of the model", "fetch the model with `git lfs pull`"),
    (b"<", "an HTML or XML page", "download the model again"),
)
_ENDING: dict[Format, str] = {"skops": ".skops", "pickle": ".pkl", "onnx": ".onnx"}
_NAMED: dict[Format, str] = {"skops": "a skops file", "pickle": "a pickle", "onnx": "an ONNX model"}


def check_file(path: Path, form: Format) -> None:
    """Raise ModelMismatch where the file is plainly of another kind than its name says, `form`. Nothing of it is run."""
    if not path.is_file():
        raise ModelMismatch(f"There is no file {path}.")
    with path.open("rb") as file:
        first = file.read(64)
    if not first:
        raise ModelMismatch(f"{path} is empty: copy or save the model again.")
    really = _format(path, first)
    if really == form:
        return
    if really is not None:
        raise ModelMismatch(f"{path} is {_NAMED[really]}, not {_NAMED[form]}: give it a name that ends in {_ENDING[really]}.")
    if zipfile.is_zipfile(path):
        found, todo = _archive(path)
        raise ModelMismatch(f"{path} is {found}, not {_NAMED[form]}: {todo}.")
    for begins, found, todo in _OTHERS:
        if first.startswith(begins):
            raise ModelMismatch(f"{path} is {found}, not {_NAMED[form]}: {todo}.")


def _format(path: Path, first: bytes) -> Format | None:
    if zipfile.is_zipfile(path) and first.startswith(b"PK"):
        return "skops" if "schema.json" in _names(path) else None
    if _PICKLE.match(first):
        return "pickle"
    return "onnx" if _ONNX.match(first) else None


def _archive(path: Path) -> tuple[str, str]:
    names = _names(path)
    if any(name.endswith("data.pkl") for name in names):
        return "a PyTorch file", "convert the model to ONNX with torch.onnx.export"
    if "model.weights.h5" in names:
        return "a Keras model", "convert it to ONNX"
    return "a zip archive", "unpack it, and name the model's file in it"


def _names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return []
