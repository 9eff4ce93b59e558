"""The schema of `POST /predict` for one model, made from the same description of its columns as the reader of rows."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from vitals.api.requests.column_values import INT64, LONGEST_CATEGORY, Categories, Numbers, TruthValues, values_of
from vitals.bundle.schema import Feature, Profile

_MOST_LISTED = 200
"""Categories that the document lists; a feature with more says how many there are."""

_REF = "#/components/schemas/"
_NAMES = ("Features", "PredictRequest", "Label", "LabelsRequest")


def add_request_schemas(app: FastAPI, profile: Profile, *, instances_max: int) -> None:
    """Add the schemas of request bodies to the application's OpenAPI document, which is made when it is first asked for."""
    make = app.openapi
    schemas = request_schemas(profile, instances_max=instances_max)

    def with_schemas() -> dict[str, Any]:
        document = make()
        document.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
        return document

    app.openapi = with_schemas  # type: ignore[method-assign]


def request_schemas(profile: Profile, *, instances_max: int) -> dict[str, Any]:
    """The schemas of request bodies, by name."""
    return {**_predict(profile, instances_max), **_labels(profile, instances_max)}


def body_of(schema: str) -> dict[str, Any]:
    """The part of a route's description that names the schema of its body, for `openapi_extra`."""
    if schema not in _NAMES:
        raise ValueError(f"there is no schema {schema!r}")
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": _REF + schema}}}}}


def _predict(profile: Profile, instances_max: int) -> dict[str, Any]:
    row = {
        "type": "object",
        "title": "Features",
        "description": "One row: a value for each of the model's features, nothing else.",
        "properties": {feature.name: _value(feature) for feature in profile.features},
        "required": [feature.name for feature in profile.features if not feature.missing_allowed],
        "additionalProperties": False,
        "example": {feature.name: feature.example for feature in profile.features},
    }
    one = {"features": {"$ref": f"{_REF}Features"}}
    many = {"instances": {"type": "array", "items": {"$ref": f"{_REF}Features"}, "minItems": 1, "maxItems": instances_max}}
    return {
        "Features": row,
        "PredictRequest": {
            "title": "PredictRequest",
            "description": "One row, or several.",
            "oneOf": [_object(one), _object(many)],
            "example": {"features": row["example"]},
        },
    }


def _labels(profile: Profile, instances_max: int) -> dict[str, Any]:
    true: dict[str, Any] = {"description": f"The true {profile.target}.", "examples": list(profile.classes[:1]) or [0.5]}
    if profile.task == "regression":
        true["type"] = "number"
    else:
        # By name, or as the number or the truth value whose name it is.
        true |= {"type": ["string", "number", "boolean"], "examples": list(profile.classes[:_MOST_LISTED])}
    label = _object({"prediction_id": {"type": "string", "description": "From an earlier answer."}, "label": true})
    many = {"labels": {"type": "array", "items": {"$ref": f"{_REF}Label"}, "minItems": 1, "maxItems": instances_max}}
    return {
        "Label": {**label, "title": "Label", "description": "The true value of an earlier answer."},
        "LabelsRequest": {
            "title": "LabelsRequest",
            "description": "One label, or several.",
            "oneOf": [{"$ref": f"{_REF}Label"}, _object(many)],
        },
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _value(feature: Feature) -> dict[str, Any]:
    values = values_of(feature)
    schema = schema_of(values)
    said = []
    if isinstance(values, Categories):
        said.append(_told(values))
    if isinstance(values, Numbers):
        if feature.minimum is not None and feature.maximum is not None:
            said.append(f"{feature.minimum:g} to {feature.maximum:g} in the reference")
        if values.whole:
            said.append("whole numbers only")
        elif feature.integer:
            said.append("whole numbers there")
    if feature.missing_allowed:
        said.append("may be missing or null")
        schema = {"anyOf": [schema, {"type": "null"}]}
    if feature.example is not None:
        schema["examples"] = [feature.example]
    return {**schema, "title": feature.name, "description": f"{feature.kind.capitalize()}; {', '.join(said)}".rstrip("; ") + "."}


def schema_of(values: Numbers | TruthValues | Categories) -> dict[str, Any]:
    """The JSON schema of these values.

    Two things it does not say: which categories there are, of more than 200, and that a whole number of 2^53 or more may not be
    written with a fraction or an exponent where it is a category.
    """
    match values:
        case TruthValues():
            return {"type": "boolean"}
        case Numbers():
            return {"type": "integer" if values.whole else "number", "minimum": values.low, "maximum": values.high}
        case Categories():
            kinds = sorted({str: "string", int: "integer"}[kind] for kind in values.types)
            schema: dict[str, Any] = {"type": kinds[0] if len(kinds) == 1 else kinds}
            if not values.others:
                return {**schema, "enum": list(values.known)} if len(values.known) <= _MOST_LISTED else schema
            if "string" in kinds:
                schema["maxLength"] = LONGEST_CATEGORY
            if "integer" in kinds:
                schema |= {"minimum": INT64[0], "maximum": INT64[1]}
            return schema


def _told(categories: Categories) -> str:
    known = categories.known
    if not categories.others:
        return f"one of {len(known)} categories"
    shown = ", ".join(map(str, known[:20])) + (", …" if len(known) > 20 else "")
    return f"{len(known)} categories in the reference ({shown}), others are taken"
