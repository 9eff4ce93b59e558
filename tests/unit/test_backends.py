"""The table of backends, and what is left to send after a swap: plain decisions, without an engine."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2 as httpx
import pytest

from vitals.backends import backend_table, queue_drain
from vitals.backends.queue_drain import Queues
from vitals.checkout import ROOT
from vitals.orchestration.groups import SERVERS
from vitals.settings.stack import StackSettings

METRICS = """# HELP otelcol_exporter_queue_size Current size of the retry queue (in batches) [Alpha]
otelcol_exporter_queue_size{data_type="logs",exporter="otlp_http/loki",otel_scope_name="x"} 4011
otelcol_exporter_queue_size{data_type="logs",exporter="elasticsearch/logs"} 0
otelcol_exporter_queue_capacity{data_type="logs",exporter="otlp_http/loki"} 1e+09
"""


def settings(**options: str) -> StackSettings:
    return StackSettings.load(**options)


def test_the_default_backends_need_no_server_of_their_own() -> None:
    assert backend_table.servers(settings()) == set()
    assert backend_table.unused_places(settings()) == {}
    assert {"VICTORIALOGS_PORT", "COLLECTOR_SCRAPE_PORT"} <= backend_table.idle_ports(settings())


def test_victorialogs_is_the_stacks_own_unless_an_address_says_otherwise() -> None:
    elsewhere = {"logs_backend": "victorialogs", "victorialogs_url": "http://logs:9428"}
    assert backend_table.servers(settings(logs_backend="elasticsearch+victorialogs")) == {"victorialogs"} == SERVERS
    assert backend_table.servers(settings(**elsewhere)) == set()
    assert "VICTORIALOGS_PORT" not in backend_table.idle_ports(settings(logs_backend="victorialogs"))
    assert "VICTORIALOGS_PORT" in backend_table.idle_ports(settings(**elsewhere))


def test_vitals_trace_looks_where_the_backends_keep_what_they_get() -> None:
    both = settings(logs_backend="elasticsearch+loki")
    assert backend_table.places(both)[-2:] == ["elasticsearch logs", "loki"]
    assert backend_table.unused_places(both) == {}
    other = backend_table.unused_places(
        settings(logs_backend="loki", metrics_backend="victoriametrics", traces_backend="jaeger+tempo")
    )
    assert set(other) == {"prometheus", "elasticsearch spans", "elasticsearch logs"}
    assert other["prometheus"] == (
        "nothing is sent there, since METRICS_BACKEND is victoriametrics (VictoriaMetrics keeps no exemplars)."
    )
    assert other["elasticsearch logs"] == "nothing is sent there, since LOGS_BACKEND is loki."


@pytest.mark.parametrize("name", ["prometheus", "prometheus-remote-write", "prometheus-scrape"])
def test_exemplars_are_in_prometheus_whichever_way_they_came(name: str) -> None:
    assert backend_table.unused_places(settings(metrics_backend=name)) == {}


def test_every_backend_is_in_the_docs_and_says_how_it_was_verified() -> None:
    text = (ROOT / "docs" / "backends.md").read_text()
    for signal in backend_table.SIGNALS:
        for file in (ROOT / "otel-collector" / "backends" / signal).glob("*.yaml"):
            assert f"| {signal} | `{file.stem}` |" in text


def test_a_former_backends_queue_is_sent_until_it_is_empty() -> None:
    first = queue_drain.planned(Queues(), settings())
    assert first.draining == ()
    assert queue_drain.planned(first, settings()) is first
    second = queue_drain.planned(first, settings(logs_backend="victorialogs", metrics_backend="none"))
    assert second.draining == ("metrics/prometheus", "logs/elasticsearch")
    emptied = queue_drain.with_emptied(second, {"logs/elasticsearch": 0, "metrics/prometheus": 12.0})
    assert emptied.waiting == ("metrics/prometheus",)
    third = queue_drain.planned(emptied, settings(logs_backend="file", metrics_backend="none"))
    assert third.draining == ("logs/victorialogs", "metrics/prometheus"), "what is empty is left out, what is not stays"
    assert queue_drain.servers(third, settings()) == {"victorialogs"}, "it has to run until it got what waits for it"
    assert queue_drain.planned(third, settings(logs_backend="none", metrics_backend="none")).draining == (
        "logs/victorialogs",
        "metrics/prometheus",
    ), "a file has no queue"
    assert queue_drain.planned(third, settings()).draining == ("logs/victorialogs",), "chosen again, it is sent as usual"


def test_of_two_at_once_only_the_one_that_was_dropped_is_emptied(tmp_path: Path) -> None:
    both = queue_drain.planned(Queues(), settings(logs_backend="elasticsearch+victorialogs"))
    queues = queue_drain.planned(both, settings())
    assert queues.draining == ("logs/victorialogs",)
    queue_drain.write(tmp_path, queues)
    assert queue_drain.read(tmp_path) == queues
    override = json.loads((tmp_path / "draining.yaml").read_text())
    assert override["service"]["pipelines"] == {"logs/victorialogs": {"receivers": ["otlp/draining"]}}
    assert queue_drain.arguments(tmp_path, queues)[-1] == str(tmp_path / "draining.yaml")
    assert queue_drain.arguments(tmp_path, Queues()) == []


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_record_that_can_not_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "backends.json").write_text(text)
    assert queue_drain.read(tmp_path) == Queues()


def test_the_collector_is_asked_how_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    queues = Queues(draining=("logs/loki", "logs/elasticsearch", "traces/otlp"))
    monkeypatch.setattr(httpx, "get", lambda *_, **__: httpx.Response(200, text=METRICS))
    assert queue_drain.asked(queues, settings()) == {"logs/loki": 4011, "logs/elasticsearch": 0, "traces/otlp": None}
