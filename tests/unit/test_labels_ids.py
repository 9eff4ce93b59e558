"""Prediction ids: what is read is what was written, by this key and no other."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from typing import Any

import pytest

from vitals.bundle.schema import Profile
from vitals.monitoring.prediction_id import ForgedId, MalformedId, PredictionIds, question_of

from .reference import CLASSES, MODEL, NUMBERS

KEY = b"k" * 32
NOW = 1_800_000_000.0
VERSION = MODEL["ml.model.version"]


def ids_of(profile: Profile, *, version: str = VERSION, key: bytes = KEY, name: str = "made") -> PredictionIds:
    question = question_of(name, profile.task, profile.target, profile.classes)
    return PredictionIds(key, version=version, question=question)


def test_an_id_says_again_what_it_was_made_of() -> None:
    ids = ids_of(CLASSES)
    of_class = ids.read(ids.of_class(3, 0.875, NOW))
    assert (of_class.class_index, of_class.version, of_class.issued_at, of_class.value) == (3, VERSION, int(NOW), None)
    assert of_class.expected == pytest.approx(0.875, abs=1e-5)
    assert ids.read(ids.of_class(0, None, NOW)).expected is None
    assert [ids.read(ids.of_class(0, worth, NOW)).expected for worth in (0.0, 1.0)] == [0.0, 1.0]
    value = ids.read(ids.of_value(-1.5e300, NOW))
    assert (value.class_index, value.value) == (None, -1.5e300)
    assert len({ids.of_class(0, 0.5, NOW) for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize(
    "made", [ids_of(CLASSES).of_class(1, 0.5, NOW), ids_of(NUMBERS).of_value(2.5, NOW)], ids=["class", "value"]
)
def test_no_character_of_an_id_can_be_another(made: str) -> None:
    """Every position, every other character of the alphabet: so every bit of it, and no two texts are one id."""
    ids = ids_of(CLASSES)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for place, was in enumerate(made):
        for character in alphabet:
            if character != was:
                with pytest.raises((ForgedId, MalformedId)):
                    ids.read(made[:place] + character + made[place + 1 :])


@pytest.mark.parametrize(
    "change", [lambda made: made[:-4], lambda made: made + "AAAA", lambda made: made[4:], lambda made: made * 2]
)
def test_an_id_that_is_cut_or_longer_is_none(change: Any) -> None:
    ids = ids_of(CLASSES)
    with pytest.raises((ForgedId, MalformedId)):
        ids.read(change(ids.of_class(1, 0.5, NOW)))


@pytest.mark.parametrize("text", [None, 7, True, [], {}, "", "=", "AQ==", "A" * 60 + "\n", "ä" * 60, "+" * 60, "A" * 10_000_000])
def test_what_is_no_id_is_malformed(text: object) -> None:
    with pytest.raises(MalformedId):
        ids_of(CLASSES).read(text)


def test_random_text_is_never_an_id() -> None:
    ids = ids_of(CLASSES)
    for size in (45, 51):
        for form in (1, 2):
            for _ in range(500):
                text = base64.urlsafe_b64encode(bytes([form]) + os.urandom(size - 1)).decode()
                with pytest.raises((ForgedId, MalformedId)):
                    ids.read(text)


def test_the_signature_is_hmac_sha256() -> None:
    for key in (b"k" * 16, b"k" * 64, b"k" * 100):
        data = base64.urlsafe_b64decode(ids_of(CLASSES, key=key).of_class(1, 0.5, NOW))
        assert hmac.digest(key, data[:-16], hashlib.sha256)[:16] == data[-16:]


def test_another_key_did_not_make_it() -> None:
    with pytest.raises(ForgedId):
        ids_of(CLASSES, key=b"x" * 32).read(ids_of(CLASSES).of_class(0, 0.5, NOW))
