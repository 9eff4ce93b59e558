"""Log records and spans that are too large, or of a form that Elasticsearch refuses: bounded, counted, nobody else harmed."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from ..stack.conftest import Stack, eventually
from .conftest import Fault
from .control_load import a_client, collector, documents, every_second, fires, undisturbed
from .malformed_otlp import HOUR, link, log, nested, span

MEGABYTE = 1_000_000
SECRET = "password=hunter2hunter2"
BODY_BOUND, VALUE_BOUND, ATTRIBUTES_BOUND = 65_536, 65_536, 128


@pytest.mark.timeout(600)
def test_a_megabyte_and_ten_thousand_attributes(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    sender = a_client(stack, "too-large")
    many = {f"a{number}": "v" for number in range(10_000)}
    text = "x" * (BODY_BOUND - len(SECRET) + 4) + " " + SECRET + " " + "y" * MEGABYTE  # the bound cuts the secret in two
    cut_before = {
        signal: collector(stack, f"otelcol_processor_filter_{signal}_filtered", filter="filter/cut")
        for signal in ("logs", "spans")
    }

    def send() -> None:
        sender.must_send("logs", log(text), log("few words", **many), log("one large value", large="z" * MEGABYTE))
        sender.must_send("logs", log({"large": "z" * MEGABYTE}), log("nested", whole={"large": ["z" * MEGABYTE]}))
        sender.must_send("traces", span(**many), span(large="z" * MEGABYTE, whole={"large": ["z" * MEGABYTE]}))

    with (
        fault("log lines and attributes of 1 MB, 10,000 attributes", must_show="bounded, counted, nothing else harmed") as row,
        undisturbed(stack, row, "beside-too-large", tmp_path) as load,
    ):
        with every_second(send):
            load.wait(10)
        logs, spans = sender.sent["logs"], sender.sent["traces"]
        found = eventually(lambda: documents(stack, sender), lambda found: len(found) == logs, why="each record is stored")
        stored = eventually(
            lambda: documents(stack, sender, "traces-*"), lambda stored: len(stored) == spans, why="each span is stored"
        )
        largest = max(len(json.dumps(one)) for one in (*found, *stored))
        cut = {
            signal: collector(stack, f"otelcol_processor_filter_{signal}_filtered", filter="filter/cut") - cut_before[signal]
            for signal in ("logs", "spans")
        }
        row.figures |= {
            "sent_logs": logs,
            "sent_spans": spans,
            "largest_document_bytes": largest,
            "cut_logs": cut["logs"],
            "cut_spans": cut["spans"],
        }
        row.seen = (
            f"{logs} log records and {spans} spans, all stored, none larger than {largest} bytes, "
            f"{cut['logs']:.0f} and {cut['spans']:.0f} counted as cut; beside them {load.rate:.0f} requests/s"
        )
        for one in found:
            body = one["body"].get("text", "")
            kept = one["attributes"]
            assert len(body) <= BODY_BOUND
            assert len(kept) <= ATTRIBUTES_BOUND
            assert all(len(str(each)) <= VALUE_BOUND for each in kept.values())
            assert (
                kept.get("vitals.cut.body_size") or kept.get("vitals.cut.values_size") or one["dropped_attributes_count"] > 9000
            )
            assert "hunter" not in body
        assert all(len(one["attributes"]) <= ATTRIBUTES_BOUND for one in stored)
        assert cut == {"logs": logs, "spans": spans}
        eventually(lambda: fires(stack, "TelemetryDropped", where="cut", signal="logs"), within=60, why="the alert fires")


@pytest.mark.timeout(600)
def test_what_contradicts_a_mapping_is_stored_and_the_rest_is_counted(stack: Stack, fault: Fault) -> None:
    """Each of these was refused by some mapping at some time; what JSON itself can't hold is refused for good."""
    sender = a_client(stack, "contradicting")
    records = [
        *(log(at=at) for at in (0, 1, 2**63 - 1, 2**63 + 5, 2**64 - 1)),
        *(log(n=one) for one in (5, "five", True, {"y": 1}, [1, "a", {"z": 1}], float("inf"), float("nan"))),
        *(log(ml__prediction__confidence=one) for one in ("high", {"a": 1}, [1, "x"], float("nan"))),
        *(log(http__response__status_code=one) for one in ("99999999999999999999", {"a": 1})),
        *(log(alert__starts_at=one) for one in ("not a date", {"a": 1}, "2300-01-01T00:00:00Z")),
        *(log(alert__labels=one) for one in ("text", [1, 2], {"a\0": "b"}, {"a" * 40_000: "b"}, nested(300))),
        *(
            log(body)
            for body in (None, 5, float("inf"), [1, "a", {"x": 1}], {"": 1, ".": 2, "a..b": 3}, {"a\0b": "c\0d"}, nested(300))
        ),
        *(log(**{name: 1}) for name in ("", "  ", ".", "a.", ".a", "a..b", "...", "a\0b", "a*b", "_id", "k" * 40_000)),
        *(
            log(a=1),
            log(a__b=2),
            log(a={"b": 3}, a__b=4),
            log(m={"": 1, ".": 2}),
            log(deep=nested(300)),
            log(deep=nested(1100)),
            log(n=float("inf"), deep=nested(1100)),
        ),
        log(data_stream__dataset="Their/own", data_stream__type="metrics", elasticsearch__index="x"),
    ]
    refused_for_ever = [{**span(), "links": [link(deep=nested(1100))]} for _ in range(50)]
    spans = [
        span(at=0),
        span(at=2**64 - 1, end=2**64 - 1),
        span(end=1),
        span(at=time.time_ns() - 24 * HOUR),
        span(deep=nested(300)),
    ]
    before = refused(stack)
    log_size = _collector_log(stack).stat().st_size
    with fault(
        "what contradicts a mapping, or can not be stored at all",
        must_show="stored where it can be; the rest counted, logged with its reason (ten lines in ten seconds at most), alerted",
    ) as row:
        sender.must_send("logs", *records)
        sender.must_send("traces", *refused_for_ever)
        sender.must_send("traces", *spans)
        found = eventually(
            lambda: documents(stack, sender), lambda found: len(found) >= len(records), why="what can be stored is stored"
        )
        stored = eventually(
            lambda: documents(stack, sender, "traces-*"), lambda stored: len(stored) >= len(spans), why="and each span"
        )
        counted = eventually(
            lambda: refused(stack) - before, lambda counted: counted >= len(refused_for_ever), why="refusals are counted"
        )
        said = _collector_log(stack).read_bytes()[log_size:].decode()
        lines = [line for line in said.splitlines() if "failed to index document" in line]
        row.figures |= {
            "sent": sender.sent["logs"] + sender.sent["traces"],
            "stored": len(found) + len(stored),
            "refused_and_counted": counted,
            "lines_logged": len(lines),
        }
        row.seen = (
            f"{len(records)} contradictory log records and {len(spans)} spans stored; "
            f"{len(refused_for_ever)} with a link nested too deep refused, {counted:.0f} counted, "
            f"{len(lines)} lines logged with the reason"
        )
        assert (len(found), len(stored)) == (len(records), len(spans))
        assert counted == len(refused_for_ever)
        assert 1 <= len(lines) <= 20, "ten in ten seconds, and those may be of two tens"
        assert "nesting depth" in lines[0]
        assert {one["data_stream"]["dataset"] for one in found} == {"generic.otel"}
        eventually(
            lambda: fires(stack, "TelemetryDropped", where="document", error_type="document_parsing_exception"),
            within=60,
            why="the alert fires",
        )


def refused(stack: Stack) -> float:
    """Documents that Elasticsearch refused for good."""
    return collector(stack, "otelcol_elasticsearch_docs_processed", http_response_status_code="400")


def _collector_log(stack: Stack) -> Path:
    return stack.settings.vitals_state_dir / "logs" / "collector.log"
