"""What the stores say about one trace, in one shape whatever store it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vitals.backends.backend_table import USUAL_PLACES, Place

Attributes = dict[str, Any]

_OF_EXCEPTION = ("type", "message")


@dataclass(frozen=True, slots=True)
class Span:
    """One span. Times are in nanoseconds: `start` since the epoch, `duration` as a length."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: str
    service: str
    instance: str | None
    start: int
    duration: int
    error: bool
    attributes: Attributes
    exceptions: tuple[Log, ...] = ()
    """What was recorded on it, where the store keeps that with the span."""


@dataclass(frozen=True, slots=True)
class Log:
    """One log record, or an exception that was recorded on a span. `time` is in nanoseconds since the epoch."""

    time: int
    severity: str
    body: str
    event: str | None
    logger: str | None
    span_id: str | None
    service: str
    attributes: Attributes
    on_span: bool = False
    """Whether it was recorded on its span, and not logged."""

    @property
    def exception(self) -> tuple[str, str] | None:
        """Type and message of the exception that it tells of; Loki writes names with underscores."""
        kind, message = (self.attributes.get(f"exception.{of}", self.attributes.get(f"exception_{of}")) for of in _OF_EXCEPTION)
        return None if kind is None and message is None else (str(kind or ""), str(message or ""))

    @property
    def stack(self) -> str:
        """The exception's stack trace, where there is one."""
        return str(self.attributes.get("exception.stacktrace", self.attributes.get("exception_stacktrace", "")))


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One exemplar: a sample of `metric` (with `labels`) that names a trace. `time` is in nanoseconds since the epoch."""

    trace_id: str
    metric: str
    labels: dict[str, str]
    value: float
    time: int


@dataclass(frozen=True, slots=True)
class TraceView:
    """One trace as every store has it.

    `other_logs`: those of Loki and VictoriaLogs.
    `places`: those that it was looked for in; `unused` says why nothing is sent to one, `unreachable` why one could not be asked.
    """

    trace_id: str
    exemplars: list[Exemplar] = field(default_factory=list)
    elasticsearch_spans: list[Span] = field(default_factory=list)
    jaeger_spans: list[Span] = field(default_factory=list)
    elasticsearch_logs: list[Log] = field(default_factory=list)
    other_logs: dict[Place, list[Log]] = field(default_factory=dict)
    places: tuple[Place, ...] = USUAL_PLACES
    unused: dict[Place, str] = field(default_factory=dict)
    unreachable: dict[Place, str] = field(default_factory=dict)

    @property
    def spans(self) -> list[Span]:
        """The spans to draw: Elasticsearch's, which also has those of batches that link here; else Jaeger's."""
        return self.elasticsearch_spans or self.jaeger_spans

    @property
    def logs(self) -> list[Log]:
        """What to draw of logs: Elasticsearch's, whose attributes keep their types and names; else another store's.

        Also the exceptions that were recorded on spans; one that was logged as well is drawn once.
        """
        found = self.elasticsearch_logs or next((logs for logs in self.other_logs.values() if logs), [])
        logged = [_last_line(log) for log in found if not log.on_span and log.exception]
        of_spans = {(log.time, log.exception): log for span in self.jaeger_spans for log in span.exceptions}
        of_spans |= {(log.time, log.exception): log for log in found if log.on_span}
        kept = [log for log in of_spans.values() if _last_line(log) not in logged]
        return sorted([log for log in found if not log.on_span] + kept, key=lambda log: log.time)

    @property
    def missing(self) -> list[Place]:
        """The stores that have nothing of this trace."""
        found: dict[Place, bool] = {
            "prometheus": bool(self.exemplars),
            "elasticsearch spans": bool(self.elasticsearch_spans),
            "jaeger": bool(self.jaeger_spans),
            "elasticsearch logs": bool(self.elasticsearch_logs),
            **{place: bool(logs) for place, logs in self.other_logs.items()},
        }
        return [place for place in self.places if not found.get(place)]

    @property
    def complete(self) -> bool:
        """Whether every store that something is sent to has the trace."""
        return set(self.missing) <= set(self.unused)

    @property
    def found(self) -> bool:
        """Whether any store has anything of this trace."""
        return len(self.missing) < len(self.places)


def _last_line(log: Log) -> str:
    """Of its stack trace, which is the same wherever an exception is told of: its type in full, and all that it says."""
    kind, message = log.exception or ("", "")
    return log.stack.strip().rpartition("\n")[2] or f"{kind}: {message}"
