"""A plain FastAPI application with a model, as somebody would write it, and the telemetry that its option names.

python -m benchmarks.bench.served.plain --model sklearn --folder DIR --telemetry none --port 8000
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

_logger = logging.getLogger("plain")


class Row(BaseModel):
    """The features of one flower."""

    sepal_length: float
    sepal_width: float
    petal_length: float
    petal_width: float


class Asked(BaseModel):
    """The body of a request, in the form that the project's own service takes."""

    features: Row


Predict = Callable[[list[float]], tuple[str, list[float]]]


def predictor(model: str, folder: Path) -> tuple[list[str], Predict]:
    """The classes, and what answers one row."""
    if model == "noop":
        return ["setosa"], lambda _: ("setosa", [1.0])
    if model == "sklearn":
        import joblib

        fitted = joblib.load(folder / "model.joblib")
        classes = [str(one) for one in fitted.classes_]

        def by_sklearn(row: list[float]) -> tuple[str, list[float]]:
            probabilities = fitted.predict_proba([row])[0]
            return classes[probabilities.argmax()], probabilities.tolist()

        return classes, by_sklearn
    return _by_onnx(folder / "model.onnx")


def _by_onnx(graph: Path) -> tuple[list[str], Predict]:
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options)
    [asked] = session.get_inputs()
    kind = np.float64 if "double" in asked.type else np.float32
    classes = ["setosa", "versicolor", "virginica"]

    def by_onnx(row: list[float]) -> tuple[str, list[float]]:
        probabilities = session.run(["probabilities"], {asked.name: np.array([row], dtype=kind)})[0][0]
        return classes[probabilities.argmax()], probabilities.tolist()

    return classes, by_onnx


def application(classes: list[str], predict_one: Predict, *, lifespan: Any = None, logs: bool = False) -> FastAPI:
    """The application; `logs`: each prediction is logged once."""
    app = FastAPI(lifespan=lifespan)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/predict")
    async def predict(asked: Asked) -> dict[str, Any]:
        row = asked.features
        predicted, probabilities = predict_one([row.sepal_length, row.sepal_width, row.petal_length, row.petal_width])
        if logs:
            said = {
                "event.name": "ml.prediction",
                "ml.prediction.class": predicted,
                "ml.prediction.confidence": max(probabilities),
            }
            _logger.info("predicted %s", predicted, extra=said)
        return {"prediction": predicted, "probabilities": dict(zip(classes, probabilities, strict=True))}

    return app


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=["sklearn", "onnx", "noop"], required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--telemetry", choices=["none", "contrib", "native", "instrument"], default="none")
    parser.add_argument("--inner-spans", action="store_true", help="contrib: also a span for each message received and sent")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    classes, predict_one = predictor(given.model, given.folder)
    if given.telemetry in ("none", "instrument"):
        app = application(classes, predict_one)
    else:
        app = _watched(classes, predict_one, native=given.telemetry == "native", inner_spans=given.inner_spans)
    if given.telemetry == "instrument":
        from vitals.telemetry import instrument

        instrument(app)
    uvicorn.run(app, host="127.0.0.1", port=given.port, access_log=False, log_level="warning")


def _watched(classes: list[str], predict_one: Predict, *, native: bool, inner_spans: bool) -> FastAPI:
    from benchmarks.bench.served.stock_telemetry import start

    stop = start(_logger)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        stop()

    app = application(classes, predict_one, lifespan=lifespan, logs=True)
    if not native:
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

        FastAPIInstrumentor.instrument_app(app, exclude_spans=None if inner_spans else ["receive", "send"])
    return app


if __name__ == "__main__":
    main()
