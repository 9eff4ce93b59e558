"""What a row of the table of backends lacks in the files of the checkout, each thing a sentence that says what to write where."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import yaml

from vitals.backend_rows.row import Backend, Option, Signal
from vitals.backend_rows.table import BACKENDS, stack_options
from vitals.checkout import ROOT
from vitals.lookup.trace_lookup import HINTS

OF_THE_STACK = {"ELASTICSEARCH_URL", "JAEGER_OTLP_ENDPOINT", "PROMETHEUS_URL", "LISTEN_HOST", "QUEUE_BYTES", "SECRETS_DIR"}
"""What files of backends read that is no backend's own."""


def server_port(name: str, row: Backend) -> int:
    """The port that the Collector sends to in containers, if the row's overlay brings a server of its name; else 0."""
    found = (re.fullmatch(rf"(?:http://)?{name}:(\d+)", option.in_compose) for option in row.options)
    return next((int(one[1]) for one in found if one), 0)


SERVERS = {name: port for known in BACKENDS.values() for name, row in known.items() if (port := server_port(name, row))}
"""Each server that an overlay brings, and the port that the Collector sends to."""


def lacks(signal: Signal, name: str, row: Backend) -> list[str]:
    """The sentences; none where the row is whole."""
    return [*_in_the_collectors_file(signal, name, row), *_in_compose(row), *_in_the_overlay(name, row), *_in_trace(name, row)]


def _in_the_collectors_file(signal: Signal, name: str, row: Backend) -> Iterator[str]:
    file = ROOT / "otel-collector" / "backends" / signal / f"{name}.yaml"
    where = file.relative_to(ROOT)
    if not file.is_file():
        yield f"{where} is not there: write how the Collector sends {signal} to it."
        return
    read = dict(re.findall(r"\$\{env:([A-Z_]+)(?::-([^}]*))?\}", file.read_text()))
    own = {option.name: option for option in row.options}
    for variable in read.keys() - own.keys() - OF_THE_STACK:
        yield f"{where} reads {variable}, which is not among the options of its row."
    for option in own.values():
        if option.name in read and read[option.name] not in _defaults(option):
            yield f"{where} has {read[option.name]} for {option.name}; its row has {' or '.join(_defaults(option))}."
        if option.name not in read and not (row.server and option.is_port):
            yield f"{where} does not read {option.name}, an option of its row."


def _defaults(option: Option) -> list[str]:
    every = {one.name: one.default for one in stack_options()} | {"VITALS_STATE_DIR": ""}
    return [text for text in (str(option.default or ""), option.if_empty.format_map(every), option.in_compose) if text]


def _in_compose(row: Backend) -> Iterator[str]:
    services = _services("compose.yaml")
    texts = {"collector": services["collector"]["environment"]}
    if row.places and any(option.in_compose for option in row.options):
        texts |= {"init": services["init"]["environment"], "canary": services["canary"]["environment"]}
    for option in row.options:
        if option.is_port or option.is_file:  # not published; and what has a file has it mounted by its overlay
            continue
        wanted = f"${{{option.name}:-{option.in_compose or option.default}}}"
        for service, environment in texts.items():
            if environment.get(option.name) != wanted:
                yield f"compose.yaml: the environment of {service} lacks `{option.name}: {wanted}`."


def _in_the_overlay(name: str, row: Backend) -> Iterator[str]:
    file = ROOT / "overlays" / f"{row.overlay}.yaml"
    if not row.overlay:
        yield from (f"{name} has options of an overlay ({option.name}), and no overlay." for option in row.overlay_options)
        return
    if not file.is_file():
        yield f"overlays/{row.overlay}.yaml is not there, which the row of {name} names."
        return
    used = dict(re.findall(r"\$\{([A-Z_]+_(?:IMAGE|PORT)):-([^}]*)\}", file.read_text()))
    own = {option.name: option for option in (*row.options, *row.overlay_options)}
    unknown = used.keys() - own.keys() - {"VITALS_IMAGE"}
    yield from (f"overlays/{row.overlay}.yaml reads {one}, which its row does not have." for one in unknown)
    for option in row.overlay_options:
        if f"${{{option.name}:-{option.default}}}" not in file.read_text():
            yield f"overlays/{row.overlay}.yaml does not read {option.name} with its default, {option.default}."
    if name in SERVERS or server_port(name, row):
        for folder in ("provisioning/datasources", "more-datasources"):
            source = ROOT / "prom-graf" / "grafana" / folder / f"{name}.yaml"
            if not source.is_file():
                yield f"{source.relative_to(ROOT)} is not there: Grafana has no data source for the server of its overlay."


def _in_trace(name: str, row: Backend) -> Iterator[str]:
    if bool(row.places) == bool(row.unread):
        yield f"{name} has to say either which `places` of `vitals trace` read it, or in `unread` why none does."
    for place in row.places:
        if place not in HINTS:
            yield f"vitals.lookup.trace_lookup.HINTS does not say what it means that {place} has nothing of a trace."


@functools.cache
def _services(file: str) -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / file).read_text())["services"]
    assert isinstance(loaded, dict)
    return loaded
