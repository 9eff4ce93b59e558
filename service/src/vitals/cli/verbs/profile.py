"""`vitals profile` and `vitals train-example`: from a model and data to a folder that can be served."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.markup import escape

from vitals.provisioning.data_owner import data_owner
from vitals.settings.service import Settings

if TYPE_CHECKING:
    from vitals.bundle.model_card import ModelFacts
    from vitals.profiling.bundle import Made

_A_WHILE_SECONDS = 3.0

_Json = Annotated[bool, typer.Option("--json", help="For other programs.")]


class _CsvOptions(NamedTuple):
    """How CSV files are written: pandas' own options, None where pandas' own value is meant."""

    delimiter: str | None
    decimal: str | None
    thousands: str | None
    comment: str | None
    encoding: str | None
    na_values: tuple[str, ...]


def profile(
    model: Annotated[Path, typer.Option("--model", help="The fitted model: .skops or .onnx.")],
    data: Annotated[
        Path, typer.Option("--data", help="Reference data, .csv or .parquet: usually the rows that the model learned from.")
    ],
    target: Annotated[str, typer.Option("--target", help="The column that the model predicts.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write to; set MODEL_DIR to it to serve the model.")],
    name: Annotated[str | None, typer.Option(help="The model's name; by default the file's.")] = None,
    categorical: Annotated[
        list[str] | None,
        typer.Option("--categorical", help="A column whose numbers are categories; may be given more than once."),
    ] = None,
    no_drift: Annotated[
        list[str] | None,
        typer.Option(
            "--no-drift",
            metavar="COLUMN",
            help="A feature whose drift is not watched, such as the hour of the day; may be given more than once.",
        ),
    ] = None,
    held_out: Annotated[
        Path | None,
        typer.Option("--held-out", help="Rows that the model has not seen: quality and calibration are measured on them."),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option("--delimiter", help="CSV: the delimiter between cells: ';', tab, '|', or ', ' with spaces after it."),
    ] = None,
    decimal: Annotated[str | None, typer.Option("--decimal", help="CSV: the decimal mark, if it is not a point.")] = None,
    thousands: Annotated[str | None, typer.Option("--thousands", help="CSV: the mark between thousands, as in 1,234.50.")] = None,
    comment: Annotated[str | None, typer.Option("--comment", help="CSV: the mark after which a line is ignored.")] = None,
    encoding: Annotated[str | None, typer.Option("--encoding", help="CSV: the text's encoding, if it is not UTF-8.")] = None,
    na_values: Annotated[
        list[str] | None,
        typer.Option("--na-values", help="CSV: a text that marks a gap, such as '?'; may be given more than once."),
    ] = None,
    description: Annotated[str, typer.Option(help="What the model is for.")] = "",
    trained_on: Annotated[str, typer.Option("--trained-on", help="The training data, in words.")] = "",
    unsafe_pickle: Annotated[
        bool, typer.Option("--unsafe-pickle", help="Also read a pickle (.pickle, .pkl, .joblib), which can run any code in it.")
    ] = False,
    runtime: Annotated[
        str | None, typer.Option(help="The runtime, `sklearn` or `onnx`; by default the faster one whose answers are right.")
    ] = None,
    accept_difference: Annotated[
        bool,
        typer.Option("--accept-difference", help="Serve the model although its answers differ from the fitted model's own."),
    ] = False,
    as_json: _Json = False,
) -> None:
    """Make a folder that can be served: a fitted model, and the profile of its reference data."""
    from vitals.profiling.bundle import Card, Reference, make_folder
    from vitals.profiling.reading.data_files import read_table  # pandas and scikit-learn take a second to import

    options = _CsvOptions(delimiter, decimal, thousands, comment, encoding, tuple(na_values or ()))._asdict()
    reference = Reference(
        read_table(data, **options),
        target,
        tuple(categorical or ()),
        held_out=None if held_out is None else read_table(held_out, **options),
        no_drift=tuple(no_drift or ()),
    )
    card = Card(name or _name_of(model), description, trained_on or data.name)
    if runtime not in (None, "sklearn", "onnx"):
        raise typer.BadParameter(f"there is sklearn and onnx, not {runtime!r}", param_hint="--runtime")
    with _long_steps_told(quiet=as_json) as tell:
        made = make_folder(
            model.absolute(),
            reference,
            card,
            out.absolute(),
            allow_pickle=unsafe_pickle,
            runtime=runtime,  # type: ignore[arg-type]  # one of the two, by the check above
            accept_difference=accept_difference,
            tell=tell,
        )
    if as_json:
        typer.echo(json.dumps(_told(made), indent=2))
        return
    _show(made)
    option = " ALLOW_PICKLE=true" if made.facts.format == "pickle" and made.facts.runtime != "onnx" else ""
    Console(highlight=False).print(f"\nServe it:  MODEL_DIR={escape(str(out))}{option} vitals serve", soft_wrap=True)


def train_example(
    name: Annotated[
        str, typer.Argument(help="iris, breast-cancer, diabetes, penguins, or iris-forest (slow on purpose).", show_default=True)
    ] = "iris",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The folder to write to; without it, the one that is served by default.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Train an example model on public data: artefact, profile, facts, and the rows that it has not seen."""
    from vitals.profiling.examples import train_example as train  # scikit-learn takes a second to import

    made = train(out or _own_model_folder(), name)
    if as_json:
        typer.echo(json.dumps(_told(made), indent=2))
    else:
        _show(made)


