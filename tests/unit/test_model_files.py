"""Artefacts' files: of another kind than they say, cut off, of a missing package, or saved by another scikit-learn."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops.io import dump, dumps

from vitals.errors import DataError, ModelMismatch
from vitals.estimators.estimator import Estimator
from vitals.estimators.trained_version import version_in
from vitals.model.artefact import open_artefact
from vitals.model.served import load_model
from vitals.profiling.bundle import Card, Made, Reference, make_folder

_ROWS = np.random.default_rng(1).normal(size=(80, 2))
_TABLE = pd.DataFrame(_ROWS, columns=["a", "b"])
_TARGET = np.where(_ROWS[:, 0] > 0, "yes", "no")
_MODEL = LogisticRegression().fit(_TABLE, _TARGET)
_OLD = "1.1.9"
_BOTH = rf"saved with scikit-learn {_OLD}, and {sklearn.__version__} is installed.*pip install scikit-learn=={_OLD}"


def _refused(path: Path, said: str) -> None:
    with pytest.raises(ModelMismatch, match=said) as raised:
        open_artefact(path, allow_pickle=True)
    assert "\n" not in str(raised.value)


def _torch(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", b"\x80\x02.")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("m.skops", pickle.dumps(_MODEL), "is a pickle, not a skops file: give it a name that ends in .pkl"),
        ("m.onnx", pickle.dumps(_MODEL, protocol=2), "is a pickle, not an ONNX model"),
        ("m.pkl", dumps(_MODEL), "is a skops file, not a pickle: give it a name that ends in .skops"),
        ("m.onnx", dumps(_MODEL), "is a skops file, not an ONNX model"),
        ("m.joblib", b"\x08\x0a\x12\x08skl2onnx", "is an ONNX model, not a pickle: give it a name that ends in .onnx"),
        ("m.skops", b"\x08\x0a\x12\x08skl2onnx", "is an ONNX model, not a skops file"),
        ("m.pkl", b"\x89HDF\r\n\x1a\n", "is an HDF5 file, as Keras writes them, not a pickle: convert the model to ONNX"),
        ("m.pkl", b"tree\nversion=v4\n", "a LightGBM model as text"),
        ("m.pkl", b'{"learner": {}}', "a JSON file, as XGBoost writes"),
        ("m.skops", b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        ("m.onnx", b"<!DOCTYPE html><html>", "an HTML or XML page"),
        ("m.pkl", b"", "is empty"),
        ("m.skops", b"", "is empty"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    _refused(tmp_path / name, said)


def test_archives_of_others_are_named(tmp_path: Path) -> None:
    _torch(tmp_path / "m.pkl")
    _refused(tmp_path / "m.pkl", "is a PyTorch file, not a pickle: convert the model to ONNX")
    with zipfile.ZipFile(tmp_path / "m.skops", "w") as archive:
        archive.writestr("model.weights.h5", b"")
    _refused(tmp_path / "m.skops", "is a Keras model")
    with zipfile.ZipFile(tmp_path / "z.skops", "w") as archive:
        archive.writestr("model.pkl", b"")
    _refused(tmp_path / "z.skops", "is a zip archive, not a skops file: unpack it")


@pytest.mark.parametrize("name", ["m.skops", "m.pkl", "m.onnx"])
def test_an_absent_file_is_named(tmp_path: Path, name: str) -> None:
    _refused(tmp_path / name, f"There is no file .*{name}")


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3)], ids=str)
@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
def test_a_pickle_that_is_cut_off_is_one(tmp_path: Path, compress: Any, cut: float) -> None:
    path = tmp_path / "m.joblib"
    joblib.dump(_MODEL, path, compress=compress)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * cut)])
    _refused(path, "cut off|damaged")


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
def test_a_skops_file_that_is_cut_off_is_one(tmp_path: Path, cut: float) -> None:
    path = tmp_path / "m.skops"
    dump(_MODEL, path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * cut)])
    _refused(path, "cut off or damaged")


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3)], ids=str)
def test_a_compressed_pickle_is_read(tmp_path: Path, compress: Any) -> None:
    joblib.dump(_MODEL, tmp_path / "m.joblib", compress=compress)
    assert open_artefact(tmp_path / "m.joblib", allow_pickle=True).classes == ("no", "yes")


def _named(module: str, name: str) -> bytes:
    """A pickle of something that is called so."""
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b")\x81."


@pytest.mark.parametrize(
    ("pickled", "said"),
    [
        (_named("no_such_package.models", "Model"), "needs 'no_such_package', which is not installed here: pip install no_such"),
        (_named("sksurv.linear_model", "Cox"), "pip install scikit-survival"),
        (
            _named("__main__", "with_means"),
            "needs 'with_means', which was defined in a script or a notebook: put it into a module",
        ),
        (_named("json", "Encoder"), "'json' has no 'Encoder' here: install the version of json"),
        (b"\x80\x63.", "a newer Python wrote it"),
        (b"\x80\x04K", "cut off|damaged"),
        (b"\x00\x01\x02 no pickle at all", "damaged, or no pickle"),
    ],
)
def test_a_pickle_that_needs_what_is_not_here_says_so(tmp_path: Path, pickled: bytes, said: str) -> None:
    (tmp_path / "m.pkl").write_bytes(pickled)
    _refused(tmp_path / "m.pkl", said)


@pytest.mark.slow
def test_a_function_of_a_script_is_named(tmp_path: Path) -> None:
    """Pickled by another Python whose __main__ has the function, as a notebook's has."""
    script = (
        "import pickle, sys; from sklearn.preprocessing import FunctionTransformer\n"
        "def row_means(rows): return rows\n"
        "pickle.dump(FunctionTransformer(row_means), open(sys.argv[1], 'wb'))"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "m.pkl")], check=True)
    _refused(tmp_path / "m.pkl", "needs 'row_means', which was defined in a script or a notebook")


