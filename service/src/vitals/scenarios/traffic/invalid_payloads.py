"""Bodies that the service must refuse, one function a kind: an error storm is made of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from vitals.bundle.schema import Feature, Profile
from vitals.scenarios.traffic.rows import HeldOutRow

Make = Callable[[Profile, HeldOutRow, Random], bytes]

UNKNOWN = "not_a_feature_of_any_model"


def bodies(profile: Profile) -> dict[str, Make]:
    """The kinds of wrong bodies that there are for this model, by name."""
    kinds: dict[str, Make] = {
        "wrong type": _wrong_type,
        "missing key": _missing_key,
        "null": _null,
        "extra key": lambda _profile, row, _random: _body({**row.features, UNKNOWN: 1}),
        "not finite": _not_finite,
        "unseen category": _unseen_category,
        "empty body": lambda *_: b"",
        "empty object": lambda *_: b"{}",
        "not JSON": lambda *_: b'{"features": {"a": ',
        "not an object": lambda *_: b"[]",
        "features are a list": lambda _profile, row, _random: _body(list(row.features.values())),
    }
    needed = {
        "missing key": _required(profile),
        "null": _required(profile),
        "not finite": _of_kind(profile, "numeric"),
        "unseen category": [one for one in _of_kind(profile, "categorical") if not one.unseen_allowed],
    }
    return {name: make for name, make in kinds.items() if needed.get(name, True)}


def _wrong_type(profile: Profile, row: HeldOutRow, random: Random) -> bytes:
    feature = random.choice(profile.features)
    wrong: Any = "many" if feature.kind == "numeric" else ["a list"]
    return _body({**row.features, feature.name: wrong})


def _missing_key(profile: Profile, row: HeldOutRow, random: Random) -> bytes:
    left_out = random.choice(_required(profile)).name
    return _body({name: value for name, value in row.features.items() if name != left_out})


def _null(profile: Profile, row: HeldOutRow, random: Random) -> bytes:
    return _body({**row.features, random.choice(_required(profile)).name: None})


def _not_finite(profile: Profile, row: HeldOutRow, random: Random) -> bytes:
    # Python's json writes NaN and Infinity, which JSON has not, and many clients send.
    name = random.choice(_of_kind(profile, "numeric")).name
    return _body({**row.features, name: random.choice([float("inf"), float("-inf"), float("nan")])})


def _unseen_category(profile: Profile, row: HeldOutRow, random: Random) -> bytes:
    name = random.choice([one for one in _of_kind(profile, "categorical") if not one.unseen_allowed]).name
    return _body({**row.features, name: "a category of no data"})


def _required(profile: Profile) -> list[Feature]:
    return [feature for feature in profile.features if not feature.missing_allowed]


def _of_kind(profile: Profile, kind: str) -> list[Feature]:
    return [feature for feature in profile.features if feature.kind == kind]


def _body(features: Any) -> bytes:
    return json.dumps({"features": features}).encode()
