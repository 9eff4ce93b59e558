"""Traces, metrics and logs of a FastAPI application over OpenTelemetry; usable without the rest of the project.

    app = FastAPI()
    instrument(app, service_name="orders")

The request's own span, metrics and prediction log go through one seam, `Recorder`: nothing outside this package writes them.
"""

from vitals.telemetry.counts import Counts
from vitals.telemetry.instrument import instrument
from vitals.telemetry.logs.logging_signal import printable
from vitals.telemetry.recorder import Label, LoggedRows, Prediction, Recorder, RequestContext
from vitals.telemetry.runtime import Telemetry
from vitals.telemetry.trace_id import current_instance_id, current_trace_id

__all__ = [
    "Counts",
    "Label",
    "LoggedRows",
    "Prediction",
    "Recorder",
    "RequestContext",
    "Telemetry",
    "current_instance_id",
    "current_trace_id",
    "instrument",
    "printable",
]
