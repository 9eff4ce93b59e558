"""`vitals doctor`: what is wrong with a running stack, in words."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vitals.doctor import Finding, Running, Severity, examine, is_well
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings

_MARKS: dict[Severity, str] = {
    "ok": "[green]ok[/]",
    "warning": "[yellow]warning[/]",
    "wrong": "[bold red]wrong[/]",
    "skipped": "[dim]skipped[/]",
}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="For other programs, with the figures.")] = False) -> None:
    """Check the running stack and say what is wrong; status 0 if nothing is, else 1. Takes about five seconds.

    Components, ports, variables, queues, exporters, drops, services, keys of attributes, the Collector's log, refused writes,
    templates, disks, clocks, targets, alerts. Changes nothing.
    """
    findings = examine(Running(StackSettings.load(), Settings.load()))
    if as_json:
        told = {"well": is_well(findings), "findings": [dataclasses.asdict(one) for one in findings]}
        typer.echo(json.dumps(told, indent=2))
    else:
        draw(Console(highlight=False), findings)
    raise typer.Exit(0 if is_well(findings) else 1)


def draw(console: Console, findings: Sequence[Finding]) -> None:
    """A line a finding, and what it comes to; on a terminal a long one goes on below itself."""
    if console.is_terminal:
        table = Table.grid(padding=(0, 2))
        for options in ({"no_wrap": True}, {"no_wrap": True}, {"overflow": "fold"}):
            table.add_column(**options)
        for one in findings:
            table.add_row(_MARKS[one.severity], one.check, Text(one.sentence))
        console.print(table)
    else:
        for one in findings:
            console.print(f"{one.severity:<8} {one.check:<14} {one.sentence}", markup=False, soft_wrap=True)
    console.print(f"\n{_verdict(findings)}")


def _verdict(findings: Sequence[Finding]) -> str:
    wrong, warnings = (sum(one.severity == severity for one in findings) for severity in ("wrong", "warning"))
    noted = f" {warnings} {'warning' if warnings == 1 else 'warnings'}." if warnings else ""
    return (
        f"[green]Nothing is wrong.[/]{noted}"
        if not wrong
        else f"[bold red]{wrong} {'is' if wrong == 1 else 'are'} wrong.[/]{noted}"
    )
