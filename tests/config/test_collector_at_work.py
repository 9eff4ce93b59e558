"""What the Collector does to the signals on their way: document ids, redaction, log files; seen on the real one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vitals.settings.stack import StackSettings

from .container_lines import line_of_a_container

TRACE = "5b8efff798038103d269b633813fc60c"
DOCUMENT_ID = "elasticsearch.document_id"


def attributes(**values: Any) -> list[dict[str, Any]]:
    def any_value(value: Any) -> dict[str, Any]:
        if isinstance(value, list):
            return {"arrayValue": {"values": [any_value(one) for one in value]}}
        return {"intValue": value} if isinstance(value, int) else {"stringValue": value}

    return [{"key": key, "value": any_value(value)} for key, value in values.items()]


def as_dict(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {one.get("key", ""): next(iter(one["value"].values()), None) for one in attributes}


def span(number: int, events: list[dict[str, Any]] | None = None, **values: Any) -> dict[str, Any]:
    now = time.time_ns()
    return {
        "traceId": TRACE,
        "spanId": f"{number:016x}",
        "name": "POST /predict",
        "kind": 2,
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now + 1000),
        "attributes": attributes(**values),
        "events": events or [],
    }


def traces(*spans: dict[str, Any]) -> dict[str, Any]:
    resource = {"attributes": attributes(**{"service.name": "tested"})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "t"}, "spans": list(spans)}]}]}


def logs(*records: dict[str, Any]) -> dict[str, Any]:
    resource = {"attributes": attributes(**{"service.name": "tested", "elasticsearch.index": "of-their-own"})}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": {"name": "t"}, "logRecords": list(records)}]}]}


def spans_in(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for request in requests for r in request["resourceSpans"] for s in r["scopeSpans"] for one in s["spans"]]


def records_in(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each log record, with its resource's attributes as `resource`."""
    return [
        {**one, "resource": as_dict(r["resource"].get("attributes", []))}
        for request in requests
        for r in request["resourceLogs"]
        for s in r["scopeLogs"]
        for one in s["logRecords"]
    ]


@pytest.fixture
def collector(run_collector: Callable[..., Any]) -> Any:
    to_files = ["logs/elasticsearch", "traces/elasticsearch", "traces/jaeger"]
    with run_collector(StackSettings.load(metrics_backend="none"), to_files) as running:
        yield running


def test_ids_are_made_for_elasticsearch_and_for_nobody_else(collector: Any, wait_for: Callable[..., Any]) -> None:
    event = {"name": "exception", "timeUnixNano": "1700000000000000001", "attributes": attributes(**{"exception.message": "a"})}
    other = {**event, "attributes": attributes(**{"exception.message": "b"})}
    later = {**event, "timeUnixNano": "1700000000000000002"}
    content = traces(span(1), span(2, [event, other, later], **{"elasticsearch.index": "of-their-own", "": "no name"}))
    collector.send("traces", content)
    collector.send("traces", content)  # what a sender does that got no answer

    first, second, *again = wait_for(lambda: (got := spans_in(collector.got("traces/elasticsearch")))[3:] and got)
    ids = [as_dict(one["attributes"])[DOCUMENT_ID] for one in (first, second)]
    assert ids == [f"{TRACE}-{number:016x}" for number in (1, 2)]
    assert [as_dict(one["attributes"])[DOCUMENT_ID] for one in again] == ids
    assert as_dict(second["attributes"]) == {DOCUMENT_ID: ids[1]}, "what a client can't choose, and what has no name, is gone"
    of_events = [as_dict(one["attributes"])[DOCUMENT_ID] for one in second["events"]]
    assert len(set(of_events)) == 3
    assert [as_dict(one["attributes"])[DOCUMENT_ID] for one in again[1]["events"]] == of_events

    to_jaeger = wait_for(lambda: spans_in(collector.got("traces/jaeger")))
    assert not [one for one in to_jaeger if DOCUMENT_ID in as_dict(one.get("attributes", []))]


def test_a_log_record_keeps_its_uid_or_gets_one(collector: Any, wait_for: Callable[..., Any]) -> None:
    records: list[dict[str, Any]] = [
        {"body": {"stringValue": "1"}, "attributes": attributes(**{"log.record.uid": "01890a5d-ac96-774b-bcce-b302099a8057"})},
        {"body": {"stringValue": "2"}},
        {"body": {"stringValue": "3"}},
        {"body": {"stringValue": "4"}, "attributes": attributes(**{"log.record.uid": "x" * 600})},
    ]
    collector.send("logs", logs(*records))
    got = wait_for(lambda: (got := records_in(collector.got("logs/elasticsearch")))[3:] and got)
    ids = [as_dict(one["attributes"])[DOCUMENT_ID] for one in got]
    assert ids[0] == "01890a5d-ac96-774b-bcce-b302099a8057"
    assert len(set(ids)) == 4
    assert {len(one) for one in ids} == {36}
    assert got[0]["resource"] == {"service.name": "tested"}


