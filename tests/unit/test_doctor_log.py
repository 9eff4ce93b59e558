"""The doctor's reading of the Collector's log: each reason once, and only of late."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from vitals.doctor.checks import collector_log

from .test_doctor import ANSWERS


def test_the_collectors_reasons_are_quoted_once_each_and_only_of_late() -> None:
    lines = (ANSWERS / "collector.log").read_text().splitlines()
    found = {
        (one.component, one.words[:90]): one.times for one in collector_log.found(lines, datetime(2026, 11, 21, 17, tzinfo=UTC))
    }
    retried = "Exporting failed. Will retry the request after interval: "
    assert found == {
        ("elasticsearch/traces", "failed to index document: 403 cluster_block_exception traces-generic.otel-default"): 2,
        ("elasticsearch/logs", "failed to index document: 403 cluster_block_exception logs-generic.otel-default"): 2,
        ("otlp_http/prometheus", f"{retried}failed to make an HTTP request: Post"[:90]): 2,
        ("otlp_grpc/jaeger", f"{retried}rpc error: code = Unavailable des"[:90]): 2,
        ("elasticsearch/traces", "Exporting failed. Rejecting data: sending queue is full"): 2,
        ("otlp_http/prometheus", "Exporting failed. Rejecting data: sending queue is full"): 2,
        ("otlp_grpc/jaeger", "Exporting failed. Rejecting data: sending queue is full"): 2,
        ("span_metrics", "Failed ConsumeMetrics: sending queue is full"): 2,
    }
    assert collector_log.found(lines, datetime(2026, 11, 21, 18, tzinfo=UTC)) == []
    assert collector_log.found(["", "no JSON", '{"level": "error"}', '{"ts": 5}', "{"], datetime.now(UTC)) == []


def test_reasons_that_differ_in_a_port_or_a_time_are_one() -> None:
    now = datetime(2026, 11, 21, 17, tzinfo=UTC)
    lines = [
        json.dumps(
            {
                "level": "error",
                "ts": (now - timedelta(seconds=port % 10)).isoformat(),
                "msg": "Exporting failed.",
                "error": f"read tcp 127.0.0.1:{port}->127.0.0.1:9200: i/o timeout after {port}ms",
            }
        )
        for port in (40001, 40002, 40003)
    ]
    [found] = collector_log.found(lines, now)
    assert (found.times, found.component, (now - found.last).seconds) == (3, "the Collector", 1)


def test_the_end_of_a_long_log_begins_with_a_whole_line(tmp_path: Path) -> None:
    file = tmp_path / "collector.log"
    file.write_text("".join(f"line {number}\n" for number in range(100)) + "half a li")
    assert collector_log.tail(file, 30) == ["line 98", "line 99"]
    assert collector_log.tail(file)[0] == "line 0"