def _own_model_folder() -> Path:
    """The folder that is served by default. Raises WrongCheckout where it lies among another checkout's data."""
    settings = Settings.load()
    if settings.model_dir is None:
        data_owner(settings.model_folder.parent).must_not_be_another()
    return settings.model_folder


@contextmanager
def _long_steps_told(quiet: bool) -> Iterator[Callable[[str], None]]:
    """On a terminal a line that spins; elsewhere, unless `quiet`, a line on stderr for each step once the work takes a while."""
    console = Console(stderr=True, highlight=False, quiet=quiet)
    if console.is_terminal:
        with console.status("reading the data") as status:
            yield lambda step: status.update(escape(step))
        return
    started = time.monotonic()

    def tell(step: str) -> None:
        if time.monotonic() - started > _A_WHILE_SECONDS:
            console.print(step, markup=False, soft_wrap=True)

    yield tell


def _show(made: Made) -> None:
    console = Console(highlight=False)
    facts, profile = made.facts, made.profile
    kinds = [(kind, sum(feature.kind == kind for feature in profile.features)) for kind in ("numeric", "categorical", "boolean")]
    features = ", ".join(f"{count} {kind}" for kind, count in kinds if count)
    console.print(
        f"Model [bold]{escape(facts.name)}[/] version [bold]{facts.version}[/]: {escape(facts.trained_on)}", soft_wrap=True
    )
    told = f"{profile.task} of {escape(profile.target)}"
    if profile.classes:
        told += f" ({escape(', '.join(profile.classes[:10]))}{', …' if len(profile.classes) > 10 else ''})"
    console.print(f"  {told}", soft_wrap=True)
    console.print(f"  {profile.rows} reference rows, {len(profile.features)} features: {features}")
    gaps = [feature.name for feature in profile.features if feature.missing_allowed]
    if gaps:
        console.print(f"  May be missing in a request: {escape(', '.join(gaps))}", soft_wrap=True)
    quiet = [feature.name for feature in profile.features if not feature.drift]
    if quiet:
        console.print(f"  Drift is not watched: {escape(', '.join(quiet))}", soft_wrap=True)
    console.print("  " + ", ".join(f"{measure.replace('_', ' ')} {value:.3f}" for measure, value in profile.quality.items()))
    _show_answers(console, facts)
    for warning in made.warnings:
        console.print(f"  [yellow]Note:[/] {escape(warning)}", soft_wrap=True)
    console.print(f"Written to {escape(str(made.folder))}", soft_wrap=True)


def _show_answers(console: Console, facts: ModelFacts) -> None:
    """What answers and why, and what its answers were held against."""
    if facts.comparison is None:
        return
    console.print(
        f"  Answered by {'ONNX Runtime' if facts.runtime == 'onnx' else 'scikit-learn'}: {escape(facts.choice)}", soft_wrap=True
    )
    one = facts.comparison
    kinds = [(one.rows, "of the data"), (one.with_gaps, "with gaps"), (one.between, "between and beyond their values")]
    rows = ", ".join(f"{count:,} {what}" for count, what in kinds if count)
    differ = "the same answers" if not one.different else f"[yellow]other answers for {one.different:,}[/]"
    console.print(
        f"  Compared with {escape(one.against)}: {rows}, in batches and {one.alone:,} of them alone: {differ} "
        f"(within {one.tolerance:g}; the largest difference is {one.largest_difference:.1g})",
        soft_wrap=True,
    )


def _told(made: Made) -> dict[str, Any]:
    profile = made.profile
    return {
        "folder": str(made.folder),
        "name": made.facts.name,
        "version": made.facts.version,
        "format": made.facts.format,
        "runtime": made.facts.runtime,
        "choice": made.facts.choice,
        "microseconds": made.facts.microseconds,
        "comparison": None if made.facts.comparison is None else made.facts.comparison.model_dump(),
        "task": profile.task,
        "target": profile.target,
        "classes": list(profile.classes),
        "rows": profile.rows,
        "features": {
            feature.name: {
                "kind": feature.kind,
                "drift": feature.drift,
                "missing_allowed": feature.missing_allowed,
                "unseen_allowed": feature.unseen_allowed,
            }
            for feature in profile.features
        },
        "quality": profile.quality,
        "warnings": made.warnings,
    }


def _name_of(model: Path) -> str:
    """The file's name as a model's: small letters, digits, dots and dashes."""
    return re.sub(r"[^a-z0-9._-]+", "-", model.stem.lower()).strip("-._") or "model"
