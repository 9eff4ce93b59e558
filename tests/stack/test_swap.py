"""Swapping backends on a stack at work: one option and `vitals up`, the service runs on, and nothing is lost on the way."""

from __future__ import annotations

import collections
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx2 as httpx
import pytest

from vitals.engines.cache import Engines
from vitals.engines.recipes import load_recipes
from vitals.host.ports import listeners

from ..ports import free_ports
from .backend_swap import (
    COUNTER,
    SERIES,
    Swapped,
    asking,
    joined,
    logged_in_elasticsearch,
    logged_in_file,
    logged_in_victorialogs,
    one_joined,
    pids,
    running,
    series,
    settled,
    written,
)
from .conftest import Stack, eventually


@pytest.fixture
def swap(stack: Stack) -> Iterator[Callable[..., Swapped]]:
    """`swap(OPTION=value, …)` swaps the stack's backends; afterwards it has its own again."""
    with ExitStack() as stores:

        def swapped(**options: str) -> Swapped:
            done = Swapped(stack, options)
            stores.enter_context(closing(done.stack.stores))
            return done

        yield swapped
        back = stack.vitals("up")
        assert back.returncode == 0, back.stdout + back.stderr


def test_victorialogs_and_remote_write_take_over_under_load(stack: Stack, swap: Callable[..., Swapped]) -> None:
    settled(stack)
    names = series(stack)
    with asking(stack.url) as answered:
        so_far = len(answered)
        swapped = swap(METRICS_BACKEND="prometheus-remote-write", LOGS_BACKEND="victorialogs")
        assert len(answered) > so_far, "the service answered meanwhile"
        assert "what waits for metrics/prometheus, logs/elasticsearch: sent" in swapped.said
    ids = set(answered)

    def stored() -> collections.Counter[str]:
        return logged_in_elasticsearch(stack, ids) + logged_in_victorialogs(swapped.stack, ids)

    found = eventually(stored, lambda found: set(found) == ids, why="each answered request was logged in one of the two")
    assert set(found.values()) == {1}, "and once"
    assert logged_in_victorialogs(swapped.stack, ids), "the later ones in VictoriaLogs"
    view = one_joined(swapped.stack)
    [log] = view.other_logs["victorialogs"]
    assert log.event == "ml.prediction"
    assert log.body.startswith("predicted setosa")
    assert log.attributes["ml.prediction.class"] == "setosa", "names keep their dots"
    assert "LOGS_BACKEND is victorialogs" in view.unused["elasticsearch logs"]
    assert {one.metric for one in view.exemplars} >= {"http_server_request_duration_seconds_bucket"}
    eventually(lambda: series(stack) ^ names, lambda differing: not differing, why="the series have the same names and labels")
    shown = swapped.stack.vitals("trace", view.trace_id)
    assert "VictoriaLogs   1 log record" in shown.stdout


def test_a_swap_that_the_collector_would_refuse_stops_nothing(stack: Stack, tmp_path: Path) -> None:
    before = pids(stack)
    options = {"LOGS_BACKEND": "otlp", "OTLP_BACKEND_AUTHORIZATION_FILE": str(tmp_path / "there is none")}
    refused = Stack(stack.state, {**stack.environment, **options}).vitals("up")
    assert refused.returncode != 0
    assert "the one that runs goes on" in refused.stderr
    assert "there is none" in refused.stderr
    assert pids(stack) == before


