"""The engines' own logs, in the data stream where containers' logs go."""

from __future__ import annotations

from typing import Any

from .conftest import BREAKS_THE_MODEL, Stack, eventually

ENGINES = {"elasticsearch", "elasticsearch-setup", "prometheus", "jaeger", "node_exporter", "alertmanager", "service", "canary"}


def _names(stack: Stack) -> set[str]:
    return {document["resource"]["attributes"]["container.name"] for document in _documents(stack)}


def _documents(stack: Stack, **terms: str) -> list[dict[str, Any]]:
    query = [{"term": {name.replace("_", "."): value}} for name, value in terms.items()]
    return stack.documents("logs-containers.otel-default", {"bool": {"filter": query}})


def test_every_engines_log_is_there_with_its_name_but_not_the_collectors(stack: Stack) -> None:
    eventually(lambda: _names(stack), lambda names: names >= ENGINES, why="each engine's log is searchable")
    assert _names(stack) == ENGINES


def test_their_levels_have_one_spelling_each(stack: Stack) -> None:
    documents = eventually(lambda: _documents(stack, service_name="elasticsearch"), why="the log of Elasticsearch")
    levels = {document.get("severity_text") for document in documents}
    assert {"INFO", "WARN"} <= levels <= {"INFO", "WARN", "ERROR", "DEBUG", "FATAL", None}
    assert all(document["data_stream"]["dataset"] == "containers.otel" for document in documents)


def test_a_stack_trace_is_one_record(stack: Stack) -> None:
    trace_id = stack.predict(BREAKS_THE_MODEL).json()["trace_id"]
    query = {"match_phrase": {"body.text": trace_id}}
    [record] = eventually(
        lambda: stack.documents("logs-containers.otel-default", query), why="the failure is in the service's log"
    )
    text = record["body"]["text"]
    assert record["severity_text"] == "ERROR"
    assert "unexpected ValueError" in text
    assert "Traceback (most recent call last)" in text
    assert text.count("\n") > 10
