"""What the fast path writes is what protobuf's own classes read, whatever it is given."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common._internal import _encode_attributes  # the truth: opentelemetry-exporter-otlp 1.45
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import ScopeLogs
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from vitals.model_events.named_model import NamedModel
from vitals.model_events.prediction import LoggedRows, Prediction
from vitals.model_events.prediction_event import PredictionEvent, attributes_of, sentence_of, uid_of
from vitals.telemetry.fast_path import linked_span, record, wire
from vitals.telemetry.fast_path.span import trace_flags

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ONE = st.one_of(TEXT, st.booleans(), INT64, st.floats(allow_nan=False))
VALUES = st.one_of(ONE, st.lists(TEXT), st.lists(INT64), st.lists(st.booleans()), st.lists(st.floats(allow_nan=False)))
IDS = st.binary(min_size=16, max_size=16)
SPAN_IDS = st.binary(min_size=8, max_size=8)
NANOSECONDS = st.integers(0, 2**64 - 1)


@given(st.integers(0, 2**64 - 1))
def test_a_varint_is_what_protobuf_reads(number: int) -> None:
    read = Span.FromString(b"\x50" + wire.varint(number & 0xFFFF_FFFF))  # dropped_attributes_count
    assert read.dropped_attributes_count == number & 0xFFFF_FFFF
    assert len(wire.varint(number)) == max(1, math.ceil(number.bit_length() / 7))


@given(TEXT, VALUES)
def test_an_attribute_is_the_exporters(key: str, value: Any) -> None:
    [expected] = _encode_attributes({key: value}) or [KeyValue()]
    assert KeyValue.FromString(wire.key_value(key, value)) == expected
    assert Span.FromString(wire.repeated_attribute(wire.SPAN_ATTRIBUTE, "key", 1)).attributes[0].value.int_value == 1


@pytest.mark.slow
@given(st.text())
def test_any_text_can_be_encoded(value: str) -> None:
    """Also halves of surrogate pairs, which UTF-8 has no form for."""
    read = AnyValue.FromString(wire.any_value(value)).string_value
    assert read == value.encode("utf-8", "replace").decode()


@given(
    st.tuples(
        IDS, SPAN_IDS, SPAN_IDS, NANOSECONDS, NANOSECONDS, st.integers(-1, 2**62), st.integers(0, 65535), st.integers(0, 15)
    )
)
def test_a_record_holds_what_was_packed(values: Any) -> None:
    trace_id, span_id, parent, start, end, size, port, flags = values
    packed = record.pack(trace_id, span_id, parent, start, end, size, -1, port, flags)
    assert len(packed) == record.SIZE
    assert record.unpack(packed) == (trace_id, span_id, parent, start, end, size, -1, port, flags)
    assert (packed[record.TRACE_ID], packed[record.SPAN_ID], packed[record.PARENT_SPAN_ID]) == (trace_id, span_id, parent)
    assert packed[record.START] == start.to_bytes(8, "little")
    assert packed[record.END] == end.to_bytes(8, "little")
    assert packed[-1] == flags


PREDICTIONS = st.lists(
    st.builds(Prediction, TEXT, st.one_of(TEXT, st.floats(allow_nan=False)), st.none() | st.floats(0, 1)), min_size=1, max_size=3
).filter(lambda made: len({type(one.predicted) for one in made}) == 1 and len({one.confidence is None for one in made}) == 1)


@pytest.mark.slow
@given(PREDICTIONS, st.none() | st.builds(LoggedRows, TEXT, st.integers(0, 9)), IDS, SPAN_IDS, st.integers(0, 15), NANOSECONDS)
def test_the_log_of_predictions(made: Any, rows: Any, trace_id: bytes, span_id: bytes, of_record: int, at: int) -> None:
    model = {"ml.model.name": "iris", "ml.model.version": "1"}
    named = NamedModel({**model, "ml.model.runtime": "x"}, model)
    said = PredictionEvent(made, rows, named, at)
    packed = record.pack(trace_id, span_id, bytes(8), at, at, -1, -1, 0, of_record)
    encoded, of_span = said.encoded(packed)
    [log] = ScopeLogs.FromString(encoded).log_records
    assert (log.trace_id, log.span_id, log.flags) == (trace_id, span_id, trace_flags(of_record))
    assert (log.time_unix_nano, log.observed_time_unix_nano, log.event_name) == (at, at, "ml.prediction")
    assert (log.severity_number, log.severity_text, log.body.string_value) == (9, "INFO", sentence_of(made))
    expected: dict[str, Any] = {
        **model,
        **attributes_of(made),
        "log.record.uid": uid_of("ml.prediction", made[0].id),
    }
    if rows is not None:
        expected["ml.prediction.features"] = rows.text
        if rows.omitted:
            expected["ml.prediction.features_omitted"] = rows.omitted
    assert {one.key: one for one in log.attributes} == {one.key: one for one in _encode_attributes(expected) or ()}
    span = Span.FromString(b"".join(of_span))
    expected = {**named.on_span, **attributes_of(made)}
    assert {one.key: one for one in span.attributes} == {one.key: one for one in _encode_attributes(expected) or ()}


@given(st.lists(st.tuples(IDS, SPAN_IDS), min_size=1, max_size=5), SPAN_IDS, st.integers(0, 2**63), st.integers(1, 5000))
def test_the_span_of_a_call(links: Any, span_id: bytes, start: int, rows: int) -> None:
    trace_id, parent = links[0]
    model = NamedModel({"ml.model.name": "iris"}, {})
    said = [("ml.inference.batch.size", rows)]
    made = linked_span.LinkedSpan(model.call, parent, links, trace_id, span_id, True, False, start, start + 5, said, [])
    span = Span.FromString(linked_span.encoded(made))
    assert (span.trace_id, span.span_id, span.parent_span_id, span.name) == (trace_id, span_id, parent, "predict batch")
    assert (span.kind, span.start_time_unix_nano, span.end_time_unix_nano, span.flags) == (1, start, start + 5, 0x100)
    assert [(link.trace_id, link.span_id, link.flags) for link in span.links] == [(*one, 0x100) for one in links]
    assert {one.key: one.value.int_value for one in span.attributes}["ml.inference.batch.size"] == rows


def test_the_documented_layout_is_the_records() -> None:
    documented = (Path(__file__).parents[2] / "docs" / "decisions" / "fast-path.md").read_text()
    assert record.table() in documented, "put what vitals.telemetry.fast_path.record.table() gives into the document"
    assert int(re.findall(r"a record of (\d+) bytes", documented)[0]) == record.SIZE
