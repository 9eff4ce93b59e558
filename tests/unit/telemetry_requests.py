"""A program: a service that is asked in every way that leaves another kind of telemetry.

    python -m tests.unit.telemetry_requests MODEL_FOLDER ...

Telemetry is real: the service's own providers, its fast path, and OTLP to the endpoint that the environment names.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from vitals.app import create_app
from vitals.bundle.bins import Value
from vitals.canary.canary import Findings
from vitals.model.served import ServedModel, load_model
from vitals.settings.service import Settings
from vitals.telemetry import applications

UNANSWERABLE = 66.0
"""A first feature that the model raises at."""


class _Model(ServedModel):
    """The model of a folder, but for one value."""

    def predict(self, rows: Any) -> Any:
        if any(row[0] == UNANSWERABLE for row in rows):
            raise ArithmeticError("no answer to this one")
        return super().predict(rows)


def main() -> None:
    """Serve each folder, ask, and end."""
    logging.basicConfig(level=logging.INFO)
    for folder in map(Path, sys.argv[1:]):
        loaded = load_model(folder)
        model = _Model(loaded.facts, loaded.profile, loaded._artefact)
        app = create_app(Settings.load(model_dir=folder, log_features=True, instances_max=1000), model=model)
        with TestClient(app, raise_server_exceptions=False) as client:
            _requests(client, model)
            _canary()
            applications.served().meter_provider.force_flush()  # the duration of a collection is in the next one


def _requests(client: TestClient, model: ServedModel) -> None:
    names = [feature.name for feature in model.profile.features]
    row: dict[str, Value] = {feature.name: feature.example for feature in model.profile.features}
    answer = client.post("/predict?why=test", json={"features": row}, headers={"user-agent": "Googlebot/2"}).json()
    client.post("/predict", json={"instances": [row] * 1000})
    client.post("/predict", json={"features": {**row, names[0]: "text", "other": 1}})
    client.post("/predict", json={"features": {**row, names[0]: UNANSWERABLE}})
    tensor = {"name": "input", "shape": [1, len(names)], "datatype": "FP64", "data": list(row.values())}
    client.post(f"/v2/models/{model.facts.name}/infer", json={"inputs": [tensor]})
    label = {"prediction_id": answer["prediction_id"], "label": answer["prediction"]}
    client.post("/labels", json=label)
    client.post("/labels", json=label)
    client.get("/health/canary")
    client.get("/no/such/path")
    client.request("SECRET", "/predict")
    logging.getLogger("shop").warning("of %s", "any library", extra={"shop.basket": 7})


def _canary() -> None:
    """What a canary may find; its own process reports it, through the same providers."""
    findings = Findings(applications.served().meter)
    findings.expect("jaeger")
    findings.sent()
    findings.failed("503", "")
    findings.found("jaeger", 0.4)
    findings.lost("jaeger", "not_found", "")
    findings.skipped("jaeger")


if __name__ == "__main__":
    main()
