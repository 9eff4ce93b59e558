"""The Collector's own metrics, from its /metrics or from Prometheus: read so that both can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

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
