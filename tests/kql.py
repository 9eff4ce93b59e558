"""KQL as far as this project uses it: read by the rules of Kibana's grammar, and translated as Kibana translates it.

The rules are those of kbn-es-query (`kuery/grammar/grammar.peggy`, `kuery/functions/{is,range,and,or,not}.ts`) without nested
fields (`field: { … }`), wildcards in field names and escaped unicode; what is left out is refused, never misread.
There is no library for it in Python that is kept up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Query = dict[str, Any]

_KEYWORD = re.compile(r"(?:\s(?:or|and)|not)\s", re.IGNORECASE)
_SPECIAL = '\\():<>"*{}'


class KqlError(ValueError):
    """What Kibana would refuse, or what is left out here."""


@dataclass(frozen=True)
class Is:
    """`field : value`; `field` is None for a bare value. A wildcard's value has its stars; quoted values have none that count."""

    field: str | None
    value: str
    quoted: bool = False

    @property
    def wildcard(self) -> bool:
        return not self.quoted and "*" in self.value


@dataclass(frozen=True)
class Range:
    """`field >= value` and the like; `operator` as Elasticsearch names it: gte, gt, lte, lt."""

    field: str
    operator: str
    value: str


@dataclass(frozen=True)
class All:
    """Everything: an empty query."""


@dataclass(frozen=True)
class Joined:
    """`and` or `or`."""

    word: str
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Not:
    """`not`."""

    part: Node


Node = Is | Range | All | Joined | Not


def parse(text: str) -> Node:
    """The query as a tree. Raises KqlError."""
    return _Reader(text).query()


def fields(node: Node) -> set[str]:
    """The names of all fields in it."""
    match node:
        case Is(field) | Range(field):
            return {field} if field is not None and field != "*" else set()
        case Joined(_, parts):
            return set().union(*(fields(part) for part in parts))
        case Not(part):
            return fields(part)
        case All():
            return set()


def to_elasticsearch(node: Node, types: Mapping[str, str]) -> Query:
    """The query for Elasticsearch, as Kibana sends it; `types` are the fields' types in the index."""
    match node:
        case All():
            return {"match_all": {}}
        case Joined("and", parts):
            return {"bool": {"filter": [to_elasticsearch(part, types) for part in parts]}}
        case Joined(_, parts):
            return {"bool": {"should": [to_elasticsearch(part, types) for part in parts], "minimum_should_match": 1}}
        case Not(part):
            return {"bool": {"must_not": to_elasticsearch(part, types)}}
        case Range(field, operator, value):
            return {"range": {field: {operator: value}}}
        case Is():
            return _is(node, types)


def _is(node: Is, types: Mapping[str, str]) -> Query:
    if node.field is None:
        if node.wildcard:
            return {"query_string": {"query": node.value}}
        return {"multi_match": {"type": "phrase" if node.quoted else "best_fields", "query": node.value, "lenient": True}}
    if node.value == "*" and not node.quoted:
        return {"match_all": {}} if node.field == "*" else {"exists": {"field": node.field}}
    kind = types.get(node.field, "")
    if node.wildcard:
        if kind == "keyword":
            return {"wildcard": {node.field: {"value": node.value}}}
        return {"query_string": {"fields": [node.field], "query": node.value}}
    if kind in ("date", "date_nanos"):
        return {"range": {node.field: {"gte": node.value, "lte": node.value}}}
    if kind == "keyword":
        return {"term": {node.field: {"value": node.value}}}
    return {"match_phrase" if node.quoted else "match": {node.field: node.value}}


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def query(self) -> Node:
        self._space()
        if self._at == len(self._text):
            return All()
        node = self._or(self._expression)
        self._space()
        if self._at != len(self._text):
            raise KqlError(f"what is {self._text[self._at :]!r} in {self._text!r}?")
        return node

    def _or(self, part: Callable[[], Node]) -> Node:
        return self._joined("or", lambda: self._joined("and", lambda: self._not(part)))

    def _joined(self, word: str, part: Callable[[], Node]) -> Node:
        parts = [part()]
        while self._take(rf"\s+{word}\s+"):
            parts.append(part())
        return Joined(word, tuple(parts)) if len(parts) > 1 else parts[0]

    def _not(self, part: Callable[[], Node]) -> Node:
        if self._take(r"not\s+"):
            return Not(self._sub(part))
        return self._sub(part)

    def _sub(self, part: Callable[[], Node]) -> Node:
        if not self._take(r"\(\s*"):
            return part()
        node = self._or(part)
        self._space()
        if not self._take(r"\)"):
            raise KqlError(f"a bracket is not closed in {self._text!r}")
        return node

    def _expression(self) -> Node:
        first, quoted = self._literal()
        self._space()
        operator = self._take(r"<=|>=|<|>")
        if operator:
            self._space()
            value, _ = self._literal()
            return Range(first, {"<=": "lte", ">=": "gte", "<": "lt", ">": "gt"}[operator], value)
        if not self._take(":"):
            self._at -= len(self._text[: self._at]) - len(self._text[: self._at].rstrip())
            return Is(None, first, quoted)
        self._space()
        if self._text.startswith("{", self._at):
            raise KqlError("nested fields are left out here")
        if "*" in first and first != "*":
            raise KqlError("wildcards in the names of fields are left out here")
        return self._not(lambda: Is(first, *self._literal()))

    def _literal(self) -> tuple[str, bool]:
        quoted = self._take(r'"(?:\\[\\"]|[^"\\])*"')
        if quoted:
            return re.sub(r'\\([\\"])', r"\1", quoted[1:-1]), True
        found = []
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == "\\" and self._text[self._at + 1 : self._at + 2] in _SPECIAL and self._at + 1 < len(self._text):
                if self._text[self._at + 1] == "*":
                    raise KqlError("an escaped star is left out here")
                found.append(self._text[self._at + 1])
                self._at += 2
                continue
            if (char in _SPECIAL and char != "*") or _KEYWORD.match(self._text, self._at):
                break
            found.append(char)
            self._at += 1
        # Spaces before what comes next are not the value's: the caller may need them, to see the word `and`.
        literal = "".join(found)
        self._at -= len(literal) - len(literal.rstrip())
        if not literal.strip():
            raise KqlError(f"something is missing at {self._at} in {self._text!r}")
        return literal.strip(), False

    def _space(self) -> None:
        self._take(r"\s*")

    def _take(self, pattern: str) -> str:
        found = re.compile(pattern, re.IGNORECASE).match(self._text, self._at)
        if not found:
            return ""
        self._at = found.end()
        return found.group()
