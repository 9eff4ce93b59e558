"""One value of a request as one value of a feature: strictly what the profile says, else a reason and a sentence."""

from __future__ import annotations

import math
from collections.abc import Callable

from vitals.api.requests.column_values import INT64, LONGEST_CATEGORY, Categories, Numbers, TruthValues, values_of
from vitals.api.requests.example_body import example_of
from vitals.bundle.bins import LARGEST, Value
from vitals.bundle.schema import Feature
from vitals.bundle.whole_numbers import EXACT_BELOW

Read = Callable[[object], Value]


class Refused(Exception):
    """The value is none of the feature's. `reason` is one of monitoring's; `message` never has the value in it."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        self.message = message


def reader_of(feature: Feature) -> Read:
    """A function that gives the value of `feature` that a JSON value other than null stands for. It raises Refused."""
    match values_of(feature):
        case TruthValues():
            return _boolean
        case Categories() as categories:
            return _category(categories, feature)
        case Numbers(whole=True) as numbers:
            return _whole_number(numbers, feature)
        case Numbers(exact=None) as numbers:
            return _number(numbers, feature)
        case Numbers() as numbers:
            return _number_of_integers(numbers, feature)


def takes_any_number(feature: Feature) -> bool:
    """Whether every float up to LARGEST is a value of the feature, as it is."""
    return values_of(feature) == Numbers(-LARGEST, LARGEST, whole=False, exact=None)


def _number(numbers: Numbers, feature: Feature) -> Read:
    least, most = numbers.low, numbers.high

    def number(value: object) -> Value:
        if type(value) is not float and type(value) is not int:  # true and false are ints, too
            raise _no_number(feature, value)
        if least <= value <= most:
            return float(value)
        raise _too_large(value)

    return number


def _number_of_integers(numbers: Numbers, feature: Feature) -> Read:
    """Numbers for a column of an integer type: an int where its type holds the number, exact also beyond 2^53, else a float."""
    (low, high), least, most = numbers.exact or (0, 0), numbers.low, numbers.high

    def number(value: object) -> Value:
        if type(value) is not float and type(value) is not int:
            raise _no_number(feature, value)
        if low <= value <= high and value == math.floor(value):
            return int(value)
        if least <= value <= most:
            return float(value)
        raise _too_large(value)

    return number


def _whole_number(numbers: Numbers, feature: Feature) -> Read:
    low, high = numbers.low, numbers.high

    def number(value: object) -> Value:
        if type(value) is float:
            if not math.isfinite(value):
                raise _too_large(value)
            if not value.is_integer():
                raise Refused("not_whole", "must be a whole number: the model takes no fractions")
            value = int(value)
        if type(value) is not int:
            raise _no_number(feature, value, "a whole number")
        if low <= value <= high:
            return value
        raise Refused("too_large_number", f"must be a whole number from {low} to {high}: the model's type holds no other")

    return number


def _no_number(feature: Feature, value: object, wanted: str = "a number") -> Refused:
    if not isinstance(value, str) or feature.example is None:
        return Refused("type", f"must be {wanted}")
    return Refused("type", f"must be {wanted}, not text: without quotation marks, such as {example_of(feature)}")


def _too_large(value: float) -> Refused:
    if isinstance(value, float) and not math.isfinite(value):
        return Refused("not_finite", "must be a finite number")
    return Refused(
        "too_large_number", f"must be a number from -{LARGEST:g} to {LARGEST:g}: a model can't compute with larger ones"
    )


def _boolean(value: object) -> Value:
    if isinstance(value, bool):
        return value
    raise Refused("type", f"must be true or false{', without quotation marks' if isinstance(value, str) else ''}")


def _category(categories: Categories, feature: Feature) -> Read:
    known = {(type(category), category) for category in categories.known}  # 1 and true are equal, and not the same
    kinds = categories.types
    named = " or ".join(sorted({str: "text", int: "a whole number"}[kind] for kind in kinds))
    such_as = "" if feature.example is None else f", such as {example_of(feature)}"

    def category(value: object) -> Value:
        if type(value) is float and int in kinds:
            value = _written_as_float(value)
        if type(value) not in kinds or not isinstance(value, str | int):
            raise Refused("type", f"must be {named}{such_as}")
        if (type(value), value) in known:
            return value
        if not categories.others:
            raise Refused("unseen_category", f"is none of the {len(known)} categories that the model knows")
        if not _may_be_category(value):
            raise Refused("unseen_category", f"is no category: more than {LONGEST_CATEGORY} characters, or not Unicode text")
        return value

    return category


def _written_as_float(value: float) -> int:
    """The whole number that a client of JavaScript or pandas wrote as 2.0."""
    if not value.is_integer():  # also where it is not finite
        raise Refused("type", "must be a whole number")
    if abs(value) >= EXACT_BELOW:
        raise Refused("type", "must be written without a fraction or an exponent: a float of 2^53 or more is not exact")
    return int(value)


def _may_be_category(value: str | int) -> bool:
    if isinstance(value, int):
        return INT64[0] <= value <= INT64[1]
    return len(value) <= LONGEST_CATEGORY and is_unicode(value)


def is_unicode(text: str) -> bool:
    """Whether `text` can be written as UTF-8: JSON can name half of a surrogate pair, which no answer and no log can hold."""
    return not any("\ud800" <= one <= "\udfff" for one in text)
