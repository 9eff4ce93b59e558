"""`vitals canary`: the process of the stack that measures, all the time, how fresh the stores are."""

from __future__ import annotations

import logging
import os
import signal
import threading
from pathlib import Path

from vitals.errors import SettingsError
from vitals.settings.service import Settings
from vitals.settings.sizes import MIB
from vitals.settings.stack import StackSettings

_OF_ITS_OWN = {
    "OTEL_SERVICE_NAME": "canary",
    "OTEL_METRICS_EXPORTER": "otlp",
    # It has metrics only; what it says is in its log, which the Collector reads.
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
    # What Prometheus stores, and the rules ask of.
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "cumulative",
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "explicit_bucket_histogram",
}
"""Over what the service is told by the same variables."""

_BUFFER_BYTES = 8 * MIB
_IDLE_SECONDS = 10.0
_SHUTDOWN_SECONDS = 1.0
"""For the last figures. A swap of backends waits for this process too."""


def canary() -> None:
    """Follow a request into every store each CANARY_INTERVAL, and report how long it took: the stack's own process."""
    settings = StackSettings.load()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s  %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it would say each request
    logger = logging.getLogger("vitals.canary")
    if not settings.canary_interval_seconds:
        logger.info("CANARY_INTERVAL is %s: nothing is measured", settings.canary_interval)
        _touch()
        while not stop.wait(_IDLE_SECONDS):
            _touch()
        return
    _measure(settings, stop, logger)


def _measure(settings: StackSettings, stop: threading.Event, logger: logging.Logger) -> None:
    from vitals.canary.canary import Service, looks, run
    from vitals.host.addresses import service_url
    from vitals.lookup.clients import Stores
    from vitals.telemetry import Telemetry

    os.environ.update(_OF_ITS_OWN)
    os.environ.pop("OTEL_CONFIG_FILE", None)
    telemetry = Telemetry(shutdown_seconds=_SHUTDOWN_SECONDS, buffer_bytes=_BUFFER_BYTES)
    try:
        telemetry.start()
    except ValueError as wrong:
        raise SettingsError([str(wrong)]) from None
    url = service_url(Settings.load().service_host, settings.service_port)
    try:
        asked = looks(Stores(settings))  # closed by the end of the process: something may be asked until then
        logger.info("asks %s every %s and looks in %s", url, settings.canary_interval, ", ".join(asked) or "no store")
        run(
            Service(url).ask,
            asked,
            telemetry.meter,
            interval_seconds=settings.canary_interval_seconds,
            stop=stop,
            alive=_touch,
        )
    finally:
        telemetry.shutdown()


def _touch() -> None:
    """For the container's health check: the file that CANARY_ALIVE_FILE names is never older than some seconds."""
    if named := os.environ.get("CANARY_ALIVE_FILE"):
        Path(named).touch()
