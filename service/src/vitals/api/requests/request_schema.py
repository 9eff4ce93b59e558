"""The schema of `POST /predict` for one model, made from its profile: what the OpenAPI document shows is what `rows` holds to."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from vitals.bundle.bins import LARGEST
from vitals.bundle.schema import Feature, Profile
from vitals.bundle.whole_numbers import whole_range

_MOST_LISTED = 200
"""Categories that the document lists; a feature with more says how many there are."""

_REF = "#/components/schemas/"
_NAMES = ("Features", "PredictRequest", "Label", "LabelsRequest")


def add_request_schemas(app: FastAPI, profile: Profile, *, instances_max: int) -> None:
    """Add the schemas of request bodies to the application's OpenAPI document, which is made when it is first asked for."""
    make = app.openapi
    schemas = {**_predict(profile, instances_max), **_labels(profile, instances_max)}

    def with_schemas() -> dict[str, Any]:
        document = make()
        document.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
        return document

    app.openapi = with_schemas  # type: ignore[method-assign]


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
    schema: dict[str, Any]
    said = []
    if feature.kind == "numeric":
        schema = _number(feature)
        if feature.minimum is not None and feature.maximum is not None:
            said.append(f"{feature.minimum:g} to {feature.maximum:g} in the reference")
        if feature.whole:
            said.append("whole numbers only")
        elif feature.integer:
            said.append("whole numbers there")
    elif feature.kind == "boolean":
        schema = {"type": "boolean"}
    else:
        schema, about = _category(feature)
        said.append(about)
    if feature.missing_allowed:
        said.append("may be missing or null")
        schema = {"anyOf": [schema, {"type": "null"}]}
    if feature.example is not None:
        schema["examples"] = [feature.example]
    return {**schema, "title": feature.name, "description": f"{feature.kind.capitalize()}; {', '.join(said)}".rstrip("; ") + "."}


def _number(feature: Feature) -> dict[str, Any]:
    bounds = whole_range(feature) if feature.whole else None
    if bounds is None:
        return {"type": "number", "minimum": -LARGEST, "maximum": LARGEST}
    return {"type": "integer", "minimum": bounds[0], "maximum": bounds[1]}


def _category(feature: Feature) -> tuple[dict[str, Any], str]:
    kinds = sorted({"string" if isinstance(category, str) else "integer" for category in feature.categories}) or ["string"]
    schema: dict[str, Any] = {"type": kinds[0] if len(kinds) == 1 else kinds}
    known = list(feature.categories)
    if feature.unseen_allowed:
        shown = ", ".join(map(str, known[:20])) + (", …" if len(known) > 20 else "")
        return schema, f"{len(known)} categories in the reference ({shown}), others are taken"
    if len(known) <= _MOST_LISTED:
        schema["enum"] = known
    return schema, f"one of {len(known)} categories"