@pytest.mark.slow
def test_two_logs_backends_one_of_them_down(stack: Stack, swap: Callable[..., Swapped]) -> None:
    """What waits for VictoriaLogs is in a queue of its own, and not in Elasticsearch's way; it gets that once it is there."""
    [nobody] = free_ports(1)
    swap(LOGS_BACKEND="elasticsearch+victorialogs", VICTORIALOGS_URL=f"http://127.0.0.1:{nobody}")
    with asking(stack.url) as answered:
        pass
    ids = set(answered)
    eventually(lambda: logged_in_elasticsearch(stack, ids), lambda found: set(found) == ids, why="Elasticsearch has them all")
    first = swap(LOGS_BACKEND="elasticsearch", TRACES_BACKEND="elasticsearch", VICTORIALOGS_URL=f"http://127.0.0.1:{nobody}")
    assert "bytes for logs/victorialogs stay on disk, and are sent as soon as it answers" in first.said
    assert "TRACES_BACKEND is elasticsearch" in one_joined(first.stack).unused["jaeger"]
    both = swap(LOGS_BACKEND="elasticsearch+victorialogs")
    eventually(lambda: logged_in_victorialogs(both.stack, ids), lambda found: set(found) == ids, why="it got what waited for it")
    back = swap(LOGS_BACKEND="elasticsearch")
    assert "what waits for logs/victorialogs: sent" in back.said
    assert both.stack.settings.victorialogs_port not in listeners(), "a server that only its users need is stopped"


@pytest.mark.slow
def test_scraped_metrics_logs_in_a_file_and_jaeger_alone(stack: Stack, swap: Callable[..., Swapped], tmp_path: Path) -> None:
    before = settled(stack)
    names = series(stack)
    file = tmp_path / "logs" / "logs.jsonl"
    with asking(stack.url) as answered:
        swapped = swap(
            METRICS_BACKEND="prometheus-scrape", LOGS_BACKEND="file", LOGS_FILE=str(file), TRACES_BACKEND="jaeger"
        ).stack
    ids = set(answered)
    eventually(lambda: stack.total(COUNTER), lambda now: now == before + len(ids), why=f"the counter is at {before} + {len(ids)}")

    def stored() -> collections.Counter[str]:
        return logged_in_elasticsearch(stack, ids) + logged_in_file(file, ids)

    found = eventually(stored, lambda found: set(found) == ids, why="each answered request was logged in one of the two")
    assert set(found.values()) == {1}
    view = one_joined(swapped)
    assert view.exemplars, "scraped every second, an exemplar is there for one second"
    assert len(view.jaeger_spans) == 2
    assert "grep does" in view.unused["elasticsearch logs"]
    assert "TRACES_BACKEND is jaeger" in view.unused["elasticsearch spans"]
    eventually(lambda: series(stack) ^ names, lambda differing: not differing, why="the series have the same names and labels")


# --- servers of the test's own ---