def _of_older(model: Any, protocol: int = 4) -> bytes:
    """A pickle as another scikit-learn would have written it: the state's version is all that tells."""
    today = sklearn.__version__.encode()
    assert len(today) == len(_OLD)
    pickled = pickle.dumps(model, protocol=protocol)
    assert today in pickled
    return pickled.replace(today, _OLD.encode())


def _skops_of_older(model: Any, change: Callable[[str], str] = str) -> bytes:
    source, written = zipfile.ZipFile(io.BytesIO(dumps(model))), io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name in source.namelist():
            content = source.read(name)
            if name == "schema.json":
                content = change(content.decode().replace(sklearn.__version__, _OLD)).encode()
            archive.writestr(name, content)
    return written.getvalue()


def _make(path: Path, content: bytes, table: pd.DataFrame = _TABLE) -> Made:
    path.write_bytes(content)
    reference = Reference(table.assign(y=_TARGET), "y")
    return make_folder(path, reference, Card("old"), path.parent / "served", allow_pickle=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content"),
    [("m.pkl", _of_older(_MODEL)), ("m.pkl", _of_older(_MODEL, 2)), ("m.skops", _skops_of_older(_MODEL))],
    ids=["pickle", "protocol 2", "skops"],
)
def test_both_versions_of_a_model_are_told(tmp_path: Path, name: str, content: bytes) -> None:
    made = _make(tmp_path / name, content)
    assert version_in(tmp_path / name) == _OLD
    assert made.facts.trained_with == f"scikit-learn {_OLD}, read with {sklearn.__version__}"
    assert any(_OLD in note and sklearn.__version__ in note for note in made.warnings)
    loaded = load_model(made.folder, allow_pickle=True)
    assert loaded.facts.trained_with == made.facts.trained_with


@pytest.mark.slow
def test_todays_version_alone_is_told_of_todays_model(tmp_path: Path) -> None:
    made = _make(tmp_path / "m.pkl", pickle.dumps(_MODEL))
    assert made.facts.trained_with == f"scikit-learn {sklearn.__version__}"
    assert not any("saved with" in note for note in made.warnings)


@pytest.mark.parametrize("compress", [bytes, zlib.compress, gzip.compress, bz2.compress, lzma.compress])
def test_a_pickle_of_another_scikit_learn_that_can_not_be_loaded_names_both(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    pickled = _of_older(_MODEL).replace(b"LogisticRegression", b"LogisticRegressioX")
    (tmp_path / "m.pkl").write_bytes(compress(pickled))
    _refused(tmp_path / "m.pkl", f"another scikit-learn has 'LogisticRegressioX'. The model was {_BOTH}")


def test_a_module_that_scikit_learn_has_no_more_names_both(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(_of_older(_MODEL).replace(b"_logistic", b"_logistix"))
    _refused(tmp_path / "m.pkl", f"another scikit-learn has that module. The model was {_BOTH}")


def test_a_skops_file_with_types_that_are_gone_names_both(tmp_path: Path) -> None:
    (tmp_path / "m.skops").write_bytes(_skops_of_older(_MODEL, lambda text: text.replace('"LogisticRegression"', '"LogisticX"')))
    _refused(tmp_path / "m.skops", _BOTH)


def test_a_model_of_another_scikit_learn_that_can_not_be_asked_names_both(tmp_path: Path) -> None:
    model = make_pipeline(make_column_transformer((StandardScaler(), ["a", "b"])), LogisticRegression()).fit(_TABLE, _TARGET)
    del model.steps[0][1].transformers_[0][1].mean_  # as an attribute that scikit-learn has renamed since
    with pytest.raises(DataError, match=f"AttributeError.*{_BOTH}"):
        _make(tmp_path / "m.pkl", _of_older(model))
    del model.steps[-1][1].classes_
    with pytest.raises(ModelMismatch, match=_BOTH):
        _make(tmp_path / "m.pkl", _of_older(model))


@pytest.mark.slow
def test_a_served_model_that_can_not_be_asked_any_more_names_both(tmp_path: Path) -> None:
    made = _make(tmp_path / "m.pkl", _of_older(_MODEL))
    model = open_artefact(tmp_path / "m.pkl", allow_pickle=True)
    assert isinstance(model, Estimator)
    del model.estimator.coef_
    pickled = _of_older(model.estimator)
    (made.folder / "model.pkl").write_bytes(pickled)
    facts = json.loads((made.folder / "model.json").read_text())
    from vitals.bundle.model_card import sha256_of

    (made.folder / "model.json").write_text(
        json.dumps({**facts, "runtime": "sklearn", "sha256": sha256_of(made.folder / "model.pkl")})
    )
    with pytest.raises(ModelMismatch, match=_BOTH):
        load_model(made.folder, allow_pickle=True)


@pytest.mark.parametrize("content", [b"", b"\x78\x9c\x00", b"PK\x03\x04", b"_sklearn_version", b"\x1f\x8b\x00"])
def test_a_file_that_does_not_say_has_no_version(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.pkl").write_bytes(content)
    assert version_in(tmp_path / "m.pkl") == ""
