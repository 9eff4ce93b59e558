"""Prediction ids that carry what a label needs, signed: no store of predictions is in the way, and any replica can read them.

An id is base64url text of (big-endian, without padding or spare bits, so that no two texts are one id)

    1 byte    format: 1 classification, 2 regression
    4 bytes   issued at, seconds since 1970
    10 bytes  random, so that no two ids are equal
    6 bytes   the model's version
    4 bytes   which question was answered: a hash of the model's name, task, target and classes
    then      classification: class index (2 bytes), probability that the answer is right (2 bytes, in 1/65534; 65535: not known)
              regression: the predicted value (8 bytes, IEEE 754), 2 bytes zero
    16 bytes  the first half of HMAC-SHA256 (RFC 2104) of all before

60 characters for a class, 68 for a value. Nothing in it is secret: the signature says who made it, it hides nothing.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import json
import os
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

SIGNATURE_BYTES = 16
_NONCE_BYTES = 10
_CLASS, _VALUE = 1, 2
_HEAD = f"B I {_NONCE_BYTES}s 6s 4s"
_OF_CLASS = struct.Struct(f"> {_HEAD} H H")
_OF_VALUE = struct.Struct(f"> {_HEAD} d 2x")
_STRUCTS = {_CLASS: _OF_CLASS, _VALUE: _OF_VALUE}
_SIZES = {one.size + SIGNATURE_BYTES for one in _STRUCTS.values()}
_TEXT = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_LONGEST = max(_SIZES) // 3 * 4
_UNKNOWN = 65535
_ONE = 65534


class MalformedId(ValueError):
    """The text is no prediction id."""


class ForgedId(ValueError):
    """It has the form of one, and was not signed with this key."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What an id says about its prediction."""

    issued_at: int
    version: str
    question: bytes
    class_index: int | None
    expected: float | None
    value: float | None
    key: int
    """A number of its own, for remembering the id in little room."""


def question_of(name: str, task: str, target: str, classes: Sequence[str]) -> bytes:
    """4 bytes that versions of one model share, as long as their answers mean the same."""
    written = json.dumps([name, task, target, list(classes)], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(written.encode()).digest()[:4]


class PredictionIds:
    """Makes and reads the ids of one key."""

    def __init__(self, key: bytes, *, version: str, question: bytes) -> None:
        """version: 12 hex digits, the version that made ids name; question: from `question_of`."""
        self._keyed = hmac.new(key, digestmod="sha256")  # copied for each id: a third of the time of one from scratch
        self._version = bytes.fromhex(version)
        self.question = question

    def of_class(self, index: int, expected: float | None, now: float) -> str:
        """The id of an answer of the class `index`, right with the probability `expected`; now: seconds since 1970."""
        worth = _UNKNOWN if expected is None else round(expected * _ONE)
        made = _OF_CLASS.pack(_CLASS, int(now), os.urandom(_NONCE_BYTES), self._version, self.question, index, worth)
        return self._signed(made)

    def of_value(self, value: float, now: float) -> str:
        """The id of an answer that is a number."""
        made = _OF_VALUE.pack(_VALUE, int(now), os.urandom(_NONCE_BYTES), self._version, self.question, value)
        return self._signed(made)

    def read(self, text: object) -> Claim:
        """What an id says. Raises MalformedId where it is none, ForgedId where its signature is not of this key."""
        if not isinstance(text, str) or len(text) > _LONGEST or len(text) % 4 or not _TEXT.fullmatch(text):
            raise MalformedId
        data = binascii.a2b_base64(text.translate(_TO_BASE64))
        form = _STRUCTS.get(data[0])
        if form is None or len(data) != form.size + SIGNATURE_BYTES:
            raise MalformedId
        body, signature = data[: form.size], data[form.size :]
        if not hmac.compare_digest(self._signature(body), signature):
            raise ForgedId
        _, issued_at, _, version, question, *said = form.unpack(body)
        key = int.from_bytes(signature[:8], "big")
        if form is _OF_VALUE:
            return Claim(issued_at, version.hex(), question, None, None, said[0], key)
        index, worth = said
        return Claim(issued_at, version.hex(), question, index, None if worth == _UNKNOWN else worth / _ONE, None, key)

    def _signed(self, body: bytes) -> str:
        return binascii.b2a_base64(body + self._signature(body), newline=False).translate(_FROM_BASE64).decode("ascii")

    def _signature(self, body: bytes) -> bytes:
        signed = self._keyed.copy()
        signed.update(body)
        return signed.digest()[:SIGNATURE_BYTES]


_FROM_BASE64 = bytes.maketrans(b"+/", b"-_")
_TO_BASE64 = str.maketrans("-_", "+/")