@pytest.mark.slow
def test_victoriametrics_beside_prometheus_and_alone(stack: Stack, swap: Callable[..., Swapped], tmp_path: Path) -> None:
    binary = Engines(stack.settings.vitals_cache_dir, load_recipes(for_tests=True)).binary("victoria-metrics")
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    # What is younger than its latency offset it does not show: 30 s, unless it is told otherwise.
    server = [binary, f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={tmp_path / 'data'}", "-search.latencyOffset=1s"]

    def in_victoriametrics(promql: str) -> dict[str, float]:
        answer = httpx.get(f"{url}/api/v1/query", params={"query": promql}, timeout=10)
        found = answer.raise_for_status().json()["data"]["result"]
        return {json.dumps(one["metric"], sort_keys=True): float(one["value"][1]) for one in found}

    before = settled(stack)
    swap(METRICS_BACKEND="prometheus+victoriametrics", VICTORIAMETRICS_URL=url)
    with asking(stack.url) as answered:
        pass
    total = before + len(answered)
    eventually(lambda: stack.total(COUNTER), lambda now: now == total, why=f"Prometheus, not held up by the other, is at {total}")
    with running([*server], f"{url}/health", tmp_path):
        eventually(
            lambda: in_victoriametrics(COUNTER), lambda now: set(now.values()) == {total}, why="it gets what waited for it"
        )
        eventually(
            lambda: set(in_victoriametrics(SERIES)) ^ series(stack),
            lambda differing: not differing,
            why="the series are the same",
        )
        alone = swap(METRICS_BACKEND="victoriametrics", VICTORIAMETRICS_URL=url).stack
        trace_id = alone.predict().json()["trace_id"]
        eventually(lambda: in_victoriametrics(COUNTER), lambda now: set(now.values()) == {total + 1}, why="it has the latest")
        view = alone.follow(trace_id, joined)
        assert "VictoriaMetrics keeps no exemplars" in view.unused["prometheus"]
        swap()
    eventually(lambda: stack.total(COUNTER), lambda now: now == total + 1, why="Prometheus has the total again")


SECOND_COLLECTOR = """
extensions:
  health_check: {{endpoint: "127.0.0.1:{health}"}}
  bearertokenauth: {{token: made-up-for-a-test}}
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{otlp}", auth: {{authenticator: bearertokenauth}}}}}}}}
exporters:
  file/logs: {{path: "{folder}/logs.jsonl", append: true, flush_interval: 50ms}}
  file/traces: {{path: "{folder}/traces.jsonl", append: true, flush_interval: 50ms}}
  file/metrics: {{path: "{folder}/metrics.jsonl", append: true, flush_interval: 50ms}}
service:
  extensions: [health_check, bearertokenauth]
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    logs: {{receivers: [otlp], exporters: [file/logs]}}
    traces: {{receivers: [otlp], exporters: [file/traces]}}
    metrics: {{receivers: [otlp], exporters: [file/metrics]}}
"""


@pytest.mark.slow
def test_everything_to_a_second_collector_that_comes_and_goes(stack: Stack, swap: Callable[..., Swapped], tmp_path: Path) -> None:
    otlp, health = free_ports(2)
    (tmp_path / "second.yaml").write_text(SECOND_COLLECTOR.format(otlp=otlp, health=health, folder=tmp_path))
    (tmp_path / "authorization").write_text("Bearer made-up-for-a-test")
    otelcol = Engines(stack.settings.vitals_cache_dir).binary("otelcol")
    second: list[str | Path] = [otelcol, "--config", tmp_path / "second.yaml"]
    there = {
        "METRICS_BACKEND": "otlp",
        "LOGS_BACKEND": "otlp",
        "TRACES_BACKEND": "otlp",
        "OTLP_BACKEND_ENDPOINT": f"http://127.0.0.1:{otlp}",
        "OTLP_BACKEND_AUTHORIZATION_FILE": str(tmp_path / "authorization"),
    }
    address = {name: value for name, value in there.items() if name.startswith("OTLP_")}

    def logged(ids: set[str]) -> Callable[[], collections.Counter[str]]:
        return lambda: logged_in_file(tmp_path / "logs.jsonl", ids)

    with running(second, f"http://127.0.0.1:{health}", tmp_path):
        swapped = swap(**there)
        with asking(stack.url) as answered:
            pass
        ids = set(answered)
        found = eventually(logged(ids), lambda found: set(found) == ids, why="the second Collector has each log record")
        assert set(found.values()) == {1}
        eventually(lambda: _traces_in(tmp_path / "traces.jsonl"), lambda seen: ids <= seen, why="and each trace")
        assert "ml.predictions" in (tmp_path / "metrics.jsonl").read_text()
        shown = swapped.stack.vitals("trace", answered[0])
        assert shown.returncode == 1
        assert shown.stdout.count("OTLP_BACKEND_ENDPOINT") == 4, "what is behind it is not known, and that is said"
    with asking(stack.url) as while_away:
        pass
    back = swap(**address)
    assert "bytes for traces/otlp" in back.said
    late = set(while_away)
    with running(second, f"http://127.0.0.1:{health}", tmp_path):
        eventually(logged(late), lambda found: set(found) == late, why="what waited is sent, though it is not chosen any more")
    one_joined(back.stack)


def _traces_in(file: Path) -> set[str]:
    return {
        span["traceId"]
        for request in written(file)
        for r in request["resourceSpans"]
        for s in r["scopeSpans"]
        for span in s["spans"]
    }
