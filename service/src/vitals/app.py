"""Wiring only: settings → telemetry → model → routes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from vitals.api import about
from vitals.api.limits import BodyLimit
from vitals.api.predict import predict_router
from vitals.api.problems import add_problem_handlers
from vitals.api.state import State
from vitals.errors import ModelError
from vitals.model.batcher import Batcher
from vitals.model.facts import read_facts
from vitals.model.served import load_model
from vitals.monitoring.predictions import PredictionMetrics
from vitals.settings import Settings
from vitals.telemetry import Recorder, instrument

_logger = logging.getLogger(__name__)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The model service. Without `settings` they come from the environment.

    The routes are there at once; the model is loaded while the application already answers, and `/health/ready` says when it is.
    Raises SettingsError, ModelMissing or ModelMismatch with a sentence for each thing that is wrong.
    """
    settings = settings or Settings.load()
    facts = read_facts(settings.model_folder)
    folder = settings.model_folder

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        recorder = Recorder(telemetry, model_name=facts.name, model_version=facts.version)
        predictions = PredictionMetrics(
            telemetry.meter, model_name=facts.name, model_version=facts.version, classes=facts.classes
        )
        state = app.state.vitals = State(facts, recorder, predictions)

        async def load() -> None:
            try:
                model = await asyncio.to_thread(load_model, folder)
            except ModelError as wrong:
                _logger.critical("The model can't be served, so this process never gets ready: %s", wrong)
                return
            state.batcher = Batcher(
                model,
                around=recorder.batch,
                max_size=settings.batch_max_size,
                queue_size=settings.queue_max_size,
            )

        loading = asyncio.create_task(load(), name="load model")
        if settings.service_workers > 1:
            # Workers share the port: one that can't answer yet must not take requests that another could.
            await loading
        yield
        loading.cancel()
        if state.batcher is not None:
            await state.batcher.close()

    app = FastAPI(
        title="vitals",
        summary=f"Serves the model {facts.name} and tells how it is.",
        version=facts.version,
        lifespan=lifespan,
    )
    telemetry = instrument(
        app,
        service_name="vitals",
        resource={"service.version": facts.version},
        pull=settings.metrics_pull,
        shutdown_seconds=settings.shutdown_grace_seconds / 2,
    )
    app.add_middleware(BodyLimit, max_bytes=settings.request_max_bytes)
    add_problem_handlers(app)
    app.include_router(predict_router(facts))
    app.include_router(about.router)
    return app
