"""From JSON to the model's rows: strictly what the profile says, and for anything else a field, a reason and a sentence."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

from vitals.errors import InvalidInput, WrongField
from vitals.monitoring.validation import BODY, UNKNOWN
from vitals.profile.bins import LARGEST, Value
from vitals.profile.document import Feature, Profile

MOST_FIELDS = 50
"""Wrong fields that an answer names; the others are counted all the same."""

LONGEST_CATEGORY = 200
"""Characters of a category that the model has not seen; what goes on to logs is bounded by it."""

_LONGEST_NAME = 100
_INT64 = 2**63

Row = list[Value]
Read = Callable[[object], Value]


class _Refused(Exception):
    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        self.message = message


class Wrong:
    """What is wrong with one request, collected: a client learns of all its mistakes at once."""

    def __init__(self) -> None:
        self._fields: list[WrongField] = []
        self._counted: Counter[tuple[str, str]] = Counter()

    def add(self, feature: str, reason: str, field: str, message: str) -> None:
        """Note one mistake; feature: a feature's name, UNKNOWN or BODY; field: its place in the request."""
        self._counted[feature, reason] += 1
        if len(self._fields) < MOST_FIELDS:
            self._fields.append(WrongField(field, reason, message))

    def raise_if_any(self) -> None:
        """Raise InvalidInput where there was a mistake."""
        if self._counted:
            raise InvalidInput(self._fields, self._counted)


def body_is(reason: str, message: str, field: str = "body") -> InvalidInput:
    """The refusal of a request as a whole."""
    return InvalidInput([WrongField(field, reason, message)], {(BODY, reason): 1})


class RowReader:
    """Reads rows of one model."""

    def __init__(self, profile: Profile) -> None:
        self._features = [(feature.name, _reader(feature), feature.missing_allowed) for feature in profile.features]
        self._names = frozenset(feature.name for feature in profile.features)

    def read(self, given: object, place: str, wrong: Wrong) -> Row:
        """The values of one row in the order of the model's features; of no use where `wrong` has got more by it.

        Nothing is converted but whole numbers to floats, where a feature is numeric. place: where in the request the row is.
        """
        if not isinstance(given, dict):
            wrong.add(BODY, "structure", place, "must be an object: a value for each feature, by name")
            return []
        row: Row = []
        for name, read, missing_allowed in self._features:
            value = given.get(name)
            if value is None:
                if not missing_allowed:
                    wrong.add(name, "missing", f"{place}.{name}", "is missing, and the model needs it")
                row.append(None)
                continue
            try:
                row.append(read(value))
            except _Refused as refused:
                wrong.add(name, refused.reason, f"{place}.{name}", refused.message)
        if given.keys() - self._names:
            self._unknown(given.keys() - self._names, place, wrong)
        return row

    def _unknown(self, names: set[object], place: str, wrong: Wrong) -> None:
        # The name came from the client: it goes back to the client, but it is no name of ours.
        for name in sorted(map(str, names)):
            wrong.add(
                UNKNOWN, "unknown_feature", f"{place}.{UNKNOWN}", f"{name[:_LONGEST_NAME]!a} is not a feature of this model"
            )


def _reader(feature: Feature) -> Read:
    if feature.kind == "numeric":
        return _number
    if feature.kind == "boolean":
        return _boolean
    return _category(feature)


def _number(value: object) -> Value:
    if type(value) is not float and type(value) is not int:  # true and false are ints, too
        raise _Refused("type", "must be a number")
    if -LARGEST <= value <= LARGEST:
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise _Refused("not_finite", "must be a finite number")
    raise _Refused("too_large_number", f"must be a number from -{LARGEST:g} to {LARGEST:g}: beyond, a model can't compute")


def _boolean(value: object) -> Value:
    if isinstance(value, bool):
        return value
    raise _Refused("type", "must be true or false")


def _category(feature: Feature) -> Read:
    known = {(type(category), category) for category in feature.categories}  # 1 and true are equal, and not the same
    kinds = {kind for kind, _ in known}
    named = " or ".join(sorted({str: "text", int: "a whole number"}[kind] for kind in kinds)) or "text"

    def category(value: object) -> Value:
        if type(value) not in kinds or not isinstance(value, str | int):
            raise _Refused("type", f"must be {named}")
        if (type(value), value) in known:
            return value
        if not feature.unseen_allowed:
            raise _Refused("unseen_category", f"is none of the {len(known)} categories that the model knows")
        if not _may_be_category(value):
            raise _Refused("unseen_category", f"is no category: more than {LONGEST_CATEGORY} characters, or not Unicode text")
        return value

    return category


def _may_be_category(value: str | int) -> bool:
    if isinstance(value, int):
        return -_INT64 <= value < _INT64
    return len(value) <= LONGEST_CATEGORY and is_unicode(value)


def is_unicode(text: str) -> bool:
    """Whether `text` can be written as UTF-8: JSON can name half of a surrogate pair, which no answer and no log can hold."""
    return not any("\ud800" <= one <= "\udfff" for one in text)
