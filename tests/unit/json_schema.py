"""Whether a JSON value fits a schema, for the keywords that our documents use (JSON Schema 2020-12, as OpenAPI 3.1 has it)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_TYPES: dict[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: _TYPES["number"](value) and (isinstance(value, int) or value.is_integer()),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}

_SAY_NOTHING = {"title", "description", "example", "examples"}


def fits(value: Any, schema: Mapping[str, Any], named: Mapping[str, Any]) -> bool:
    """Whether `value` fits; named: the schemas that `$ref` may refer to. Raises KeyError for a keyword that is none of ours."""
    return all(_KEYWORDS[keyword](value, schema, named) for keyword in schema.keys() - _SAY_NOTHING)


def _same(value: Any, one: Any) -> bool:
    """Numbers by their value; true is not 1."""
    return value == one and isinstance(value, bool) == isinstance(one, bool)


_KEYWORDS: dict[str, Callable[[Any, Mapping[str, Any], Mapping[str, Any]], bool]] = {
    "$ref": lambda value, schema, named: fits(value, named[schema["$ref"].rpartition("/")[2]], named),
    "type": lambda value, schema, _: any(
        _TYPES[kind](value) for kind in ([schema["type"]] if isinstance(schema["type"], str) else schema["type"])
    ),
    "enum": lambda value, schema, _: any(_same(value, one) for one in schema["enum"]),
    "minimum": lambda value, schema, _: not _TYPES["number"](value) or value >= schema["minimum"],
    "maximum": lambda value, schema, _: not _TYPES["number"](value) or value <= schema["maximum"],
    "maxLength": lambda value, schema, _: not isinstance(value, str) or len(value) <= schema["maxLength"],
    "anyOf": lambda value, schema, named: any(fits(value, one, named) for one in schema["anyOf"]),
    "oneOf": lambda value, schema, named: sum(fits(value, one, named) for one in schema["oneOf"]) == 1,
    "required": lambda value, schema, _: not isinstance(value, dict) or value.keys() >= set(schema["required"]),
    "properties": lambda value, schema, named: (
        not isinstance(value, dict)
        or all(fits(value[name], one, named) for name, one in schema["properties"].items() if name in value)
    ),
    "additionalProperties": lambda value, schema, _: not isinstance(value, dict) or value.keys() <= schema["properties"].keys(),
    "items": lambda value, schema, named: not isinstance(value, list) or all(fits(one, schema["items"], named) for one in value),
    "minItems": lambda value, schema, _: not isinstance(value, list) or len(value) >= schema["minItems"],
    "maxItems": lambda value, schema, _: not isinstance(value, list) or len(value) <= schema["maxItems"],
}
