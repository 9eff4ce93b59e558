"""The canary: each store by itself, whatever the others do; what is late, away or wrong is counted; nothing grows."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from vitals.canary import canary
from vitals.errors import SettingsError
from vitals.host.processes import wait_until
from vitals.host.secrets import Secrets
from vitals.lookup.clients import Stores
from vitals.settings.stack import StackSettings

from ..own_code import OWN_CODE
from .canary_doubles import World, a_world

VITALS = Path(sys.executable).with_name("vitals")
EVERY = {"prometheus", "jaeger", "elasticsearch spans", "elasticsearch logs"}


@pytest.fixture
def world() -> Iterator[World]:
    with a_world() as world:
        yield world


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Running:
    """A canary at work in a thread, every 50 ms, and what it measured."""

    def __init__(self, world: World, state: Path, **options: Any) -> None:
        Secrets(state / "secrets").ensure()
        ports = {f"{name}_port": getattr(world, name).port for name in ("elasticsearch", "jaeger", "prometheus")}
        self.stores = Stores(StackSettings.load(vitals_state_dir=state, **{**ports, **options}))
        self._reader = InMemoryMetricReader()
        meter = MeterProvider([self._reader], shutdown_on_exit=False).get_meter("test")
        self._stop = threading.Event()
        service = canary.Service(world.service.url)
        self._thread = threading.Thread(
            target=canary.run,
            args=(service.ask, canary.looks(self.stores), meter),
            kwargs={"interval_seconds": 0.05, "stop": self._stop},
        )

    def __enter__(self) -> Running:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> float:
        """End it; gives how long that took."""
        begin = time.monotonic()
        self._stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()
        return time.monotonic() - begin

    def points(self, metric: str) -> list[tuple[dict[str, str], Any]]:
        data = self._reader.get_metrics_data()
        return [
            (dict(point.attributes), point)
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for one in scope.metrics
            if one.name == metric
            for point in one.data.data_points
        ]

    def counts(self, metric: str, by: str = "store") -> dict[str, int]:
        """The counter's values that are not 0, summed by an attribute."""
        found: dict[str, int] = {}
        for attributes, point in self.points(metric):
            if point.value:
                found[attributes.get(by, "")] = found.get(attributes.get(by, ""), 0) + point.value
        return found

    def found(self) -> dict[str, Any]:
        """The histogram's point by store."""
        return {attributes["store"]: point for attributes, point in self.points("vitals.freshness")}

    def until(self, condition: Callable[[], object], seconds: float = 10) -> None:
        assert wait_until(lambda: bool(condition()), seconds), (self.found(), self.points("vitals.canary.lost"))


