"""Wiring only: settings → telemetry → model → routes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, nullcontext
from functools import partial

from fastapi import FastAPI

from vitals.api import health, labels
from vitals.api.behind_proxy import BehindProxy
from vitals.api.direct_route import add_direct
from vitals.api.predict import predict_route
from vitals.api.problems import add_problem_handlers
from vitals.api.requests.body_limit import BodyLimit
from vitals.api.requests.request_schema import add_request_schemas
from vitals.api.state import State
from vitals.api.v2.routes import v2_router
from vitals.bundle.folder import read_folder
from vitals.errors import ModelError, ModelMismatch
from vitals.model.batcher import Batcher
from vitals.model.call_pace import CallPace, measured_pace
from vitals.model.served import ServedModel, load_model
from vitals.model.threads import threads_of_a_call
from vitals.model_events import histograms
from vitals.model_events.recorder import Recorder
from vitals.monitoring.model_monitoring import ModelMonitoring
from vitals.monitoring.prediction_key import prediction_key
from vitals.settings.service import Settings
from vitals.telemetry import instrument

_logger = logging.getLogger(__name__)


def create_app(
    settings: Settings | None = None,
    *,
    model: ServedModel | None = None,
    before_ready: Callable[[], None] = lambda: None,
    watched: Callable[[Callable[[], None]], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> FastAPI:
    """The model service. Without `settings` they come from the environment.

    The routes are there at once. A `model` that was loaded before is served; without one it is loaded while the application
    already answers, and `/health/ready` says when it is, or why it could not be. With several workers none answers before its
    model is loaded, and one whose model can't be does not start.
    `before_ready` is called once before the first prediction. `watched` is entered on the event loop while there is a model to be
    asked, and is given what delivers the telemetry that is buffered.
    Raises SettingsError, ModelMissing or ModelMismatch with a sentence for each thing that is wrong.
    """
    settings = settings or Settings.load()
    folder = settings.model_folder
    served = model or read_folder(folder)
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

        def loaded() -> tuple[ServedModel, CallPace]:
            threads = threads_of_a_call(settings.model_threads, settings.service_workers)
            loaded = model or load_model(folder, allow_pickle=settings.allow_pickle, threads=threads)
            example = [feature.example for feature in profile.features]
            return loaded, measured_pace(loaded, example, max_size=settings.batch_max_size)

        until_the_end = ExitStack()

        async def load() -> None:
            try:
                to_ask, pace = await asyncio.to_thread(loaded)
            except ModelError as wrong:
                state.unloadable = f"The model {facts.name} {facts.version} can't be served; the log of the service says why."
                _logger.critical("The model can't be served, so this process does not become ready: %s", wrong)
                return
            except Exception as wrong:
                state.unloadable = f"The model {facts.name} {facts.version} could not be loaded ({type(wrong).__name__})."
                _logger.critical("The model could not be loaded, so this process does not become ready.", exc_info=wrong)
                return
            if pace.lone_seconds > settings.predict_timeout_seconds:
                _logger.warning(
                    "A call of the model takes %.1f s, longer than PREDICT_TIMEOUT (%s): requests will be answered 503.",
                    *(pace.lone_seconds, settings.predict_timeout),
                )
            state.runtime = to_ask.runtime
            recorder.answered_by(to_ask.runtime)
            before_ready()
            state.batcher = Batcher(
                to_ask,
                around=recorder.batch,
                max_size=settings.batch_max_size,
                queue_size=settings.queue_max_size,
                pace=pace,
                timeout_seconds=settings.predict_timeout_seconds,
            )
            until_the_end.enter_context(watched(telemetry.shutdown))

        loading = asyncio.create_task(load(), name="load model")
        if settings.service_workers > 1 or model is not None:
            # Workers share the port: one that can't answer yet must not take requests that another could.
            await loading
            if state.batcher is None:
                raise ModelMismatch(state.unloadable)
        with until_the_end:
            yield
        loading.cancel()
        if state.batcher is not None:
            await state.batcher.close()

    prefix, trusted = settings.root_path, settings.forwarded_allow_ips
    kind = partial(BehindProxy, prefix=prefix, trusted=trusted) if prefix or trusted else FastAPI
    app = kind(
        title="vitals",
        summary=f"Serves the model {facts.name} and monitors it.",
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
        views=histograms.VIEWS,
    )
    add_direct(app, predict_route(facts, profile))
    app.add_middleware(BodyLimit, max_bytes=settings.request_max_bytes)
    add_problem_handlers(app)
    add_request_schemas(app, profile, instances_max=settings.instances_max)
    app.include_router(labels.router)
    app.include_router(v2_router(facts, profile))
    app.include_router(health.router)
    return app
