"""One input tensor of the Open Inference Protocol V2 in JSON: its parts held to its shape, datatype and content type.

Content types are MLServer's (https://docs.seldon.ai/mlserver/user-guide/content-type): what the elements of a tensor stand for.
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any

from vitals.api.requests.rows import body_is
from vitals.errors import InvalidInput

_FLOATS = ("FP16", "FP32", "FP64")
INTEGERS = {
    f"{sign}INT{bits}": (0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for sign in ("", "U")
    for bits in (8, 16, 32, 64)
}
"""The datatypes of whole numbers, with the smallest and the largest."""

NUMBERS = frozenset({*_FLOATS, *INTEGERS})
DATATYPES = ("BOOL", "BYTES", *_FLOATS, *INTEGERS)

_OF_TEXT = ("str", "base64")
_CONTENT_TYPES = (*_OF_TEXT, "np", "pd")


def parameters_of(given: dict[str, Any], place: str) -> dict[str, Any]:
    """The `parameters` of a request or of a tensor. Raises InvalidInput where they are none, or name an unknown content type."""
    parameters = given.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise body_is("structure", "must be an object", f"{place}parameters")
    named = parameters.get("content_type")
    if named is not None and named not in _CONTENT_TYPES:
        raise body_is(
            "structure",
            "is none of those that this server reads: str, base64 (text of BYTES), np and pd (numbers, truth values and text)",
            f"{place}parameters.content_type",
        )
    return parameters


class Tensor:
    """One input: its name, its shape, and its elements in row-major order, as JSON has them."""

    def __init__(self, given: object, place: str, content_type: str | None) -> None:
        """content_type: the request's, for a tensor of BYTES without one of its own. Raises InvalidInput."""
        self._place = place
        if not isinstance(given, dict) or not isinstance(given.get("name"), str):
            raise self.is_wrong("must be an object with name, shape, datatype and data")
        self.name: str = given["name"]
        parameters = parameters_of(given, f"{place}.")
        if "binary_data_size" in parameters:
            raise self.is_wrong("has binary data, which this server does not take: send `data`")
        if "shared_memory_region" in parameters:
            raise self.is_wrong("is in shared memory, which this server does not read: send `data`")
        self.shape = self._shape(given.get("shape"))
        self.rows = self.shape[0]
        self.datatype = given.get("datatype")
        if self.datatype not in DATATYPES:
            raise self.is_wrong(f"must have a datatype, one of {', '.join(DATATYPES)}")
        self.data = self._elements(given.get("data"))
        self._hold_to_datatype()
        own = parameters.get("content_type")
        if own in _OF_TEXT and self.datatype != "BYTES":
            raise self.is_wrong(f"has the content type {own}, which is one of BYTES")
        if self.datatype == "BYTES" and (own or content_type) == "base64":
            self.data = [self._decoded(one) if isinstance(one, str) else one for one in self.data]

    def is_wrong(self, message: str) -> InvalidInput:
        """The refusal of this tensor."""
        return body_is("structure", message, self._place)

    def _shape(self, given: object) -> list[int]:
        if not isinstance(given, list) or not 1 <= len(given) <= 3 or not all(type(size) is int and size >= 0 for size in given):
            raise self.is_wrong("must have a shape [rows] or [rows, columns]")
        return given

    def _elements(self, given: object) -> list[Any]:
        """The elements, flat: as they came, or out of lists that nest as the shape says (also with one element a list more)."""
        if not isinstance(given, list):
            raise self.is_wrong("must have data, a list")
        flat = given
        if any(isinstance(one, list) for one in given):
            flat = _flat(given, self.shape) or _flat(given, [*self.shape, 1])
        if len(flat) != math.prod(self.shape):
            raise self.is_wrong("must have as many elements as its shape says, flat or nested as it says")
        return flat

    def _hold_to_datatype(self) -> None:
        if self.datatype == "BOOL":
            # The protocol's own binary form of false and true is 0 and 1.
            self.data = [bool(one) if type(one) is int and one in (0, 1) else one for one in self.data]
        elif self.datatype in INTEGERS:
            low, high = INTEGERS[self.datatype]
            for one in self.data:
                if type(one) is float and not one.is_integer():  # also what is not finite
                    raise self.is_wrong(f"is {self.datatype} and has a number with a fraction: FP64 is the datatype for those")
                if type(one) in (int, float) and not low <= one <= high:
                    raise self.is_wrong(f"has a number that {self.datatype} does not hold")

    def _decoded(self, text: str) -> str:
        try:
            return base64.b64decode(text, validate=True).decode()
        except (binascii.Error, ValueError):  # no ASCII, no base64, no UTF-8
            raise self.is_wrong("has the content type base64, and an element that is no base64 of UTF-8 text") from None


def _flat(data: list[Any], shape: list[int]) -> list[Any]:
    """Row-major elements of lists that nest as `shape` says; nothing where they do not."""
    level = data if len(data) == shape[0] else []
    for size in shape[1:]:
        if not all(isinstance(one, list) and len(one) == size for one in level):
            return []
        level = [value for one in level for value in one]
    return [] if any(isinstance(one, list) for one in level) else level
