"""From JSON to the model's rows, and everything that is wrong with a request: each a field, a reason and a sentence."""

from __future__ import annotations

from vitals.api.requests.example_body import RightBody
from vitals.api.requests.values import Refused, reader_of, takes_any_number
from vitals.bundle.bins import LARGEST, Value
from vitals.bundle.schema import Profile
from vitals.errors import InvalidInput, WrongField
from vitals.monitoring.validation import BODY, UNKNOWN

MOST_FIELDS = 50
"""Wrong fields that an answer names; the others are counted all the same."""

_LONGEST_NAME = 100

RequestRow = list[Value]


class Wrong:
    """What is wrong with one request, collected: a client learns of all its mistakes at once."""

    def __init__(self) -> None:
        self._fields: list[WrongField] = []
        self._counted: dict[tuple[str, str], int] = {}

    def add(self, feature: str, reason: str, field: str, message: str) -> None:
        """Note one mistake; feature: a feature's name, UNKNOWN or BODY; field: its place in the request."""
        self._counted[feature, reason] = self._counted.get((feature, reason), 0) + 1
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
    """Reads rows of one model. right_body: what its requests look like."""

    def __init__(self, profile: Profile) -> None:
        self.right_body = RightBody(profile)
        self._features = [(feature.name, reader_of(feature), feature.missing_allowed) for feature in profile.features]
        self._names = frozenset(feature.name for feature in profile.features)
        self._floats = tuple(feature.name for feature in profile.features if takes_any_number(feature))
        self._all_floats = len(self._floats) == len(profile.features)

    def read(self, given: object, place: str, wrong: Wrong) -> RequestRow:
        """The values of one row in the order of the model's features; of no use where `wrong` has got more by it.

        A numeric feature's value is a float; of an integer type it is an int where the type holds the number. A category that
        is a whole number may be written as 2.0. Nothing else is converted. place: where in the request the row is.
        Raises InvalidInput where the row is no object: the other rows are then of the same wrong form.
        """
        if not isinstance(given, dict):
            right = self.right_body.one if place == "features" else self.right_body.several
            raise body_is("structure", f"must be an object with a value for each feature by name, as in {right}", place)
        if self._all_floats and len(given) == len(self._floats):
            floats: RequestRow = []
            for name in self._floats:
                value = given.get(name)
                if type(value) is not float or not -LARGEST <= value <= LARGEST:
                    break
                floats.append(value)
            else:
                return floats  # the usual row: numbers, all there, and nothing else
        row: RequestRow = []
        for name, read, missing_allowed in self._features:
            value = given.get(name)
            if value is None:
                if not missing_allowed:
                    wrong.add(name, "missing", f"{place}.{name}", "is missing, and the model needs it")
                row.append(None)
                continue
            try:
                row.append(read(value))
            except Refused as refused:
                wrong.add(name, refused.reason, f"{place}.{name}", refused.message)
        if unknown := given.keys() - self._names:
            self._unknown(unknown, place, wrong)
        return row

    def _unknown(self, names: set[object], place: str, wrong: Wrong) -> None:
        # The name came from the client: it goes back to the client, but it is no name of ours.
        for name in sorted(map(str, names)):
            wrong.add(UNKNOWN, "unknown_feature", f"{place}.{UNKNOWN}", f"{named(name)} is not a feature of this model")


def named(name: str) -> str:
    """A name that a client sent, short and in ASCII, for the sentence that goes back to it."""
    return f"{name[:_LONGEST_NAME]!a}"