SECRETS = {
    "http.request.header.authorization": ["Bearer abcdefghijklmnop"],
    "http.request.header.cookie": "session=1",
    "db.password": "hunter2",
    "apiKey": "k-123",
    "session_token": "t-123",
    "note": "paid with 4111 1111 1111 1111 today",
    "card": 4111111111111111,
    "jwt_in_text": "it was eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl here",
    "url.full": "https://ann:secret@example.org/x?api_key=abc&q=1",
}
SIGNED = (
    "sig=c2ln-secret",
    "Signature=c2ln-secret&q=1",
    "AWSAccessKeyId=c2ln-secret",
    "X-Goog-Signature=c2ln-secret",
    "X-Amz-Signature=c2ln-secret",
    "X-Amz-Credential=c2ln-secret%2F20261130",
    "X-Amz-Security-Token=c2ln-secret",
    "GoogleAccessId=c2ln-secret%40example.org",
    "Key-Pair-Id=c2ln-secret",
    "sv=2026-01-01&sr=b&sig=c2ln-secret%3D",
    "to=https%3A%2F%2Fexample.org%2F%3Fsig%3Dc2ln-secret",
    "to=https%253A%252F%252Fexample.org%252F%253Fa%253D1%2526X-Amz-Signature%253Dc2ln-secret",
    "hmac=c2ln-secret",
    "q-signature=c2ln-secret",
)
"""Queries of signed URLs, with what must not be kept: semantic conventions, `url.query`, and clouds that they do not name."""

PLAIN = {
    "url.query": "design=modern&signal=3&sigma=2&page=4&credentials_page=1",
    "ml.prediction.id": "4111111111111111",
    "gen_ai.usage.input_tokens": 17,
    "password_length": 8,
    "http.route": "/predict",
    "order": "0af76519-4f4d-4b2b-9c5e-411111111111",
    "monkey": "banana",
    "time": 1700000000000000001,
}


def test_secrets_do_not_get_through_and_the_rest_does(collector: Any, wait_for: Callable[..., Any]) -> None:
    body = "login password=hunter2 card 4111-1111-1111-1111 Authorization: Basic abcdef trace 0af7651916cd43dd8448eb211c80319c"
    collector.send("traces", traces(span(1, [{"name": "e", "attributes": attributes(**SECRETS)}], **SECRETS, **PLAIN)))
    collector.send("logs", logs({"body": {"stringValue": body}, "attributes": attributes(**SECRETS, **PLAIN)}))

    [one] = wait_for(lambda: spans_in(collector.got("traces/jaeger")))
    [record] = wait_for(lambda: records_in(collector.got("logs/elasticsearch")))
    for found in (one["attributes"], one["events"][0]["attributes"], record["attributes"]):
        masked = as_dict(found)
        assert all("****" in str(masked[key]) for key in SECRETS), masked
        assert not [secret for secret in ("hunter2", "4111 ", "eyJ", "abcdefgh", "ann:") if secret in str(masked)]
    plain = {key: str(value) for key, value in PLAIN.items()}
    for found in (one["attributes"], record["attributes"]):
        assert {key: str(value) for key, value in as_dict(found).items() if key in PLAIN} == plain
    text = record["body"]["stringValue"]
    assert text.startswith("login **** card ****")
    assert "hunter2" not in text
    assert "abcdef" not in text


def test_signed_urls_are_kept_without_what_signs_them(collector: Any, wait_for: Callable[..., Any]) -> None:
    queries = {f"url.query.{number}": query for number, query in enumerate(SIGNED)}
    urls = {f"url.full.{number}": f"https://example.org/a?b=1&{query}" for number, query in enumerate(SIGNED)}
    bodies = [{"body": {"stringValue": f"GET {url} 200"}, "attributes": attributes(**queries)} for url in urls.values()]
    collector.send("traces", traces(span(1, **queries, **urls)))
    collector.send("logs", logs(*bodies))

    [one] = wait_for(lambda: spans_in(collector.got("traces/jaeger")))
    records = wait_for(lambda: (found := records_in(collector.got("logs/elasticsearch"))) and len(found) == len(SIGNED) and found)
    assert "c2ln-secret" not in str(one)
    assert "c2ln-secret" not in str(records)
    assert all("****" in as_dict(one["attributes"])[key] for key in (*queries, *urls))
    assert all(record["body"]["stringValue"].startswith("GET https://example.org/a?b=1&") for record in records)


def test_a_signal_without_a_backend_is_dropped_and_counted(
    run_collector: Callable[..., Any], wait_for: Callable[..., Any]
) -> None:
    settings = StackSettings.load(metrics_backend="none", logs_backend="none", traces_backend="none")
    with run_collector(settings, []) as collector:
        collector.send("traces", traces(span(1), span(2)))
        collector.send("logs", logs({"body": {"stringValue": "1"}}))
        wait_for(lambda: collector.counter("otelcol_processor_filter_spans_filtered", "filter/no_traces") == 2)
        wait_for(lambda: collector.counter("otelcol_processor_filter_logs_filtered", "filter/no_logs") == 1)
        wait_for(lambda: collector.counter("otelcol_processor_filter_datapoints_filtered", "filter/no_metrics") > 0)


