"""`vitals trace`: one request, as every store has it."""

from __future__ import annotations

import dataclasses
import json
from contextlib import closing
from typing import Annotated, Any

import typer
from rich.console import Console

from vitals.cli.root import app
from vitals.cli.waterfall import draw
from vitals.settings import StackSettings
from vitals.stack.follow import checked_trace_id, follow, reason
from vitals.stack.records import TraceView
from vitals.stack.stores import Stores


@app.command()
def trace(
    trace_id: Annotated[str, typer.Argument(help="32 hexadecimal digits, as in every answer's trace_id; or a traceparent.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a picture.")] = False,
    wait: Annotated[
        float,
        typer.Option(min=0, max=600, metavar="SECONDS", help="Ask again, this long, until every store in use has the trace."),
    ] = 0,
) -> None:
    """Follow one request through Prometheus, Elasticsearch and Jaeger by its trace id.

    Says which store lacks it and what that usually means. Ends with status 1 when no store has it.
    """
    wanted = checked_trace_id(trace_id)
    with closing(Stores(StackSettings.load())) as stores:
        view = follow(stores, wanted, wait_seconds=wait)
    if as_json:
        typer.echo(json.dumps(as_document(view), indent=2))
    else:
        Console().print(draw(view))
    if not view.found:
        raise typer.Exit(1)


def as_document(view: TraceView) -> dict[str, Any]:
    """The view as JSON: times in nanoseconds since the epoch, durations in nanoseconds."""
    return {
        "trace_id": view.trace_id,
        "found": view.found,
        "prometheus": {"exemplars": [dataclasses.asdict(one) for one in view.exemplars]},
        "elasticsearch": {
            "spans": [dataclasses.asdict(one) for one in view.elasticsearch_spans],
            "logs": [dataclasses.asdict(one) for one in view.logs],
        },
        "jaeger": {"spans": [dataclasses.asdict(one) for one in view.jaeger_spans]},
        "missing": [{"place": place, "reason": reason(view, place), "used": place not in view.unused} for place in view.missing],
    }
