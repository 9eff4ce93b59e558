"""No map that is sent has a key twice, whatever an application puts on spans, records and the resource: stores refuse that."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from vitals.model_events.named_model import NamedModel
from vitals.model_events.prediction import LoggedRows, Prediction
from vitals.model_events.prediction_event import PredictionEvent
from vitals.telemetry.fast_path import record
from vitals.telemetry.fast_path.encoder import Encoder, Ended
from vitals.telemetry.fast_path.shape import Shape, Template
from vitals.telemetry.fast_path.span import RequestSpan
from vitals.telemetry.logs.log_handler import OtlpHandler

from .log_sink import Sink

pytestmark = pytest.mark.slow

SCOPE = InstrumentationScope("test")
NAMES = (
    "http.route",
    "url.path",
    "client.port",
    "ml.model.name",
    "ml.prediction.id",
    "log.record.uid",
    "exception.type",
    "a",
    "1",
)
TEXT = st.text("a1?\ud800\udcff", max_size=2)
KEYS = st.one_of(st.sampled_from(NAMES), TEXT)
ANY_KEYS = st.one_of(KEYS, st.integers(0, 2), st.booleans(), st.none(), st.binary(max_size=1))
VALUES = st.recursive(
    st.one_of(st.integers(0, 9), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(ANY_KEYS, inner, max_size=4)),
)
MODEL = NamedModel({"ml.model.name": "iris", "ml.model.runtime": "x"}, {"ml.model.name": "iris"})


def twice(attributes: Iterable[KeyValue]) -> Iterator[str]:
    """The keys that come twice in one map, here and in every map within."""
    here = list(attributes)
    yield from (key for key, times in Counter(one.key for one in here).items() if times > 1)
    for one in here:
        yield from _within(one.value)


def _within(value: AnyValue) -> Iterator[str]:
    yield from twice(value.kvlist_value.values)
    for one in value.array_value.values:
        yield from _within(one)


def in_spans(request: ExportTraceServiceRequest) -> list[str]:
    """The keys that come twice anywhere in it."""
    [of_resource] = request.resource_spans
    spans = [span for scope in of_resource.scope_spans for span in scope.spans]
    maps = [span.attributes for span in spans]
    maps += [one.attributes for span in spans for one in (*span.events, *span.links)]
    return [key for one in (of_resource.resource.attributes, *maps) for key in twice(one)]


def in_logs(request: ExportLogsServiceRequest) -> list[str]:
    """The keys that come twice anywhere in it."""
    [of_resource] = request.resource_logs
    maps = [one.attributes for scope in of_resource.scope_logs for one in scope.log_records]
    return [key for one in (of_resource.resource.attributes, *maps) for key in twice(one)]


@given(st.dictionaries(KEYS, VALUES, max_size=6), st.booleans(), st.booleans())
def test_a_log_record(extra: dict[str, Any], raised: bool, code: bool) -> None:
    sink = Sink()
    fields = {"name": "shop", "levelno": 20, "levelname": "INFO", "msg": "said", **extra}
    if raised:
        fields["exc_info"] = (ValueError, ValueError("no stock"), None)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OTEL_PYTHON_LOG_CODE_ATTRIBUTES", str(code))
        OtlpHandler(sink.provider).take(logging.makeLogRecord(fields), said=True)
    [_] = sink.records
    assert in_logs(encode_logs(sink.finished)) == []


SHAPES = st.builds(
    Shape,
    method=st.sampled_from(["GET", "get", "BREW"]),
    route=st.sampled_from(["", "/a"]),
    path=st.just(""),
    scheme=st.just("http"),
    protocol_version=st.sampled_from(["", "1.1"]),
    server_address=st.sampled_from(["", "here"]),
    server_port=st.sampled_from([None, 80]),
    client_address=st.sampled_from(["", "there"]),
    user_agent=st.sampled_from(["", "curl", "Googlebot"]),
    internal=st.booleans(),
    status=st.sampled_from([None, 200, 500]),
)
PREDICTED = st.builds(
    PredictionEvent,
    st.lists(st.builds(Prediction, TEXT, st.just("setosa"), st.floats(0, 1)), min_size=1, max_size=2),
    st.none() | st.builds(LoggedRows, TEXT, st.integers(0, 1)),
    st.just(MODEL),
    st.just(1),
)


@given(
    shape=SHAPES,
    shared=st.booleans(),
    port=st.sampled_from([0, 80, 40_000]),
    said=st.none() | PREDICTED,
    own=st.none() | st.dictionaries(KEYS, VALUES, max_size=6),
    resource=st.dictionaries(KEYS.filter(bool), TEXT, max_size=6),
)
def test_a_requests_span_and_the_log_of_its_predictions(
    shape: Shape, shared: bool, port: int, said: Any, own: dict[str, Any] | None, resource: dict[str, str]
) -> None:
    template = Template(shape._replace(path="/a") if shared else shape)
    packed = record.pack(b"t" * 16, b"s" * 8, bytes(8), 1, 2, -1, -1, port, record.SAMPLED)
    ended = Ended(template, packed, "" if shared else "/b", "q=1", said)
    if own is not None:
        span = RequestSpan(b"t" * 16, b"s" * 8, bytes(8), record.SAMPLED, None, 1, ended.attributes, SpanLimits())
        span.set_attributes(own)
        span.add_event("e", own)
        ended = ended._replace(span=span)
    encoder = Encoder(Resource(resource), SCOPE, SCOPE)
    made = encoder.encode([ended])
    assert made.failed == []
    if own is None:
        assert in_spans(ExportTraceServiceRequest.FromString(encoder.spans(made.request_spans, []))) == []
    elif not any("\ud800" <= one <= "\udfff" for one in repr_of(own) + repr_of(resource)):  # else the SDK encodes nothing of it
        assert in_spans(encode_spans(made.by_sdk)) == []
    if said is not None:
        assert in_logs(ExportLogsServiceRequest.FromString(encoder.logs(made.logs))) == []


def repr_of(value: Any) -> str:
    """All text in it."""
    match value:
        case dict():
            return "".join(repr_of(key) + repr_of(one) for key, one in value.items())
        case list():
            return "".join(map(repr_of, value))
        case _:
            return str(value)
