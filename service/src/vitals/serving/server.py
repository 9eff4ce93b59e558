"""Running the service: everything that can be wrong is found before the port is opened, then uvicorn serves."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import uvicorn

from vitals.errors import SettingsError
from vitals.model.threads import tell_libraries, threads_of_a_call
from vitals.model_formats.skops_import import numbers_before_others
from vitals.monitoring.prediction_key import prediction_key, share_ephemeral_key
from vitals.otel_variables import wrong_for_service
from vitals.serving.garbage import garbage_waits, spare_what_is_there
from vitals.serving.loop_watchdog import loop_watched
from vitals.serving.workers import START_FAILED, Workers
from vitals.settings.service import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from vitals.model.served import ServedModel

_WORKER_ANSWERS_SECONDS = 60
"""A worker that says nothing for so long is killed: more than a start's imports take on a busy machine."""

_WORKER_ENDS_SECONDS = 10
"""Beyond what draining and delivering may take, a worker that was asked to end is killed."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is running and deliver what is buffered.

    Raises SettingsError or ModelError with a sentence, before anything listens.
    """
    several = settings.service_workers > 1
    with nullcontext() if several else garbage_waits():  # each worker has its own start
        _serve(settings, several)


def _serve(settings: Settings, several: bool) -> None:
    # uvicorn drains on SIGTERM and then raises it again for whoever was there before: an orderly end is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Before numpy is loaded, which the modules below do.
    threads = threads_of_a_call(settings.model_threads, settings.service_workers)
    tell_libraries(threads)
    from vitals.model.loading import check_model, load

    if not several:
        numbers_before_others(settings.model_folder)
    _check_exporters()
    get = check_model if several else load
    model = get(settings.model_folder, allow_pickle=settings.allow_pickle, threads=threads)
    _check_key(settings)
    listener = _listen(settings.service_host, settings.service_port)
    config = uvicorn.Config(
        # Workers are processes of their own, which import it by its name.
        "vitals.serving.server:make_app" if several else partial(make_app, model),
        factory=True,
        log_config=_log_config(settings.log_level),
        lifespan="on",  # a start that fails ends the process, instead of a service that answers 500
        access_log=False,  # the span, the metrics and the prediction's log say more
        server_header=False,
        proxy_headers=False,  # uvicorn's would believe every process of this machine: FORWARDED_ALLOW_IPS is api/forwarded.py's
        timeout_keep_alive=30,  # at uvicorn's 5 s clients such as httpx let go too: both ends would close at once
        timeout_graceful_shutdown=settings.shutdown_grace_seconds,
    )
    if several:
        workers = Workers(
            config,
            listener,
            settings.service_workers,
            answer_seconds=_WORKER_ANSWERS_SECONDS,
            stop_seconds=2 * settings.shutdown_grace_seconds + _WORKER_ENDS_SECONDS,
        )
        failed = not workers.run()
    else:
        server = uvicorn.Server(config)
        server.run(sockets=[listener])
        failed = not server.started
    if failed:
        sys.exit(START_FAILED)  # the application's start failed, and the log says why


_SWITCH_SECONDS = 0.0005
"""How long the event loop waits for a thread that encodes telemetry or collects metrics: at Python's own 5 ms the p99 at 200
requests a second was twice that without telemetry (docs/decisions/fast-path.md).
"""


def make_app(model: ServedModel | None = None) -> FastAPI:
    """The application of each process that serves: with the `model` that this process has loaded, or loading it itself."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    settings = Settings.load()
    numbers_before_others(settings.model_folder)
    from vitals.app import create_app

    return create_app(
        settings,
        model=model,
        before_ready=spare_what_is_there,
        watched=partial(loop_watched, settings.loop_stall_seconds),
    )


def _check_exporters() -> None:
    from vitals.telemetry.exporters import exporter_classes  # FastAPI, the SDK and gRPC: behind numbers_before_others

    wrong = wrong_for_service()
    for kind in ("traces", "metrics", "logs"):
        try:
            exporter_classes(kind)
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        raise SettingsError(list(dict.fromkeys(wrong)))  # one protocol is that of three exporters


def _check_key(settings: Settings) -> None:
    if settings.prediction_key_file is not None:
        prediction_key(settings.prediction_key_file)
    elif settings.service_workers > 1:
        share_ephemeral_key()


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket, so that a port in use is a sentence and not a log line of a server that half started."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    except OSError as wrong:
        raise SettingsError([f"SERVICE_HOST is wrong: {host!r} is not an address of this machine ({wrong.strerror})."]) from None
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as wrong:
        listener.close()
        reason = os.strerror(wrong.errno or 0)
        raise SettingsError(
            [f"SERVICE_PORT {port} on {host} can't be had ({reason}): stop what uses it, or set another in .env."]
        ) from None
    listener.set_inheritable(True)
    return listener


class LoggedAlready(logging.Filter):
    """Drops uvicorn's own traceback of what the service logged already: a request that failed (with its trace id), a model that
    can't be loaded.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep everything else."""
        said = record.getMessage()
        return not (said.startswith("Exception in ASGI application") or "\nvitals.errors.ModelMismatch: " in said)


def _log_config(level: str) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"console": {"()": "vitals.telemetry.logs.logging_signal.ConsoleFormatter"}},
        "filters": {"logged already": {"()": "vitals.serving.server.LoggedAlready"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "console"}},
        "root": {"level": level, "handlers": ["stderr"]},
        "loggers": {"uvicorn.error": {"filters": ["logged already"]}},
    }