@pytest.fixture
def soon_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost after a second."""
    monkeypatch.setattr(canary, "LOST_AFTER_SECONDS", 1.0)


@pytest.mark.slow
def test_each_store_is_measured_by_itself(world: World, tmp_path: Path) -> None:
    world.late = {"elasticsearch": 0.0, "jaeger": 2.0, "prometheus": 1.0}
    with Running(world, tmp_path) as running:
        running.until(lambda: running.found().keys() == EVERY)
        found = running.found()
        early = max(found["elasticsearch spans"].min, found["elasticsearch logs"].min)
        # How late each is counts from the request, what is measured from its answer: on a busy machine somewhat less.
        assert early < found["prometheus"].min < found["jaeger"].max < 6
        assert found["prometheus"].min > 0.5
        assert found["jaeger"].max - found["prometheus"].min > 0.5
        assert running.counts("vitals.canary.lost") == {}
    assert {attributes["store"] for attributes, _ in running.points("vitals.canary.lost")} == EVERY, "at 0 from the start"


def test_prometheus_is_asked_for_the_count_of_the_process_that_answered(world: World, tmp_path: Path) -> None:
    """A count that has not come as far as this canary is that of the ones before it."""
    with Running(world, tmp_path) as running:
        world.late["prometheus"] = 3600.0
        running.until(lambda: running.found().keys() == EVERY - {"prometheus"})
        assert "prometheus" not in running.found()
        world.late["prometheus"] = 0.0
        running.until(lambda: "prometheus" in running.found())
    assert "instance%3D%22a%22" in world.prometheus.asked[0]
    assert "%2Fhealth%2Fcanary" in world.prometheus.asked[0]


@pytest.mark.slow
@pytest.mark.usefixtures("soon_lost")
def test_a_store_that_is_away_is_counted_said_once_and_holds_up_no_other(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "vitals.canary")
    with Running(world, tmp_path, jaeger_port=closed_port()) as running:
        running.until(lambda: running.counts("vitals.canary.lost").get("jaeger", 0) > 5)
        assert running.counts("vitals.canary.lost").keys() == {"jaeger"}
        assert running.counts("vitals.canary.lost", by="error.type").keys() == {"ConnectError"}
        assert {store for store, point in running.found().items() if point.count > 5} == EVERY - {"jaeger"}
        assert min(point.min for point in running.found().values()) < 0.3
    [said] = [record.getMessage() for record in caplog.records if record.name == "vitals.canary"]
    assert said.startswith("jaeger had no canary within")


@pytest.mark.slow
@pytest.mark.usefixtures("soon_lost")
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((503, {}), "503"),
        ((401, {}), "401"),
        ((200, "<html>"), "JSONDecodeError"),
        ((200, {"data": {}}), "KeyError"),
        ((200, {"data": {"result": []}}), "not_found"),
    ],
)
def test_a_store_that_answers_wrong_is_counted_by_what_is_wrong(
    world: World, tmp_path: Path, answer: tuple[int, Any], error: str
) -> None:
    world.prometheus.answer = lambda _: answer
    with Running(world, tmp_path) as running:
        running.until(
            lambda: running.counts("vitals.canary.lost", by="error.type") and running.found().keys() >= EVERY - {"prometheus"}
        )
        assert running.counts("vitals.canary.lost", by="error.type").keys() == {error}
        assert running.counts("vitals.canary.lost").keys() == {"prometheus"}


@pytest.mark.slow
def test_few_are_under_way_to_a_frozen_store_and_the_rest_is_skipped(world: World, tmp_path: Path) -> None:
    world.elasticsearch.freeze()
    with Running(world, tmp_path) as running:
        running.until(lambda: running.counts("vitals.canary.skipped").get("elasticsearch logs", 0) > 10)
        under_way = [thread.name for thread in threading.enumerate() if thread.name.startswith("canary elasticsearch")]
        assert sorted(under_way) == sorted(["canary elasticsearch logs", "canary elasticsearch spans"] * canary.AT_ONCE)
        assert running.counts("vitals.canary.skipped").keys() == {"elasticsearch logs", "elasticsearch spans"}
        sent = sum(running.counts("vitals.canary.sent").values())
        running.until(lambda: running.found()["jaeger"].count >= sent)
        assert running.stop() < 1, "what is frozen does not hold up the end"


def test_it_says_that_it_goes_on_more_often_than_it_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "ALIVE_EVERY_SECONDS", 0.02)
    stop, said = threading.Event(), list[float]()

    def alive() -> None:
        said.append(time.monotonic())
        if len(said) == 5:
            stop.set()

    def ask() -> canary.Asked:
        pytest.fail("it is not time yet")

    meter = MeterProvider(shutdown_on_exit=False).get_meter("test")
    canary.run(ask, {}, meter, interval_seconds=3600, stop=stop, alive=alive)
    assert said[-1] - said[0] >= 0.06


@pytest.mark.slow
def test_a_service_that_is_away_is_counted_and_asked_again(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "vitals.canary")
    good = world.service.answer
    world.service.answer = lambda _: (503, {})
    with Running(world, tmp_path) as running:
        running.until(lambda: running.counts("vitals.canary.sent", by="error.type").get("503", 0) > 3)
        assert running.found() == {}
        world.service.answer = lambda _: (200, {"status": "alive", "trace_id": None, "instance": None, "answered": 1})
        running.until(lambda: running.counts("vitals.canary.sent", by="error.type").get("ValueError", 0) > 1)
        world.service.answer = good
        running.until(lambda: running.found().keys() == EVERY)
    said = [record.getMessage() for record in caplog.records if record.name == "vitals.canary"]
    assert len(said) == 2
    assert said[0].startswith("the service gives no canary: ")
    assert said[1] == "the service is well again"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("chosen", "asked"),
    [
        ({}, EVERY),
        ({"logs_backend": "loki", "traces_backend": "jaeger"}, {"prometheus", "jaeger", "loki"}),
        ({"logs_backend": "victorialogs", "traces_backend": "jaeger"}, {"prometheus", "jaeger", "victorialogs"}),
        ({"metrics_backend": "none", "logs_backend": "file", "traces_backend": "elasticsearch"}, {"elasticsearch spans"}),
        ({"metrics_backend": "mimir", "logs_backend": "none", "traces_backend": "otlp"}, set()),
    ],
)
def test_only_stores_that_something_is_sent_to_are_asked(tmp_path: Path, chosen: dict[str, str], asked: set[str]) -> None:
    Secrets(tmp_path / "secrets").ensure()
    assert canary.looks(Stores(StackSettings.load(vitals_state_dir=tmp_path, **chosen))).keys() == asked


@pytest.mark.parametrize(("text", "seconds"), [("10s", 10), ("0s", 0), ("2m", 120), ("1h", 3600)])
def test_the_interval_in_seconds(text: str, seconds: int) -> None:
    assert StackSettings.load(canary_interval=text).canary_interval_seconds == seconds


@pytest.mark.parametrize("text", ["10", "-1s", "0.5s", "1d", "s"])
def test_an_interval_that_is_none_is_a_sentence(text: str) -> None:
    with pytest.raises(SettingsError, match="CANARY_INTERVAL is wrong"):
        StackSettings.load(canary_interval=text)


@pytest.mark.slow
@pytest.mark.parametrize("interval", ["0s", "1s"])
def test_the_process_ends_at_once_when_it_is_told_to(world: World, tmp_path: Path, interval: str) -> None:
    """Also while the Collector is away, which it would have told its last figures."""
    Secrets(tmp_path / "secrets").ensure()
    ports = {
        f"{name}_PORT".upper(): str(getattr(world, name).port) for name in ("elasticsearch", "jaeger", "prometheus", "service")
    }
    variables = {
        **OWN_CODE,
        **{"PATH": os.environ["PATH"], "VITALS_STATE_DIR": str(tmp_path), "VITALS_ENV_FILE": os.devnull},
        **{
            "CANARY_ALIVE_FILE": str(tmp_path / "alive"),
            "CANARY_INTERVAL": interval,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{closed_port()}",
            **ports,
        },
    }
    log = tmp_path / "canary.log"
    with log.open("w") as out:
        process = subprocess.Popen([VITALS, "canary"], env=variables, stdout=out, stderr=out)
    try:
        assert wait_until(lambda: "CANARY_INTERVAL is 0s" in log.read_text() or len(world.prometheus.asked) > 0, 30), (
            log.read_text()
        )
        assert (tmp_path / "alive").exists()
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - begin < 6, log.read_text()
    finally:
        process.kill()
    assert ("asks http://127.0.0.1:" in log.read_text()) is (interval == "1s")
    assert "Traceback" not in log.read_text()
