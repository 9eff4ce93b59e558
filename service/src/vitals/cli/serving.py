"""The command with nothing but `serve`: the other verbs' modules would cost a process that lives on memory and a later start."""

from __future__ import annotations

from vitals.cli.root import app
from vitals.cli.verbs.service import serve


@app.callback()
def _one_verb() -> None:
    """With a callback, Typer takes the verb's name from the command line, although there is one only."""


app.command()(serve)

__all__ = ["app"]
