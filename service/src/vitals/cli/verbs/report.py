"""`vitals report`: what was logged of the served model, compared with a reference, as a page and as figures."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from vitals.bundle.folder import read_folder
from vitals.cli.drawing.progress import drawn
from vitals.lookup.clients import Stores
from vitals.report.period import Period
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings

if TYPE_CHECKING:  # numpy and what a model needs take time to import, and this module is imported for every verb
    from vitals.report.making import Made
    from vitals.report.reference import Answer


def report(
    since: Annotated[str, typer.Option(metavar="WHEN", help="How long ago (30m, 1h, 2d), or a time (ISO 8601).")] = "1h",
    until: Annotated[str | None, typer.Option(metavar="WHEN", help="The same; without it, until now.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where the page goes; report.html, or none with --json."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    model_version: Annotated[
        str | None, typer.Option(metavar="VERSION", help="One version of the model; without it, the one asked last.")
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Rows to compare with, csv or parquet; without it, the model's held-out rows."),
    ] = None,
    max_rows: Annotated[int, typer.Option(min=100, max=1_000_000, help="Read at most this many rows, the newest ones.")] = 50_000,
) -> None:
    """Make an Evidently report that compares logged rows with a reference, by the bins and limits of the alerts.

    Needs LOG_FEATURES=true in the service while the rows came.
    """
    from vitals.report.evidently_page import Page
    from vitals.report.making import Wanted, make

    period, settings, service = Period.of(since, until), StackSettings.load(), Settings.load()
    page_file = output or (None if as_json else Path("report.html"))
    folder = read_folder(service.model_folder)
    with drawn() as progress, closing(Stores(settings)) as stores:
        page = Page(folder.profile) if page_file is not None else None
        wanted = Wanted(folder, service.model_folder, period, model_version, reference, max_rows)
        made = make(stores, wanted, _asked(service), progress)
        if page is not None and page_file is not None:
            progress.start("the page", 10)
            made.notes.extend(page.write(page_file, made.compared, made.features, made.prediction))
            progress.done("the page", "written")
    if as_json:
        typer.echo(json.dumps(as_document(made, page_file), indent=2))
    else:
        _print(made, page_file)


def _asked(service: Settings) -> Answer:
    """Answers by the served model, which is loaded when it is asked first."""

    def answer(rows: Sequence[Sequence[Any]]) -> list[str | float]:
        from vitals.model.served import load_model

        model = load_model(service.model_folder, allow_pickle=service.allow_pickle)
        return [outcome.predicted for outcome in model.predict(rows)]

    return answer


def as_document(made: Made, page_file: Path | None) -> dict[str, Any]:
    """The figures as JSON; shares from 0 to 1."""
    return {
        "since": made.period.since.isoformat(),
        "until": made.period.until.isoformat(),
        "model": {"name": made.model_name, "version": made.version},
        "rows": len(made.compared.current),
        "reference": {"what": made.compared.what, "rows": len(made.compared.reference)},
        "features": [dataclasses.asdict(one) for one in made.features],
        "prediction": dataclasses.asdict(made.prediction) if made.prediction else None,
        "quality": dataclasses.asdict(made.quality),
        "reference_quality": dataclasses.asdict(made.reference_quality),
        "notes": made.notes,
        "page": str(page_file) if page_file else None,
    }


def _print(made: Made, page_file: Path | None) -> None:
    console = Console(highlight=False)
    console.print(f"[bold]{made.model_name}[/] {made.version}, {made.period}", soft_wrap=True)
    console.print(f"{len(made.compared.current)} rows; {made.compared.what}", soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for name in ("", "PSI", "limit", "JS distance", "missing", "out of range", "unseen", ""):
        table.add_column(name, justify="left" if not name else "right")
    for one in (*made.features, *([made.prediction] if made.prediction else [])):
        verdict = {None: "too few rows", True: "[bold red]drifted[/]", False: "[green]no drift[/]"}[one.drifted]
        if not one.watched:
            verdict = "not watched"
        figures = ("" if figure is None else f"{figure:.3f}" for figure in (one.psi, one.psi_threshold, one.js_distance))
        shares = (f"{share:.1%}" for share in (one.missing_share, one.out_of_range_share, one.unseen_share))
        table.add_row(one.name, *figures, *shares, verdict)
    console.print(table)
    console.print(_of_quality(made), soft_wrap=True)
    for note in made.notes:
        console.print(f"[yellow]Note:[/] {note}", soft_wrap=True)
    if page_file is not None:
        console.print(f"Written to {page_file}", soft_wrap=True)


def _of_quality(made: Made) -> str:
    found, before = made.quality, made.reference_quality
    if not found.labelled:
        return "No label came for these rows, so nothing is said about how right the answers were."
    if found.accuracy is not None:
        said, of_reference = f"accuracy {found.accuracy:.1%}", f"{before.accuracy:.1%}" if before.accuracy is not None else None
    else:
        said = f"mean absolute error {found.mean_absolute_error:.4g}"
        of_reference = f"{before.mean_absolute_error:.4g}" if before.mean_absolute_error is not None else None
    return f"{said} over {found.labelled} labelled rows" + (f", {of_reference} on the reference" if of_reference else "")
