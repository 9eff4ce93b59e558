"""Rows as the tensors of an ONNX graph: exact, or refused; never rounded, cut or guessed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitals.bundle.schema import Feature
from vitals.errors import DataError, ModelMismatch
from vitals.model.served import load_model
from vitals.model_formats.onnx_inputs import OnnxInputs
from vitals.model_io.inputs import Inputs

from .onnx_graphs import folder_of, graph, layer, run, table_of, write

_PATH = Path("m.onnx")
_WHOLE = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def _given(kind: str, shape: list[Any] | None = None, name: str = "X") -> Any:
    """One input, as ONNX Runtime tells of it."""
    return SimpleNamespace(name=name, type=f"tensor({kind})", shape=[None, 1] if shape is None else shape)


def _features(count: int) -> Inputs:
    return Inputs([Feature.model_construct(name=f"f{index}", kind="numeric", dtype="", categories=()) for index in range(count)])


def _tensor(kind: str, *rows: list[Any]) -> Any:
    [made] = OnnxInputs([_given(kind, [None, len(rows[0])])], _PATH).tensors(_features(len(rows[0])), rows).values()
    return made


@given(st.sampled_from(_WHOLE), st.lists(st.integers(-(2**64), 2**65), min_size=1, max_size=4), st.booleans())
def test_whole_numbers_are_exact_or_refused(kind: str, values: list[int], beside_a_float: bool) -> None:
    limits = np.iinfo(kind)
    row: list[Any] = [*values, 7.0] if beside_a_float else values
    if all(limits.min <= value <= limits.max for value in values):
        made = _tensor(kind, row, row)
        assert made.dtype == kind
        assert made.tolist() == [[int(value) for value in row]] * 2
    else:
        with pytest.raises(ValueError, match="takes whole numbers from"):
            _tensor(kind, row)


@pytest.mark.parametrize("kind", _WHOLE)
@pytest.mark.parametrize(
    ("value", "cause"),
    [
        (39.7, "whole numbers only"),
        (1e25, "whole numbers from"),
        (-0.5, "whole numbers only"),
        (float("inf"), "whole numbers only"),
        (float("nan"), "no missing values"),
        (None, "no missing values"),
        ("39", "whole numbers only"),
    ],
)
def test_what_is_no_whole_number_has_no_place_in_one(kind: str, value: Any, cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        _tensor(kind, [1, value])


@pytest.mark.parametrize(
    ("kind", "value", "made"),
    [
        ("bool", True, True),
        ("bool", 0.0, False),
        ("string", "02139", "02139"),
        ("string", 7, "7"),
        ("string", "", ""),
        ("float", 0.1, np.float32(0.1)),
        ("double", 0.1, 0.1),
        ("float16", 0.5, 0.5),
    ],
)
def test_a_value_becomes_the_inputs_type(kind: str, value: Any, made: Any) -> None:
    assert _tensor(kind, [value, value])[0, 0] == made


@pytest.mark.parametrize(
    ("kind", "value", "cause"),
    [
        ("bool", None, "no missing values"),
        ("bool", 2, "true and false only"),
        ("bool", "true", "true and false only"),
        ("string", None, "no missing values"),
        ("string", float("nan"), "no missing values"),
        ("string", True, "text only"),
        ("string", 1.5, "text only"),
        ("float16", 1e6, "largest number"),
    ],
)
def test_a_value_without_a_place_is_refused(kind: str, value: Any, cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        _tensor(kind, [value, value])


def test_gaps_among_floats_are_nan() -> None:
    for kind in ("float", "double", "float16"):
        assert np.isnan(_tensor(kind, [None, 1.0])[0, 0])


@pytest.mark.parametrize(
    ("inputs", "cause"),
    [
        ([_given("float", [32, 4])], "takes exactly 32 rows a call"),
        ([_given("float", [None, 3, 8, 8])], "as images or sequences have it"),
        ([_given("float", [4])], r"without a dimension for rows: export it with the shape \[n, 4\]"),
        ([_given("bfloat16", [None, 4])], "of the type tensor"),
        ([_given("float", [None, 3], "num"), _given("string", [None, 2], "cat")], "num takes 3 columns"),
        ([], "has no input"),
    ],
)
def test_inputs_that_no_table_fits_are_refused(inputs: list[Any], cause: str) -> None:
    with pytest.raises(ModelMismatch, match=cause):
        OnnxInputs(inputs, _PATH)


@pytest.mark.parametrize("name", ["N", "batch", "unk__7", None])
def test_a_free_dimension_has_any_name(name: str | None) -> None:
    assert not OnnxInputs([_given("float", [name, 4])], _PATH).one_by_one
    assert OnnxInputs([_given("float", [1, 4])], _PATH).one_by_one


def test_the_types_of_the_features() -> None:
    assert OnnxInputs([_given("int64", [None, 3])], _PATH).dtypes(3) == ("int64",) * 3
    several = OnnxInputs([_given("int32", name="kids"), _given("string", name="city"), _given("bool", name="member")], _PATH)
    assert several.columns == ("kids", "city", "member")
    assert several.dtypes(3) == ("int32", "object", "bool")


def _sum_of(kind: str, features: int = 2) -> onnx.ModelProto:
    """A regression: the sum of the features, of one tensor of the type `kind`."""
    return graph(
        [("Cast", ["X"], ["f"], {"to": onnx.TensorProto.DOUBLE}), ("ReduceSum", ["f", "one"], ["out"], {"keepdims": 1})],
        {"X": (kind, (None, features))},
        {"out": ("double", (None, 1))},
        {"one": np.array([1])},
    )


def _whole_table() -> pd.DataFrame:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"age": random.integers(18, 80, 100), "kids": random.integers(0, 5, 100)})
    return table.assign(y=(table.age + table.kids).astype(float))


@pytest.mark.parametrize("kind", ["int64", "int32", "uint8"])
def test_a_model_of_whole_numbers_says_so_and_answers_no_fraction(tmp_path: Path, kind: str) -> None:
    table, model = _whole_table(), _sum_of(kind)
    made = folder_of(model, table, tmp_path)
    assert [(one.whole, one.dtype, one.missing_allowed) for one in made.profile.features] == [(True, kind, False)] * 2
    served = load_model(tmp_path / "served")
    expected = run(model, {"X": table[["age", "kids"]].to_numpy(kind)}, "out")[:, 0]
    assert [one.predicted for one in served.predict(table[["age", "kids"]].to_numpy().tolist())] == expected.tolist()
    for value in (39.7, 1e25, None):
        with pytest.raises(ValueError, match="takes"):
            served.predict([[39, 1], [value, 1]])


@pytest.mark.parametrize(
    ("kind", "change", "cause"),
    [
        ("int64", lambda t: t.assign(age=t.age + 0.5), "'age' has numbers with a fraction .* whole numbers"),
        ("int64", lambda t: t.assign(age=t.age.where(t.age > 30)), "'age' has no value in .* rows"),
        ("uint8", lambda t: t.assign(age=t.age * 10), "'age' has the value .* which holds 0 to 255"),
        ("int64", lambda t: t.assign(age=np.where(t.age > 40, "old", "young")), "'age' is text .* of the type int64"),
        (
            "float",
            lambda t: t.assign(age=np.where(t.age > 40, "old", "young")),
            "'age' is text .* one tensor of the type float32 for all features",
        ),
        ("bool", lambda t: t, "'age' has the value .* of true and false"),
        ("string", lambda t: t.assign(age=t.kids, kids=t.kids > 1), "'kids' is boolean, .* tensor of text for all features"),
    ],
)
def test_reference_data_that_the_inputs_cannot_hold_are_refused(tmp_path: Path, kind: str, change: Any, cause: str) -> None:
    model = _sum_of(kind)
    with pytest.raises(DataError, match=cause):
        folder_of(model, change(_whole_table()), tmp_path)


def test_one_tensor_of_texts_for_all_features(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    table = pd.DataFrame({"city": random.choice(["Bern", "Oslo"], 100), "tier": random.choice(["gold", "tin"], 100)})
    keys = ["Bern", "Oslo", "gold", "tin"]
    model = graph(
        [
            ("LabelEncoder", ["X"], ["numbers"], {"keys_strings": keys, "values_floats": [1.0, 2.0, 4.0, 8.0]}),
            ("ArrayFeatureExtractor", ["numbers", "first"], ["out"], {}),
        ],
        {"X": ("string", ("n", 2))},
        {"out": ("float", ("n", 1))},
        {"first": np.array([0])},
        domain="ai.onnx.ml",
    )
    model.opset_import[1].version = 2
    expected = run(model, {"X": table.to_numpy(dtype=object)}, "out")[:, 0]
    folder_of(model, table.assign(y=expected), tmp_path)
    served = load_model(tmp_path / "served")
    assert [one.predicted for one in served.predict(table.to_numpy().tolist())] == expected.tolist()
    assert not any(feature.missing_allowed for feature in served.profile.features)


def test_weights_in_another_file_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vitals.model_formats.onnx_format import read_onnx

    path = tmp_path / "m.onnx"
    onnx.save(layer(3, "Softmax", axis=1), path, save_as_external_data=True, size_threshold=0, location="weights.bin")
    for folder in (tmp_path, Path("/")):  # the file of weights stands in the current folder, or does not
        monkeypatch.chdir(folder)
        with pytest.raises(ModelMismatch, match=r"weights in another file .* save_as_external_data=False"):
            read_onnx(path)


_OPSET = layer(1, None)
_OPSET.opset_import[0].version = 99
_VERSION = layer(1, None)
_VERSION.ir_version = 99
_CUSTOM = graph(
    [("Foo", ["X"], ["out"], {})], {"X": ("float", (None, 4))}, {"out": ("float", (None, 1))}, {}, domain="my.operators"
)
_UNKNOWN = graph([("Foo", ["X"], ["out"], {})], {"X": ("float", (None, 4))}, {"out": ("float", (None, 1))}, {})


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "is empty"),
        (b"weights: 1, 2, 3", "can't be loaded as an ONNX model: it is another kind of file"),
        (layer(1, None).SerializeToString()[:80], "only a part of one"),
        (b"\x80\x04\x95\x0b\x00\x00\x00", "is a pickle"),
        (b"PK\x03\x04" + b"\0" * 40, "is a zip archive"),
        (b"\x18\0\0\0ORTM\0\0\0\0", "own format"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (_OPSET.SerializeToString(), "uses the opset 99, and ONNX Runtime .* knows"),
        (_VERSION.SerializeToString(), "has the IR version 99, and ONNX Runtime .* reads"),
        (_CUSTOM.SerializeToString(), "uses the operator Foo of the domain my.operators"),
        (_UNKNOWN.SerializeToString(), "uses the operator Foo, which"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_refused_with_its_cause(tmp_path: Path, content: bytes, cause: str) -> None:
    from vitals.model_formats.onnx_format import read_onnx

    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelMismatch, match=cause) as refused:
        read_onnx(path)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_a_graph_that_is_whole_opens_in_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vitals.model_formats.onnx_format import read_onnx

    path = write(layer(1, None), tmp_path)
    monkeypatch.chdir(tmp_path)
    assert read_onnx(Path(path.name)).width == len(table_of().columns)
