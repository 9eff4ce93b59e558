"""The pipeline behind BentoML, as its documentation has it: a class with one method. Runs in an environment of its own."""

import os
from typing import Any

import bentoml
import joblib


@bentoml.service(workers=1, traffic={"timeout": 30})
class Iris:
    """One process, one model."""

    def __init__(self) -> None:
        self._model = joblib.load(os.environ["BENCH_MODEL"])

    @bentoml.api
    async def predict(self, features: dict[str, float]) -> dict[str, Any]:
        """Answer one row."""
        probabilities = self._model.predict_proba([list(features.values())])[0]
        classes = [str(one) for one in self._model.classes_]
        return {
            "prediction": classes[probabilities.argmax()],
            "probabilities": dict(zip(classes, probabilities.tolist(), strict=True)),
        }
