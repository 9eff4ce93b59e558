"""Metrics that Prometheus would refuse, or that are too many: bounded, counted, and nobody else is harmed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ..stack.conftest import Stack, eventually
from .conftest import Fault
from .control_load import a_client, collector, documents, every_second, fires, undisturbed
from .engines import process_of
from .malformed_otlp import HOUR, SECOND, counter, gauge, log, point, span

STEPS = (0, HOUR, 0, -HOUR)


@pytest.mark.timeout(600)
def test_clocks_that_are_wrong(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    """Prometheus refuses a whole request for one sample: that must cost neither others nor the client's own good samples.

    One more client has a clock that steps, to and fro in one series: what it sends once it is right again is stored.
    """
    clocks = {"an hour ahead": HOUR, "a day behind": -24 * HOUR, "in 2100": 74 * 365 * 24 * HOUR}
    senders = {name: a_client(stack, name.replace(" ", "-")) for name in clocks}
    stepping = a_client(stack, "stepping")
    before = collector(stack, "otelcol_processor_filter_datapoints_filtered", filter="filter/prometheus")
    failed_before = collector(stack, "otelcol_exporter_send_failed_metric_points", exporter="otlp_http/prometheus")
    rounds: list[float] = []

    def send() -> None:
        for name, off in clocks.items():
            at = time.time_ns() + off
            wrong = (gauge("odd_clock", point(at=at)), counter("odd_delta", point(), delta=True), gauge("日本", point()))
            senders[name].must_send("metrics", gauge("odd_sibling", point(float(len(rounds)))), *wrong)
            senders[name].must_send("logs", log(at=at))
            senders[name].must_send("traces", span(at=at))
        number = len(rounds)
        stepping.must_send("metrics", gauge("odd_step", point(float(number), at=time.time_ns() + STEPS[number % len(STEPS)])))
        rounds.append(time.time())

    with (
        fault(
            "clocks an hour ahead, a day behind, in 2100, and one that steps an hour ahead, back, behind and back again",
            must_show="bounded, counted, nothing else harmed",
        ) as row,
        undisturbed(stack, row, "beside-wrong-clocks", tmp_path) as load,
    ):
        with every_second(send):
            load.wait(10)
        for name, sender in senders.items():
            for index in ("logs-*", "traces-*"):
                eventually(
                    lambda sender=sender, index=index: len(documents(stack, sender, index)),
                    lambda count: count == len(rounds),
                    why=f"{index} of the client {name} are stored",
                )
            eventually(
                lambda sender=sender: stack.total(f'odd_sibling{{job="{sender.name}"}}'),
                lambda newest: newest == len(rounds) - 1,
                why="what the client sends with the right time is stored",
            )
        steps = [STEPS[number % len(STEPS)] for number in range(len(rounds))]
        for step, why in ((0, "in its right times"), (-HOUR, "while it was behind")):
            newest = max(number for number, one in enumerate(steps) if one == step)
            eventually(
                lambda step=step: _at("odd_step", time.time() + step / SECOND, stack),
                lambda number, newest=newest: number == newest,
                why=f"the newest sample of the clock that steps is stored: {why}",
            )
        counted = collector(stack, "otelcol_processor_filter_datapoints_filtered", filter="filter/prometheus") - before
        failed = collector(stack, "otelcol_exporter_send_failed_metric_points", exporter="otlp_http/prometheus") - failed_before
        gaps = stack.total('max(changes(timestamp(ml_predictions_total{job="beside-wrong-clocks"})[10s:1s]))')
        row.figures |= {
            "samples_dropped_and_counted": counted,
            "samples_refused_by_prometheus": failed,
            "others_samples_in_10_s": gaps,
        }
        row.seen = (
            f"logs and spans stored under the time they state; {counted:.0f} samples dropped and counted, "
            "3 a second and client, and each of the clock that had stepped ahead, whose others are stored; "
            f"none refused by Prometheus; beside them {load.rate:.0f} requests/s"
        )
        assert counted == 3 * len(clocks) * len(rounds) + steps.count(HOUR)
        assert failed == 0
        eventually(lambda: fires(stack, "TelemetryDropped", where="bounds"), within=60, why="the alert fires")


def _at(selector: str, when: float, stack: Stack) -> float:
    """The value that a series had at a time, in seconds; -1 where it had none."""
    answer = stack.stores.prometheus.get("/api/v1/query", params={"query": selector, "time": str(when)}).raise_for_status().json()
    return max((float(one["value"][1]) for one in answer["data"]["result"]), default=-1.0)


@pytest.mark.timeout(600)
def test_two_thousand_new_series_a_second(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    """One client as SDKs are, which send all series of an instrument each time, and one that sends each series only once."""
    growing, once = a_client(stack, "growing"), a_client(stack, "each-once")
    dropped_before = collector(stack, "otelcol_processor_filter_datapoints_filtered", filter="filter/bounds")
    made: list[str] = []

    def send() -> None:
        new = [f"u{len(made) + number}" for number in range(2000)]
        made.extend(new)
        if len(made) <= 20_000:
            growing.must_send(
                "metrics",
                counter("odd_growing", *(point(user=user) for user in made)),
                gauge("odd_alive", point(float(len(made)))),
            )
        once.must_send("metrics", gauge("odd_once", *(point(user=user) for user in new)))

    with (
        fault(
            "2,000 new series a second, from each of two clients",
            must_show="an instrument's bounded and counted; those of no instrument that grows alerted; nothing else harmed",
        ) as row,
        undisturbed(stack, row, "beside-new-series", tmp_path) as load,
    ):
        prometheus, ours = (process_of(port) for port in (stack.settings.prometheus_port, stack.settings.otlp_grpc_port))
        memory = prometheus.memory_info().rss
        with every_second(send):
            load.wait(20)
        added = prometheus.memory_info().rss - memory
        eventually(
            lambda: stack.total("count(odd_once)"),
            lambda count: count == len(made),
            within=60,
            why="those sent once are all stored",
        )
        stopped = stack.total("count(last_over_time(odd_growing_total[5m]))")
        dropped = collector(stack, "otelcol_processor_filter_datapoints_filtered", filter="filter/bounds") - dropped_before
        eventually(lambda: fires(stack, "SeriesGrowing"), within=60, why="the alert fires")
        row.figures |= {
            "series_sent_once": len(made),
            "series_of_the_growing_instrument": stopped,
            "samples_dropped_and_counted": dropped,
            "prometheus_memory_added_mb": round(added / 1e6, 1),
            "collector_memory_mb": round(ours.memory_info().rss / 1e6, 1),
        }
        row.seen = (
            f"an instrument that grows is stopped at {stopped:.0f} series, {dropped:.0f} samples dropped and counted; "
            f"{len(made)} series that were sent once each are stored, for {added / 1e6:.0f} MB of Prometheus's memory, "
            f"and SeriesGrowing fires; beside them {load.rate:.0f} requests/s"
        )
        assert stopped <= 10_000
        assert dropped > 0
        assert stack.total('odd_alive{job="growing"}') > 10_000, "its other instruments go on"
        assert ours.memory_info().rss < 700e6
