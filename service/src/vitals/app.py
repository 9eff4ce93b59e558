"""Wiring only: settings → telemetry → model → routes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from vitals.api import about, labels
from vitals.api.limits import BodyLimit
from vitals.api.predict import predict_router
from vitals.api.problems import add_problem_handlers
from vitals.api.request_schema import add_request_schemas
from vitals.api.state import State
from vitals.api.v2 import v2_router
from vitals.errors import ModelError
from vitals.model.batcher import Batcher
from vitals.model.served import load_model
from vitals.monitoring.model_monitoring import ModelMonitoring
from vitals.monitoring.prediction_key import prediction_key
from vitals.profile.folder import read_folder
from vitals.settings import Settings
from vitals.telemetry import Recorder, instrument

_logger = logging.getLogger(__name__)


def create_app(settings: Settings | None = None, *, before_ready: Callable[[], None] = lambda: None) -> FastAPI:
    """The model service. Without `settings` they come from the environment.

    The routes are there at once; the model is loaded while the application already answers, and `/health/ready` says when it is.
    `before_ready` is called once between the two.
    Raises SettingsError, ModelMissing or ModelMismatch with a sentence for each thing that is wrong.
    """
    settings = settings or Settings.load()
    folder = settings.model_folder
    served = read_folder(folder)
    facts, profile = served.facts, served.profile
    key = prediction_key(settings.prediction_key_file)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        recorder = Recorder(telemetry, model_name=facts.name, model_version=facts.version)
        monitoring = ModelMonitoring(
            telemetry.meter,
            profile,
            name=facts.name,
            version=facts.version,
            key=key,
            labels_max_age_seconds=settings.labels_max_age_seconds,
        )
        state = app.state.vitals = State(
            facts,
            profile,
            recorder,
            monitoring,
            instances_max=settings.instances_max,
            request_max_bytes=settings.request_max_bytes,
            log_features=settings.log_features,
        )

        async def load() -> None:
            try:
                model = await asyncio.to_thread(load_model, folder, allow_pickle=settings.allow_pickle)
            except ModelError as wrong:
                _logger.critical("The model can't be served, so this process never gets ready: %s", wrong)
                return
            before_ready()
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
        buffer_bytes=settings.telemetry_buffer_bytes,
    )
    app.add_middleware(BodyLimit, max_bytes=settings.request_max_bytes)
    add_problem_handlers(app)
    add_request_schemas(app, profile, instances_max=settings.instances_max)
    app.include_router(predict_router(facts, profile))
    app.include_router(labels.router)
    app.include_router(v2_router(facts, profile))
    app.include_router(about.router)
    return app
