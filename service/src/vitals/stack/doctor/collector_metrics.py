"""What the Collector says of itself at /metrics, read once or several times over some seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from vitals.stack.doctor.finding import Away
from vitals.stack.doctor.running import Running

Labels = frozenset[tuple[str, str]]

_NOT_OF_THE_METRIC = ("job", "instance", "transport", "server_address", "server_port", "url_path")
"""Labels that Prometheus adds, or that say nothing about what was counted."""


@dataclass(frozen=True)
class Reading:
    """The Collector's metrics at one time (of the monotonic clock, in seconds)."""

    time: float
    values: Mapping[tuple[str, Labels], float]

    def of(self, name: str) -> dict[Labels, float]:
        """The values of one metric by its labels."""
        return {labels: value for (one, labels), value in self.values.items() if one == name}

    def total(self, prefix: str, exporter: str) -> float:
        """The sum of the metrics whose name begins so, of one exporter."""
        mine = ("exporter", exporter)
        return sum(value for (name, labels), value in self.values.items() if name.startswith(prefix) and mine in labels)


def read(running: Running) -> Reading:
    """Ask the Collector once. Raises Away when it does not answer, or something else does."""
    answer = running.get("collector", running.components["collector"].more["metrics_url"])
    reading = parsed(answer.text, time.monotonic())
    if not reading.of("otelcol_process_uptime"):
        raise Away("What answers in the place of the Collector's metrics are not a Collector's.")
    return reading


def read_while(running: Running, unsure: Callable[[list[Reading]], bool], seconds: float, at_most: float) -> list[Reading]:
    """Ask about once a second for so long, and on while `unsure`, up to the most."""
    readings = [read(running)]
    while True:
        taken = readings[-1].time - readings[0].time
        if taken >= at_most or (taken >= seconds and not unsure(readings)):
            return readings
        time.sleep(1)
        readings.append(read(running))


def parsed(text: str, at: float) -> Reading:
    """From Prometheus's text format. Raises ValueError for anything else."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return Reading(at, {(canonical(sample.name), labelled(sample.labels)): sample.value for sample in samples})


def canonical(name: str) -> str:
    """A metric's or a label's name as a plain scrape has it: Prometheus keeps the dots, this parser adds `_total`."""
    return name.replace(".", "_").removesuffix("_total")


def labelled(labels: Mapping[str, str]) -> Labels:
    """Labels that can be compared, whoever was asked for them."""
    kept = {canonical(name): value for name, value in labels.items() if value and not name.startswith(("__", "otel_scope"))}
    return frozenset((name, value) for name, value in kept.items() if name not in _NOT_OF_THE_METRIC)


def summed(series: Iterable[tuple[Mapping[str, str], float]]) -> dict[tuple[str, Labels], float]:
    """The same from an answer of Prometheus; what differs in nothing that counts is added up."""
    values: dict[tuple[str, Labels], float] = {}
    for labels, value in series:
        key = (canonical(labels["__name__"]), labelled(labels))
        values[key] = values.get(key, 0.0) + value
    return values
