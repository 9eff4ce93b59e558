"""The verb that prints every option: .env.example and the table of docs/options.md are its output."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from vitals.settings.option_table import as_env, as_markdown


def options(
    form: Annotated[Literal["env", "markdown"], typer.Option("--format", help="As a .env file, or as a table.")] = "env",
) -> None:
    """Print every option, with its default and what it is for."""
    typer.echo(as_env() if form == "env" else as_markdown(), nl=False)
