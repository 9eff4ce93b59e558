"""`vitals backends`: where each signal can be sent, and whether the Collector takes every combination."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from vitals.backends import collector_validation
from vitals.backends.backend_table import SIGNALS, Signal, chosen, notes, parts
from vitals.backends.backends_page import tables
from vitals.backends.collector_config import available
from vitals.cli.drawing.progress import drawn
from vitals.cli.root import ended_cleanly
from vitals.engines.cache import Engines
from vitals.engines.recipes import load_recipes
from vitals.orchestration.environment import stack_environment
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings

Json = Annotated[bool, typer.Option("--json", help="For other programs.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="The tables of docs/backends.md.")]

backends = typer.Typer(invoke_without_command=True, no_args_is_help=False)

_NOTE_EVERY = 50


@backends.callback()
def list_backends(context: typer.Context, as_json: Json = False, markdown: Markdown = False) -> None:
    """List where each signal can be sent, what is in use, what each needs, and how it was verified."""
    if context.invoked_subcommand is not None:
        return
    if markdown:
        typer.echo("\n".join(tables()), nl=False)
        return
    settings = StackSettings.load()
    found = {signal: [_described(settings, signal, name) for name in available(signal)] for signal in SIGNALS}
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    for signal, listed in found.items():
        console.print(f"\n[bold]{signal}[/]  [dim]{signal.upper()}_BACKEND={chosen(settings)[signal]}[/]")
        for one in listed:
            mark = "[green]in use[/]" if one["in_use"] else "      "
            overlays = f"  [dim]in compose: {', '.join(one['overlays'])}[/]" if one["overlays"] else ""
            console.print(f"  {mark}  {one['name']:<28}{'; '.join(one['needs'])}{overlays}")
            console.print(f"          [dim]verified: {one['verified']}[/]")
    console.print("\nWhat each is for, and what is lost or gained with it: docs/backends.md")


@backends.command()
def check(as_json: Json = False) -> None:
    """Have the Collector itself validate every combination; status 0 if it takes all, else 1."""
    settings = StackSettings.load()
    engines = Engines(settings.vitals_cache_dir, {"collector": load_recipes()["collector"]})
    wanted = collector_validation.combinations()
    began = time.monotonic()
    with ended_cleanly(), drawn() as progress:
        engines.ensure(progress)
        step = f"{len(wanted)} combinations"
        progress.start(step, len(wanted) * 0.05)
        refused = []
        for number, verdict in enumerate(
            collector_validation.check(engines.binary("otelcol"), wanted, _environment(settings)), start=1
        ):
            if verdict.error:
                refused.append(verdict)
            if number % _NOTE_EVERY == 0:
                progress.note(step, f"{number} checked, {len(refused)} refused")
        progress.done(step, f"{len(refused)} refused")
    if as_json:
        told = [{**dataclasses.asdict(one.combination), "error": one.error} for one in refused]
        typer.echo(json.dumps({"checked": len(wanted), "refused": told, "seconds": round(time.monotonic() - began, 1)}, indent=2))
    else:
        for one in refused:
            typer.echo(f"{one.combination}: {one.error}")
        typer.echo(f"The Collector takes {len(wanted) - len(refused)} of {len(wanted)} combinations.")
    raise typer.Exit(1 if refused else 0)


def _described(settings: StackSettings, signal: Signal, name: str) -> dict[str, Any]:
    known, said = parts(signal, name), notes(signal, name)
    return {
        "name": name,
        "in_use": chosen(settings)[signal] == name,
        "needs": list(dict.fromkeys(one.needs for one in known)) or ["whatever its file says: it is not one of the project's"],
        "overlays": [f"overlays/{one.overlay}.yaml" for one in known if one.overlay],
        "read_by_trace": [place for one in known for place in one.places],
        "verified": said.verified if said else "not by the project",
    }


def _environment(settings: StackSettings) -> dict[str, str]:
    return stack_environment(settings, Settings.load(), Engines(settings.vitals_cache_dir), Path("unused"), os.environ)
