"""`vitals demo`: real rows through the whole pipeline, and one of them followed."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2 as httpx
from rich.console import Console
from rich.markup import escape

from vitals.bundle.folder import read_folder
from vitals.bundle.model_card import HELD_OUT_FILE
from vitals.checkout import COMMAND
from vitals.cli.drawing.waterfall import draw
from vitals.cli.verbs.stack import start
from vitals.errors import ModelMissing, StackError
from vitals.host.secrets import Secrets
from vitals.lookup.clients import Stores
from vitals.lookup.records import TraceView
from vitals.lookup.trace_lookup import follow, reason
from vitals.orchestration.status import components
from vitals.scenarios.traffic.rows import HeldOutRow, read_rows
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings
from vitals.trace_view.summary import REQUEST_DURATION

_WAIT_SECONDS = 30.0


def demo() -> None:
    """Start the stack, send the example model's held-out rows, and follow one request through every store."""
    console = Console(highlight=False)
    settings, service = StackSettings.load(), Settings.load()
    start()
    rows = held_out_rows(service.model_folder)
    [asked] = [one for one in components(settings, service, "service") if one.name == "service"]
    answers = send(asked.url, rows)
    console.print(f"\nSent {len(rows)} rows that the model has not seen through POST /predict: {_how_good(answers, rows)}.\n")
    with closing(Stores(settings)) as stores:
        trace_id = one_with_exemplar(stores, [str(answer["trace_id"]) for answer in answers])
        view = follow(stores, trace_id, wait_seconds=_WAIT_SECONDS, until=_whole)
    console.print(draw(view))
    if not view.complete:
        place = view.missing[0]
        raise StackError(f"The request did not reach every store: not in {place}: {reason(view, place)}")
    _say_where(console, settings, asked.url, trace_id)


def _whole(view: TraceView) -> bool:
    """Both spans are where spans are sent: they may leave the service in two batches."""
    stored = {"elasticsearch spans": view.elasticsearch_spans, "jaeger": view.jaeger_spans}
    return view.complete and all(len(spans) > 1 for place, spans in stored.items() if place not in view.unused)


def _how_good(answers: list[dict[str, Any]], rows: list[HeldOutRow]) -> str:
    pairs = [(answer["prediction"], row.label) for answer, row in zip(answers, rows, strict=True)]
    errors = [abs(answer - label) for answer, label in pairs if isinstance(answer, float) and isinstance(label, float)]
    if errors:
        return f"{sum(errors) / len(errors):.3g} off on average"
    return f"{sum(answer == label for answer, label in pairs)} of {len(rows)} right"


def held_out_rows(folder: Path) -> list[HeldOutRow]:
    """The rows that the served model was not trained on, each with its label.

    Raises ModelMissing where the model's folder has none, as an example's has.
    """
    path = folder / HELD_OUT_FILE
    if not path.is_file():
        raise ModelMissing(
            f"The demo sends the example model's {HELD_OUT_FILE}, and {folder} has none: unset MODEL_DIR, or remove that folder."
        )
    return read_rows(folder, read_folder(folder).profile)


def send(url: str, rows: list[HeldOutRow]) -> list[dict[str, Any]]:
    """Ask for a prediction of each row; gives the answers in the same order."""
    try:
        with httpx.Client(base_url=url, timeout=10, trust_env=False) as client:
            return [client.post("/predict", json={"features": row.features}).raise_for_status().json() for row in rows]
    except httpx.HTTPError as failed:
        raise StackError(f"The service at {url} did not answer as it should ({failed}); see `vitals status`.") from None


def one_with_exemplar(stores: Stores, trace_ids: list[str]) -> str:
    """The latest of these traces that Prometheus has as an exemplar of the request duration.

    Raises StackError when none appears in time.
    """
    if "prometheus" in stores.unused:
        return trace_ids[-1]
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        named = {one.trace_id for one in stores.all_exemplars() if one.metric == REQUEST_DURATION}
        for trace_id in reversed(trace_ids):
            if trace_id in named:
                return trace_id
        time.sleep(0.2)
    raise StackError(f"No exemplar of these requests reached Prometheus within {_WAIT_SECONDS:.0f} s; see `vitals status`.")


def _say_where(console: Console, settings: StackSettings, service_url: str, trace_id: str) -> None:
    host = "http://127.0.0.1"
    password = Secrets(settings.vitals_state_dir / "secrets").file("reader")
    lines = [
        "[bold]The stack keeps running.[/]",
        f"  Service        {service_url}/docs",
        f"  Prometheus     {host}:{settings.prometheus_port}  (its API; no web page in a native build)",
        f"  Elasticsearch  {host}:{settings.elasticsearch_port}  (user reader, password in {escape(str(password))})",
        f"  Jaeger         {host}:{settings.jaeger_port}  (its API; no web page in a native build)",
        f"  Collector      {host}:{settings.otlp_http_port} for OTLP over HTTP, 127.0.0.1:{settings.otlp_grpc_port} over gRPC",
        "",
        "[bold]Try next[/]",
        f"  {COMMAND} trace {trace_id}",
        f"  {COMMAND} status          what runs, and where",
        f"  {COMMAND} credentials     users and the files of their passwords",
        f"  {COMMAND} down            stop the stack; its data stays",
    ]
    console.print()
    for line in lines:
        console.print(line, soft_wrap=True)
