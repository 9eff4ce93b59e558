"""The span of a request that is being served: OpenTelemetry's `Span`, without the SDK's work for what nobody uses."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import Event, SpanLimits
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, Span, SpanContext, Status, StatusCode, TraceFlags, TraceState
from opentelemetry.util.types import Attributes, AttributeValue

from vitals.telemetry.fast_path import record

if TYPE_CHECKING:
    from vitals.telemetry.fast_path.request_event import RequestEvent

_logger = logging.getLogger(__name__)


class RequestSpan(Span):
    """Does what the SDK's span does. What is set on it is kept as it comes; what is not set costs nothing.

    `own_attributes`, `events` and `links` are None until somebody adds one: then the span is no longer like others of its shape.
    """

    __slots__ = (
        "_context", "_facts", "_limits", "ended", "event", "events", "flags", "given_name", "like_others", "links",
        "own_attributes", "parent_span_id", "span_id", "start", "status", "trace_id", "trace_state",
    )  # fmt: skip

    def __init__(
        self,
        trace_id: bytes,
        span_id: bytes,
        parent_span_id: bytes,
        flags: int,
        trace_state: TraceState | None,
        start: int,
        facts: Callable[[], Mapping[str, Any]],
        limits: SpanLimits,
    ) -> None:
        """Ids, flags and start as a record has them. facts: the attributes that the request has by itself, as far as known."""
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent_span_id = parent_span_id
        self.flags = flags
        self.trace_state = trace_state
        self.start = start
        self.ended = 0
        self.status: Status | None = None
        self.given_name: str | None = None
        self.own_attributes: BoundedAttributes | None = None
        self.events: BoundedList[Event] | None = None
        self.links: BoundedList[Link] | None = None
        self.event: RequestEvent | None = None
        self.like_others = not trace_state
        """Whether everything that it says follows from its request."""
        self._facts = facts
        self._limits = limits
        self._context: SpanContext | None = None

    def get_span_context(self) -> SpanContext:
        """Its ids, made when they are first asked for."""
        if self._context is None:
            ids = int.from_bytes(self.trace_id, "big"), int.from_bytes(self.span_id, "big")
            self._context = SpanContext(*ids, False, TraceFlags(self.trace_flags), self.trace_state)
        return self._context

    @property
    def sampled(self) -> bool:
        """Whether it is exported."""
        return bool(self.flags & record.SAMPLED)

    @property
    def trace_flags(self) -> int:
        """As W3C's trace context has them."""
        return trace_flags(self.flags)

    @property
    def parent(self) -> SpanContext | None:
        """The span that it is a child of."""
        if not self.flags & record.HAS_PARENT:
            return None
        ids = int.from_bytes(self.trace_id, "big"), int.from_bytes(self.parent_span_id, "big")
        return SpanContext(*ids, bool(self.flags & record.PARENT_REMOTE), TraceFlags(self.trace_flags))

    def is_recording(self) -> bool:
        """Whether it is sampled, and its answer is still being written."""
        return bool(self.flags & record.SAMPLED and not self.ended)

    def end(self, end_time: int | None = None) -> None:
        """End it now, or at that time; what comes later is not kept."""
        if self.ended:
            _logger.warning("Calling end() on an ended span.")
            return
        self.ended = end_time or time.time_ns()

    def carry(self, event: RequestEvent) -> bool:
        """Let the event leave with this span; False where it has ended, or carries one already."""
        if self.ended or self.event is not None:
            return False
        self.event = event
        return True

    def let_go(self) -> None:
        """Forget its request, which refers to it: both are freed at once then, without the garbage collector."""
        self._facts = _nothing

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Keep each; a later value of the same key replaces an earlier one."""
        own = self._changeable("Setting attribute on ended span.")
        if own:
            kept = self.own()
            for key, value in attributes.items():
                kept[key] = value

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Keep it; a later value of the same key replaces an earlier one."""
        self.set_attributes({key: value})

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Keep it; beyond the limit the oldest goes, and is counted."""
        if not self._changeable("Tried calling add_event on an ended span."):
            return
        limits = self._limits
        kept = BoundedAttributes(limits.max_event_attributes, attributes, max_value_len=limits.max_attribute_length)
        if self.events is None:
            self.events = BoundedList(limits.max_events)
        self.events.append(Event(name=name, attributes=kept, timestamp=time.time_ns() if timestamp is None else timestamp))

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Keep it; beyond the limit the oldest goes, and is counted."""
        if context is None or not (context.is_valid or attributes or context.trace_state):
            return
        if not self._changeable("Tried calling add_link on an ended span."):
            return
        limits = self._limits
        kept = BoundedAttributes(limits.max_link_attributes, attributes, max_value_len=limits.max_attribute_length)
        if self.links is None:
            self.links = BoundedList(limits.max_links)
        self.links.append(Link(context, kept))

    def update_name(self, name: str) -> None:
        """Call it so, whatever its route is."""
        if self._changeable("Tried calling update_name on an ended span."):
            self.given_name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """OK is final, ERROR replaces what was before it, UNSET changes nothing."""
        if not self._changeable("Tried calling set_status on an ended span."):
            return
        given = Status(status, description) if isinstance(status, StatusCode) else status
        if given.status_code is StatusCode.UNSET or (self.status is not None and self.status.status_code is StatusCode.OK):
            return
        self.status = given

    def record_exception(
        self, exception: BaseException, attributes: Attributes = None, timestamp: int | None = None, escaped: bool = False
    ) -> None:
        """Keep it as an event, named by the semantic conventions."""
        if not self.is_recording():
            return
        kind = type(exception)
        known: dict[str, Any] = {
            "exception.type": kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}",
            "exception.message": _text_of(exception),
            "exception.stacktrace": "".join(traceback.format_exception(exception)),
            "exception.escaped": str(escaped),
        }
        self.add_event("exception", {**known, **(attributes or {})}, timestamp)

    def __exit__(self, kind: Any, exception: BaseException | None, trace: Any) -> None:
        """As a context manager it keeps what was raised, and ends."""
        if exception is not None and self.is_recording():
            self.record_exception(exception)
            self.set_status(Status(StatusCode.ERROR, f"{type(exception).__name__}: {_text_of(exception)}"))
        self.end()

    def own(self) -> BoundedAttributes:
        """Its attributes, to be added to: those that its request has by itself come first."""
        if self.own_attributes is None:
            limits = self._limits
            self.own_attributes = BoundedAttributes(
                limits.max_span_attributes,
                self._facts(),
                immutable=False,
                max_value_len=limits.max_span_attribute_length,
            )
        return self.own_attributes

    def _changeable(self, warning: str) -> bool:
        if self.ended:
            _logger.warning(warning)
        if not self.is_recording():
            return False
        self.like_others = False
        return True


def _nothing() -> Mapping[str, Any]:
    return {}


def trace_flags(flags: int) -> int:
    """W3C's flags, of those that a record has."""
    sampled = TraceFlags.SAMPLED if flags & record.SAMPLED else TraceFlags.DEFAULT
    return sampled | TraceFlags.RANDOM_TRACE_ID if flags & record.RANDOM_TRACE_ID else sampled


def _text_of(exception: BaseException) -> str:
    try:
        return str(exception)
    except Exception:  # an exception's own text may raise, and telemetry must not
        return f"<{type(exception).__name__} without a text>"
