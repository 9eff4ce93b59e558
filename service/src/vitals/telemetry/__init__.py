"""Traces, metrics and logs of a FastAPI application over OpenTelemetry; usable without the rest of the project.

    app = FastAPI()
    instrument(app, service_name="orders")

It knows nothing of what an application does. Whoever wants an event to leave with a request's span, or a span that links to the
requests it served, hands them to the fast path (`fast_path.request_event`, `fast_path.linked_span`).
"""

from vitals.telemetry.counts import Counts
from vitals.telemetry.instrument import instrument
from vitals.telemetry.logs.logging_signal import printable
from vitals.telemetry.runtime import Telemetry
from vitals.telemetry.trace_id import current_instance_id, current_trace_id

__all__ = [
    "Counts",
    "Telemetry",
    "current_instance_id",
    "current_trace_id",
    "instrument",
    "printable",
]
