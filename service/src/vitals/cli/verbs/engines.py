"""The verb that builds and fetches engines, without starting any."""

from __future__ import annotations

from typing import Annotated

import typer

from vitals.cli.drawing.progress import drawn
from vitals.cli.root import ended_cleanly
from vitals.engines.cache import Engines
from vitals.engines.recipes import load_recipes
from vitals.orchestration import preflight
from vitals.settings.stack import StackSettings


def engines(
    for_tests: Annotated[
        bool,
        typer.Option("--for-tests", help="Also what only the tests need: docker compose, VictoriaLogs, VictoriaMetrics."),
    ] = False,
) -> None:
    """Build or fetch the engines that are not cached yet; about ten minutes on 2 cores if none is."""
    settings = StackSettings.load()
    recipes = load_recipes() | (load_recipes(for_tests=True) if for_tests else {})
    cache = Engines(settings.vitals_cache_dir, recipes)
    missing = cache.missing()
    preflight.check(settings, missing=missing, to_start=[], stack="")
    with ended_cleanly(), drawn() as progress:
        made = cache.ensure(progress)
    typer.echo(f"Built or fetched: {', '.join(made)}." if made else "All engines are cached already.")
    typer.echo(f"They are in {settings.vitals_cache_dir / 'engines'}.")
