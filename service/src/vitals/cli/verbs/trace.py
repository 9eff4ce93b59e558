"""`vitals trace`: one request, as every store has it."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vitals.cli.drawing.waterfall import draw
from vitals.errors import SettingsError
from vitals.lookup.clients import Stores
from vitals.lookup.links import Link, Links
from vitals.lookup.trace_lookup import checked_trace_id, follow
from vitals.settings.stack import StackSettings
from vitals.trace_view.document import as_document
from vitals.trace_view.page import page
from vitals.trace_view.summary import time_range


def trace(
    trace_id: Annotated[str, typer.Argument(help="32 hexadecimal digits, as in every answer's trace_id; or a traceparent.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a picture.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the view as one self-contained page, to keep or to send.")
    ] = None,
    wait: Annotated[
        float,
        typer.Option(min=0, max=600, metavar="SECONDS", help="Keep asking for this long until every store in use has the trace."),
    ] = 0,
) -> None:
    """Follow one request through the stores of the chosen backends by its trace id.

    Says which store lacks it and what that usually means. Ends with status 1 when no store has it.
    """
    wanted, settings = checked_trace_id(trace_id), StackSettings.load()
    with closing(Stores(settings)) as stores:
        view = follow(stores, wanted, wait_seconds=wait)
    links = Links(settings).of_trace(wanted, time_range(view))
    if as_json:
        typer.echo(json.dumps(as_document(view, links), indent=2))
    else:
        console = Console(highlight=False)
        console.print(draw(view))
        _print_links(console, settings, links)
    if html is not None:
        _write(html, page(view, links))
    if not view.found:
        raise typer.Exit(1)


def _print_links(console: Console, settings: StackSettings, links: list[Link]) -> None:
    running = any(_listens(port) for port in (settings.grafana_port, settings.kibana_port))
    note = "" if running else " [dim](neither runs here now: both come with docker compose up)[/]"
    console.print(f"\n[bold cyan]In Grafana and Kibana[/]{note}")
    for link in links:
        console.print(f"  [dim]{link.name:<10}[/]{link.url}", soft_wrap=True, markup=True)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as wrong:
        raise SettingsError([f"{path} can't be written ({wrong.strerror}): choose another file for --html."]) from None
    typer.echo(f"Written to {path}", err=True)