def test_log_files_are_followed_with_level_and_service(
    run_collector: Callable[..., Any], wait_for: Callable[..., Any], tmp_path: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    (one / "my-app.log").write_text(
        "2026-01-01 10:00:00 WARNING disk password=hunter2\n"
        'just an error word\n{"level": "error", "msg": "x"}\n'
        '{"log":"INFO from docker\\n","stream":"stderr","time":"2026-01-01T07:00:00.5Z"}\n'
    )
    (two / "other.txt").write_text("CRITICAL two\n")
    (one / "collector.log").write_text("INFO its own\n")
    settings = StackSettings.load(metrics_backend="none", log_files=f"{one}/*.log,{two}/*.txt")
    with run_collector(settings, ["logs/elasticsearch"], LOG_FILES=settings.log_files) as collector:
        got = wait_for(lambda: (got := records_in(collector.got("logs/elasticsearch")))[4:] and got)
    found = {record["body"]["stringValue"].strip(): record for record in got}
    assert {text: record.get("severityNumber") for text, record in found.items()} == {
        "2026-01-01 10:00:00 WARNING disk ****": 13,
        "just an error word": None,
        '{"level": "error", "msg": "x"}': 17,
        "INFO from docker": 9,
        "CRITICAL two": 21,
    }
    assert {record["resource"]["service.name"] for record in got} == {"my-app", "other"}
    assert as_dict(found["CRITICAL two"]["attributes"])["log.file.name"] == "other.txt"
    assert all(DOCUMENT_ID in as_dict(record["attributes"]) for record in got)


def test_logs_of_containers_have_their_name_and_level_and_a_data_stream_of_their_own(
    run_collector: Callable[..., Any], wait_for: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "containers" / "0a1b"
    folder.mkdir(parents=True)
    file = folder / "0a1b-json.log"
    file.write_text(
        line_of_a_container("level=WARN msg=slow password=hunter2", "prometheus")
        + line_of_a_container('{"level":"error","msg":"x"}', "jaeger")
        + line_of_a_container("nothing said of a level", "kibana")
        + line_of_a_container("INFO of another stack", "web", **{"com.docker.compose.project": "other"})
        + line_of_a_container("the passwords", "init", **{"com.docker.compose.oneoff": "True"})
        + '{"log":"INFO of no stack\\n","stream":"stdout","time":"2026-01-01T07:00:00.5Z"}\n'
        + "no JSON\n"
        + line_of_a_container("INFO the last", "service", **{"com.docker.compose.oneoff": "False"})
    )
    settings = StackSettings.load(metrics_backend="none")
    options = {"CONTAINERS_DIR": str(tmp_path / "containers"), "COMPOSE_PROJECT_NAME": "mine"}
    with run_collector(settings, ["logs/elasticsearch"], "container-logs", **options) as collector:
        got = wait_for(lambda: (got := records_in(collector.got("logs/elasticsearch")))[3:] and got)
    assert [(one["body"]["stringValue"], one.get("severityText"), one.get("severityNumber")) for one in got] == [
        ("level=WARN msg=slow ****", "WARN", 13),
        ('{"level":"error","msg":"x"}', "ERROR", 17),
        ("nothing said of a level", None, None),
        ("INFO the last", "INFO", 9),
    ]
    assert got[0]["resource"] == {
        "data_stream.dataset": "containers",
        "service.name": "prometheus",
        "container.name": "mine-prometheus-1",
    }
    assert got[0]["timeUnixNano"].startswith("17672508005"), "the time is the line's own"
    assert as_dict(got[0]["attributes"]).keys() == {"log.iostream", DOCUMENT_ID}

    with file.open("a") as more:
        more.write(line_of_a_container("INFO after a restart", "service"))
    with run_collector(settings, ["logs/elasticsearch"], "container-logs", **options) as collector:
        again = wait_for(lambda: records_in(collector.got("logs/elasticsearch")))
    assert [one["body"]["stringValue"] for one in again] == ["INFO after a restart"], "nothing is read twice"


def test_logs_of_engines_are_the_same_without_containers_and_not_its_own(
    run_collector: Callable[..., Any], wait_for: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "collector.log").write_text("INFO its own\n")
    (folder / "process-compose-elk.log").write_text("INFO the supervisor's\n")
    (folder / "prometheus-2026-01-01T00-00-00.000.log").write_text("level=WARN full\n")
    (folder / "prometheus.log").write_text("level=INFO now\n")
    (folder / "elasticsearch-setup.log").write_text("Nothing had to change.\n")
    with run_collector(StackSettings.load(metrics_backend="none"), ["logs/elasticsearch"]) as collector:
        got = wait_for(lambda: (got := records_in(collector.got("logs/elasticsearch")))[2:] and got)
    found = sorted((one["resource"]["container.name"], one["body"]["stringValue"], one.get("severityText", "")) for one in got)
    assert found == [
        ("elasticsearch-setup", "Nothing had to change.", ""),
        ("prometheus", "level=INFO now", "INFO"),
        ("prometheus", "level=WARN full", "WARN"),
    ]
    assert {one["resource"]["service.name"] for one in got} == {"elasticsearch-setup", "prometheus"}
    assert {one["resource"]["data_stream.dataset"] for one in got} == {"containers"}
