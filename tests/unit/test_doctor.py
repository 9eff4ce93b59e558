"""The doctor's reading of what engines answer: texts that real ones gave, in doctor_answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vitals.backends.collector_metrics import Reading, parsed, summed
from vitals.checkout import ROOT
from vitals.doctor.checks import clocks, disk, drops, elasticsearch, model, prometheus, queues, services
from vitals.doctor.finding import Away, Finding, counted, lasting, listed, sized
from vitals.provisioning.elasticsearch_setup import Compared

ANSWERS = Path(__file__).with_name("doctor_answers")


def answered(name: str) -> Any:
    return json.loads((ANSWERS / name).read_text())


def collector(name: str, at: float = 0, **changed: float) -> Reading:
    """A reading of the Collector; `changed`: the new values of some metrics, whatever their labels."""
    values = parsed((ANSWERS / name).read_text(), at).values
    return Reading(at, {key: changed.get(key[0], value) for key, value in values.items()})


def said(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(one.check, one.severity) for one in findings]


FULL = "collector-queues-full.txt"
REFUSED = "collector-documents-refused.txt"


def test_full_queues_are_named_with_their_exporters() -> None:
    found = {one.figures["exporter"]: one for one in queues.fill(queues.watched([collector(FULL), collector(FULL, 3)]))}
    assert {name: one.severity for name, one in found.items()} == {
        "elasticsearch/logs": "warning",  # 70 %
        "otlp_http/prometheus": "wrong",
        "elasticsearch/traces": "wrong",
        "otlp_grpc/jaeger": "wrong",
    }
    assert "metrics for otlp_http/prometheus is full (100%, 498 kB of 500 kB)" in found["otlp_http/prometheus"].sentence
    assert "fills (70%" in found["elasticsearch/logs"].sentence


def test_an_exporter_that_sends_nothing_while_something_waits_is_named() -> None:
    found = queues.sending(queues.watched([collector(FULL), collector(FULL, 3)]))
    assert [one.figures["exporter"] for one in found if one.severity == "wrong"] == [
        "elasticsearch/logs",
        "otlp_http/prometheus",
        "elasticsearch/traces",
        "otlp_grpc/jaeger",
    ]
    assert "elasticsearch/logs takes nothing: 351 kB of logs wait and nothing was sent in 3 s" in found[0].sentence
    # Of a backend that is no longer chosen, nobody needs to be woken.
    assert queues.sending(queues.watched([collector(FULL), collector(FULL, 3)]), {"elasticsearch/logs"})[0].severity == "warning"


def test_an_exporter_that_sends_or_has_nothing_to_send_is_well() -> None:
    before = collector(REFUSED)
    more = {"otelcol_exporter_sent_spans": 2000.0}
    assert said(queues.sending(queues.watched([before, collector(REFUSED, 3, **more)]))) == [("exporters", "ok")]
    emptied = {"otelcol_exporter_queue_size": 0.0}
    assert said(queues.sending(queues.watched([before, collector(REFUSED, 3, **emptied)]))) == [("exporters", "ok")]
    assert said(queues.sending(queues.watched([before, collector(REFUSED, 3)]))) == [("exporters", "wrong")] * 2
    assert said(queues.fill(queues.watched([before, collector(REFUSED, 3)]))) == [("queues", "ok")]


@pytest.mark.parametrize(
    ("first", "last", "severity"),
    [(1_000, 4_900, "ok"), (100_000, 110_000, "warning"), (110_000, 100_000, "ok"), (100_000, 100_005, "ok")],
    ids=["what any load leaves", "full within hours", "draining", "full in two days"],
)
def test_a_queue_that_will_be_full_soon_is_told_before(first: float, last: float, severity: str) -> None:
    queue = queues.Queue("traces", "elasticsearch/traces", 500_000, first, last, min(first, last), 10, 3.0)
    [found] = queues.fill([queue])
    assert found.severity == severity
    assert ("full in" in found.sentence) == (severity == "warning")


def test_documents_that_elasticsearch_refuses_for_now_are_told() -> None:
    name = "otelcol_elasticsearch_docs_retried"
    first, last = (Reading(at, {(name, frozenset()): value}) for at, value in ((0.0, 87.0), (3.0, 106.0)))
    [found] = queues.retried([first, last])
    assert "refused documents 19 times in 3 s, for now" in found.sentence
    assert queues.retried([last, last]) == []


def test_a_damaged_queue_that_was_set_aside_is_found(tmp_path: Path) -> None:
    (tmp_path / "exporter_otlp_grpc_jaeger_traces").touch()
    (tmp_path / "exporter_elasticsearch_logs_logs.backup").touch()
    assert [file.name for file in queues.damaged(tmp_path)] == ["exporter_elasticsearch_logs_logs.backup"]
    assert queues.damaged(tmp_path / "none") == []


def test_exporters_of_backends_before() -> None:
    assert queues.exporters_of({"logs/elasticsearch", "traces/jaeger"}) == {"elasticsearch/logs", "otlp_grpc/jaeger"}


def test_drops_of_late_are_wrong_and_earlier_ones_a_warning_in_one_line() -> None:
    now = collector(REFUSED).values
    young = drops.told(drops.dropped(now, None, 200), 200)
    assert {one.severity for one in young} == {"wrong"}
    assert len(young) == 7
    assert any("10 documents refused for good by Elasticsearch (403 cluster_block_exception)" in one.sentence for one in young)
    assert any("490 spans that did not fit into the queue for elasticsearch/traces" in one.sentence for one in young)
    assert any("895 metric points refused by the Collector at otlp" in one.sentence for one in young)

    [earlier] = drops.told(drops.dropped(now, now, 900), 900)
    assert earlier.severity == "warning"
    assert "none of it in the last 5 min: 10 documents refused for good" in earlier.sentence

    # Prometheus keeps the dots of an OpenTelemetry name, and adds labels of its own.
    document = {
        "__name__": "otelcol.elasticsearch.docs.processed",
        "error.type": "cluster_block_exception",
        "http.response.status_code": "403",
        "instance": "127.0.0.1:27164",
        "job": "collector",
        "outcome": "failed_client",
    }
    then = {**now, **summed([(document, 4.0)])}
    lately, _ = drops.told(drops.dropped(now, then, 900), 900)
    assert lately.severity == "wrong"
    assert "6 in the last 5 min" in lately.sentence


def test_samples_that_the_bounds_dropped_are_drops_and_those_of_no_backend_are_not() -> None:
    def filtered(name: str) -> tuple[str, frozenset[tuple[str, str]]]:
        return "otelcol_processor_filter_datapoints_filtered", frozenset({("filter", name)})

    now = {filtered(name): 7.0 for name in ("filter/bounds", "filter/prometheus_remote_write", "filter/no_metrics")}
    found = drops.told(drops.dropped(now, None, 200), 200)
    assert [one.severity for one in found] == ["wrong", "wrong"]
    assert "7 metric points dropped by filter/bounds, since" in found[0].sentence
    assert "They are lost" in found[0].sentence


def test_a_count_that_is_smaller_than_five_minutes_ago_is_a_new_collectors() -> None:
    key = ("otelcol_receiver_refused_spans", frozenset({("receiver", "otlp")}))
    up = ("otelcol_process_uptime", frozenset())
    [earlier] = drops.told(drops.dropped({key: 2.0}, {key: 9.0, up: 3000.0}, 305), 305)
    assert earlier.severity == "warning"


def test_drops_without_prometheus_are_told_without_a_when() -> None:
    found = drops.told(drops.dropped(collector(REFUSED).values, None, 900), 900)
    assert {one.severity for one in found} == {"warning"}
    assert all("Prometheus can't be asked" in one.sentence for one in found)


def test_what_was_stored_already_and_what_is_repeated_is_no_drop() -> None:
    labels = {"http_response_status_code": "409", "error_type": "version_conflict_engine_exception"}
    whole_request = {"http_response_status_code": "401", "outcome": "failed_client"}
    name = "otelcol_elasticsearch_docs_processed"
    now = {(name, frozenset(one.items())): 5.0 for one in (labels, whole_request)}
    assert said(drops.told(drops.dropped(now, now, 900), 900)) == [("drops", "ok")]


def test_drops_of_services_by_job_and_reason() -> None:
    series = [(one["metric"], float(one["value"][1])) for one in answered("drops-of-a-service.json")]
    [found] = services.told(series, [], ["vitals"])
    assert found.severity == "wrong"
    assert found.sentence.startswith("vitals dropped 39 spans, 39 of them in the last 5 min: the Collector did not take them")
    [before] = services.told(series, series, ["vitals"])
    assert before.severity == "warning"
    full = {**series[0][0], "error_type": "queue_full", "__name__": "otel_sdk_processor_log_processed_total"}
    assert "its own buffer was full" in services.told([(full, 3.0)], [], ["vitals"])[0].sentence
    assert said(services.told([], [], ["vitals"])) == [("services", "ok")]
    assert said(services.told([], [], [])) == [("services", "warning")]


def test_blocks_on_what_is_written_to_are_refused_writes() -> None:
    [flood] = elasticsearch.blocked(answered("state-at-the-flood-stage.json"))
    assert (flood.severity, flood.figures["block"]) == ("wrong", "12")
    assert "refuses writes to logs-alerts.otel-default" in flood.sentence
    assert "disk usage exceeded flood-stage watermark, index has read-only-allow-delete block. Make room" in flood.sentence
    state = answered("state-with-a-write-block.json")
    [write] = elasticsearch.blocked(state)
    assert "refuses writes to logs-generic.otel-default: index write (api). Someone set it" in write.sentence
    # An index that is not written to any more may be blocked: nobody writes to it.
    stream = state["metadata"]["data_stream"]["data_stream"]["logs-generic.otel-default"]
    stream["indices"].append({"index_name": ".ds-logs-generic.otel-default-2026.11.21-000002"})
    assert elasticsearch.blocked(state) == []
    starting = {"blocks": {"global": {"1": {"description": "state not recovered / initialized", "levels": ["read", "write"]}}}}
    assert "refuses everything: state not recovered" in elasticsearch.blocked(starting)[0].sentence


@pytest.mark.parametrize(("status", "severities"), [("green", []), ("yellow", ["warning"]), ("red", ["wrong"])])
def test_the_clusters_health(status: str, severities: list[str]) -> None:
    health = {**answered("cluster-health.json"), "status": status}
    assert [one.severity for one in elasticsearch.unhealthy(health)] == severities


def test_templates_that_are_missing_or_others() -> None:
    wanted = ("vitals-logs", "vitals-traces")
    assert said(elasticsearch.told(Compared(wanted, (), (), ()), "X")) == [("templates", "ok")]
    found = elasticsearch.told(Compared(wanted, ("vitals-logs",), ("vitals-traces",), ("logs-a-b",)), "`vitals restart elk`")
    assert [one.severity for one in found] == ["wrong", "wrong", "warning"]
    assert "missing: vitals-logs" in found[0].sentence
    assert "`vitals restart elk` puts them" in found[0].sentence
    assert "another version than this checkout's: vitals-traces" in found[1].sentence


def test_disks_by_elasticsearchs_own_watermarks() -> None:
    [well] = disk.of_elasticsearch(answered("disks.json"))
    [flooded] = disk.of_elasticsearch(answered("disks-at-the-flood-stage.json"))
    assert (well.severity, flooded.severity) == ("ok", "wrong")
    assert "the flood stage is 1.1 GB" in well.sentence
    assert "refuses all writes" in flooded.sentence


def test_the_watermarks_of_the_configuration_are_read() -> None:
    text = (ROOT / "elk" / "elasticsearch" / "elasticsearch.yml").read_text()
    assert disk.watermark(text, "flood_stage") == 1024**3
    assert disk.watermark(text, "high") == 2 * 1024**3
    assert disk.watermark(text, "none") == 0


def test_the_state_folders_disk_is_held_to_what_queues_may_take(tmp_path: Path) -> None:
    (tmp_path / "collector" / "queue").mkdir(parents=True)
    [well] = disk.of_state(tmp_path, 1.0)
    [short] = disk.of_state(tmp_path, 1e18)
    assert (well.severity, short.severity) == ("ok", "warning")
    assert "queues may take 1000000000.0 GB while backends are away" in short.sentence


def test_targets_that_are_down() -> None:
    active = answered("targets.json")
    [down] = prometheus.targets(active)
    assert "can't scrape node at http://127.0.0.1:20180/metrics: Get" in down.sentence
    assert "context deadline exceeded" in down.sentence
    up = [{**one, "health": "up"} for one in active]
    assert said(prometheus.targets(up)) == [("targets", "ok")]
    assert said(prometheus.targets([])) == [("targets", "wrong")]


def test_alerts_by_name_with_their_runbook() -> None:
    drift, dropped = prometheus.alerts(answered("alerts.json"))
    assert (drift.severity, dropped.severity) == ("warning", "wrong")
    assert dropped.sentence == (
        "TelemetryDropped fires (2 times): vitals gave up on traces: the Collector did not take them, "
        "The queue to elasticsearch/traces is full. Runbook: docs/runbooks/TelemetryDropped.md"
    )
    pending = [{**one, "state": "pending"} for one in answered("alerts.json")]
    assert said(prometheus.alerts(pending)) == [("alerts", "ok")]


@pytest.mark.parametrize(
    ("time", "slack", "apart"),
    [
        (100.0, 1.0, 0.0),  # a header of this second
        (99.2, 1.0, 0.0),
        (105.0, 1.0, 4.9),  # ahead
        (95.0, 1.0, -4.0),  # behind, the second it may have been later given to it
        (97.5, 0.001, -2.499),
    ],
)
def test_a_clock_is_apart_by_no_less_than_this(time: float, slack: float, apart: float) -> None:
    told = clocks.Told("prometheus", time, slack, before=100.0, after=100.1)
    assert told.apart == pytest.approx(apart)
    [found] = clocks.judged([told])
    assert found.severity == ("wrong" if abs(apart) > 2 else "ok")
    if abs(apart) > 2:
        assert ("ahead of" if apart > 0 else "behind") in found.sentence


def test_figures_are_words() -> None:
    assert [sized(value) for value in (0, 999, 9555, 498_000, 1_073_741_824)] == [
        "0 bytes",
        "999 bytes",
        "9.6 kB",
        "498 kB",
        "1.1 GB",
    ]
    assert [lasting(value) for value in (35, 180, 7200, 200_000)] == ["35 s", "3 min", "2 h", "2 d"]
    assert (counted(1091), listed("abcdef"), listed("ab")) == ("1,091", "a, b, c, d and 2 more", "a, b")


def test_the_model_is_named_where_it_hangs_or_could_not_be_loaded() -> None:
    def told(status: int, document: object) -> Finding:
        return model.told(status, document, how_to_restart="`vitals restart service`")

    assert (told(200, {"status": "ready"}).severity, told(200, {}).check) == ("ok", "model")
    hangs = told(503, {"detail": "The model iris has not answered for 12 s."})
    assert hangs.severity == "wrong"
    assert hangs.sentence.startswith("The model iris has not answered for 12 s. Requests are answered 503 until it does.")
    assert "`vitals restart service` if it does not" in hangs.sentence
    lacking = told(503, {"detail": "The model iris 1a2b could not be loaded (MemoryError)."})
    assert (lacking.severity, "log has the whole error" in lacking.sentence) == ("wrong", True)
    assert told(503, {"detail": "The model iris 1a2b is still being loaded."}).severity == "warning"
    for status, document in ((404, {}), (200, "<html>"), (503, None)):
        with pytest.raises(Away, match="Something other than"):
            told(status, document)
