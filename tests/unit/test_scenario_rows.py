"""What scenarios send: held-out rows, shifted rows, other labels, and bodies that the service really refuses."""

from __future__ import annotations

import json
import math
import random
from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from vitals.api.predict import read_rows as read_request
from vitals.api.requests.rows import RowReader
from vitals.bundle.bins import bin_of
from vitals.bundle.folder import read_folder
from vitals.bundle.schema import Feature, Profile
from vitals.errors import InvalidInput, ModelMismatch, ModelMissing
from vitals.profiling.reading.data_files import column_of
from vitals.profiling.statistics.reference import feature_of
from vitals.scenarios.traffic.invalid_payloads import bodies
from vitals.scenarios.traffic.rows import HeldOutRow, read_rows, shuffled_turns
from vitals.scenarios.traffic.shifts import feature_to_shift, other_labels, shift_all, shift_one

from .reference import CLASSES, ISLAND, NUMBER, NUMBERS, TAGGED

HEADER = "sepal length (cm),island,tagged,code,species"
GOOD = HeldOutRow({"sepal length (cm)": 1.0, "island": "Dream", "tagged": True, "code": 1}, "a")


def held_out(folder: Path, *lines: str) -> Path:
    (folder / "held_out.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    assert read_rows(held_out(tmp_path, f"\ufeff{HEADER}", "1,Dream,true,1,a"), CLASSES) == [GOOD]


def test_rows_are_values_of_their_kind(tmp_path: Path) -> None:
    read = read_rows(held_out(tmp_path, HEADER, "1.5,Dream,True,2,a", "2,,false,1,b", "0,Biscoe,1,7,c"), CLASSES)
    assert [row.label for row in read] == ["a", "b", "c"]
    assert [list(row.features.values()) for row in read] == [
        [1.5, "Dream", True, 2],
        [2.0, None, False, 1],
        [0.0, "Biscoe", True, "7"],
    ]
    assert isinstance(read[0].features["tagged"], bool)


def test_whole_numbers_stay_whole_and_labels_of_a_regression_are_numbers(tmp_path: Path) -> None:
    profile = NUMBERS.model_copy(update={"features": (NUMBER.model_copy(update={"integer": True}),)})
    [row] = read_rows(held_out(tmp_path, "sepal length (cm),price", "2.0,12.5"), profile)
    assert row == HeldOutRow({"sepal length (cm)": 2}, 12.5)
    assert isinstance(row.features["sepal length (cm)"], int)


@pytest.mark.parametrize(
    ("lines", "error", "named"),
    [
        ([], ModelMissing, "has none"),
        ([HEADER], ModelMissing, "no row"),
        (["sepal length (cm),island,tagged,species", "1,Dream,true,a"], ModelMismatch, "'code'"),
        ([HEADER, "1,Dream,true,1,a", "many,Dream,true,1,a"], ModelMismatch, "line 3: 'many'"),
        ([HEADER, "1,Dream,true,1"], ModelMismatch, "line 2: the row has no cell in the column 'species'"),
        ([HEADER, "1,Dream,perhaps,1,a"], ModelMismatch, "'perhaps' is not a value of the column 'tagged'"),
    ],
)
def test_rows_that_do_not_fit_are_a_sentence(tmp_path: Path, lines: list[str], error: type[Exception], named: str) -> None:
    folder = held_out(tmp_path, *lines) if lines else tmp_path
    with pytest.raises(error, match=named.replace("(", r"\(")):
        read_rows(folder, CLASSES)


def test_each_row_has_its_turn_in_a_new_order() -> None:
    rows = [HeldOutRow({}, str(number)) for number in range(20)]
    labels = [row.label for row in islice(shuffled_turns(rows, seed=1), 60)]
    turns = [labels[:20], labels[20:40], labels[40:]]
    assert all(sorted(turn) == sorted(turns[0]) for turn in turns)
    assert set(Counter(labels).values()) == {3}
    assert turns[0] != turns[1] != turns[2]
    assert labels == [row.label for row in islice(shuffled_turns(rows, seed=1), 60)]


def test_one_shifted_feature_drifts_within_the_reference(model_folder: Path) -> None:
    profile = read_folder(model_folder).profile
    rows = read_rows(model_folder, profile)
    first, *others = profile.features
    moved = [shift_one(profile)(row) for row in rows]
    for other in others:
        assert [row.features[other.name] for row in moved] == [row.features[other.name] for row in rows]
    assert [row.label for row in moved] == [row.label for row in rows]
    assert psi(first, moved) > 1 > psi(first, rows)
    assert not outside(first, moved)
    named = [shift_one(profile, others[0].name)(row) for row in rows]
    assert psi(others[0], named) > 1
    assert psi(first, named) == psi(first, rows)


def test_all_shifted_features_drift_and_leave_the_reference(model_folder: Path) -> None:
    profile = read_folder(model_folder).profile
    moved = [shift_all(profile)(row) for row in read_rows(model_folder, profile)]
    for feature in profile.features:
        assert psi(feature, moved) > 1
        assert outside(feature, moved) > 0.2


def test_shifts_of_every_kind_are_rows_that_the_service_takes() -> None:
    reader = RowReader(CLASSES)
    for shift in (*(shift_one(CLASSES, feature.name) for feature in CLASSES.features), shift_all(CLASSES)):
        shifted = shift(GOOD)
        assert shifted != GOOD
        read_request({"features": shifted.features}, reader, most=1)
    everything = shift_all(CLASSES)(GOOD).features
    assert (everything["island"], everything["tagged"], everything["code"]) == ("Biscoe", False, 2)
    assert shift_all(CLASSES)(HeldOutRow({**GOOD.features, "island": None}, "a")).features["island"] is None


def test_a_shifted_whole_number_is_whole() -> None:
    feature = NUMBER.model_copy(update={"integer": True})
    profile = NUMBERS.model_copy(update={"features": (feature,)})
    for shift in (shift_one(profile), shift_all(profile)):
        assert isinstance(shift(HeldOutRow({feature.name: 2}, 1.0)).features[feature.name], int)


def test_the_feature_to_shift_is_one_that_can_drift() -> None:
    constant = NUMBER.model_copy(update={"name": "constant", "edges": (1.0, 1.5), "bins": NUMBER.bins})
    assert feature_to_shift(with_features(constant, NUMBER)).name == NUMBER.name
    assert feature_to_shift(with_features(constant, TAGGED, ISLAND)).name == "island"
    assert feature_to_shift(with_features(constant, TAGGED)).name == "tagged"
    assert feature_to_shift(with_features(constant, NUMBER), "constant").name == "constant"
    with pytest.raises(ModelMismatch, match="No feature"):
        feature_to_shift(with_features(constant))
    with pytest.raises(ModelMismatch, match="no feature 'height': it has constant"):
        feature_to_shift(with_features(constant), "height")


def test_a_feature_whose_drift_is_not_watched_is_not_shifted_alone() -> None:
    quiet = NUMBER.model_copy(update={"name": "hour", "drift": False})
    assert feature_to_shift(with_features(quiet, TAGGED)).name == "tagged"
    with pytest.raises(ModelMismatch, match=r"The drift of 'hour' is not watched \(--no-drift\)"):
        feature_to_shift(with_features(quiet, TAGGED), "hour")


@pytest.mark.parametrize("values", [[0, 1], [0.1, 0.5, 0.7], [1, 2, 3, 4, 5]])
def test_a_feature_of_few_values_is_shifted_to_one_of_them(values: list[float]) -> None:
    column = column_of(pd.DataFrame({"x": values * 30 + values[:1] * 60}), "x")
    feature = feature_of(column, 1)
    assert feature.discrete
    rows = [HeldOutRow({"x": value}, "a") for value in column.values]
    moved = [shift_one(with_features(feature))(row) for row in rows]
    assert psi(feature, moved) > 0.5
    named = {feature.bins[bin_of(feature)(row.features["x"])].name for row in moved}
    assert all(name.isdecimal() for name in named)


def test_other_labels_are_wrong_for_every_class_and_keep_the_mean_of_numbers() -> None:
    other = other_labels(CLASSES, [GOOD])
    assert {name: other(name) for name in CLASSES.classes} == {"a": "b", "b": "c", "c": "d", "d": "a"}
    mirrored = other_labels(NUMBERS, [HeldOutRow({}, 1.0), HeldOutRow({}, 2.0), HeldOutRow({}, 6.0)])
    assert [mirrored(value) for value in (1.0, 2.0, 6.0)] == [5.0, 4.0, 0.0]


@pytest.mark.parametrize("kind", sorted(bodies(CLASSES)))
def test_every_kind_of_wrong_body_is_refused(kind: str) -> None:
    reader, drawn = RowReader(CLASSES), drawing()
    read_request({"features": GOOD.features}, reader, most=1)  # what it is made from is taken
    for _ in range(30):
        body = bodies(CLASSES)[kind](CLASSES, GOOD, drawn)
        with pytest.raises((InvalidInput, ValueError)):
            read_request(json.loads(body), reader, most=1)


def test_there_is_every_reason_to_be_refused() -> None:
    reader, drawn = RowReader(CLASSES), drawing()
    reasons: set[str] = set()
    for make in bodies(CLASSES).values():
        for _ in range(30):
            try:
                read_request(json.loads(make(CLASSES, GOOD, drawn)), reader, most=1)
            except InvalidInput as refused:
                reasons |= {reason for _, reason in refused.counted}
            except ValueError:
                reasons.add("not_json")
    assert reasons >= {"missing", "type", "not_finite", "unseen_category", "unknown_feature", "structure", "not_json"}


def test_kinds_that_a_model_would_take_are_left_out() -> None:
    lenient = with_features(*(one.model_copy(update={"missing_allowed": True}) for one in (NUMBER, TAGGED)))
    assert {"missing key", "null", "unseen category"}.isdisjoint(bodies(lenient))
    assert "not finite" in bodies(lenient)
    assert "not finite" not in bodies(with_features(TAGGED))


def test_wrong_bodies_are_answered_4xx_over_http(client: TestClient, model_folder: Path) -> None:
    profile, drawn = read_folder(model_folder).profile, drawing()
    [row, *_] = read_rows(model_folder, profile)
    assert client.post("/predict", json={"features": row.features}).status_code == 200
    for kind, make in bodies(profile).items():
        content = make(profile, row, drawn)
        answer = client.post("/predict", content=content, headers={"content-type": "application/json"})
        assert 400 <= answer.status_code < 500, f"{kind}: {content!r} was answered {answer.status_code}"


def drawing() -> random.Random:
    return random.Random(5)  # noqa: S311 - not a secret


def with_features(*features: Feature) -> Profile:
    return CLASSES.model_copy(update={"features": features})


def psi(feature: Feature, rows: list[HeldOutRow]) -> float:
    """The population stability index against the reference."""
    found = Counter(feature.bins[bin_of(feature)(row.features[feature.name])].drift for row in rows)
    reference: dict[str, float] = defaultdict(float)
    for one in feature.bins:
        reference[one.drift] += one.share
    shares = [(max(found[name] / len(rows), 1e-4), max(share, 1e-4)) for name, share in reference.items()]
    return math.fsum((p - q) * math.log(p / q) for p, q in shares)


def outside(feature: Feature, rows: list[HeldOutRow]) -> float:
    """The share of values below or above the reference's range."""
    names: list[Any] = [feature.bins[bin_of(feature)(row.features[feature.name])].name for row in rows]
    return sum(name in ("(below)", "(above)") for name in names) / len(names)
