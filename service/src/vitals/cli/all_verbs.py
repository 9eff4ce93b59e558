"""Every verb of the command, in the order of `vitals --help`; one whose extra is missing is listed, and says what to install."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from vitals.cli.root import app
from vitals.cli.verb_table import VERBS, Verb
from vitals.errors import ExtraMissing
from vitals.extras import install


def _add(verb: Verb) -> None:
    panel = verb.panel
    if verb.sentence:
        settings = {"ignore_unknown_options": True, "allow_extra_args": True}
        hint = f"Needs {install(*verb.extras)}."
        app.command(verb.name, rich_help_panel=panel, hidden=verb.hidden, help=hint, context_settings=settings)(_refusal(verb))
        return
    found = getattr(import_module(f"vitals.cli.verbs.{verb.module}"), verb.attribute)
    if verb.group:
        app.add_typer(found, name=verb.name, rich_help_panel=panel)
    else:
        app.command(verb.name, rich_help_panel=None if verb.hidden else panel, hidden=verb.hidden)(found)


def _refusal(verb: Verb) -> Callable[[], None]:
    def refuse() -> None:
        raise ExtraMissing(verb.sentence)

    return refuse


for _verb in VERBS:
    _add(_verb)

__all__ = ["app"]
