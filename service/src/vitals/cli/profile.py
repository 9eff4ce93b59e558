"""`vitals profile` and `vitals train-example`: from a model and data to a folder that can be served."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from vitals.settings import Settings
from vitals.stack.data_owner import data_owner

if TYPE_CHECKING:
    from vitals.making.served_folder import Made

_Json = Annotated[bool, typer.Option("--json", help="For other programs.")]


def profile(
    model: Annotated[Path, typer.Option("--model", help="The fitted model: .skops or .onnx.")],
    data: Annotated[
        Path, typer.Option("--data", help="Reference data, .csv or .parquet: usually the rows that the model learned from.")
    ],
    target: Annotated[str, typer.Option("--target", help="The column that the model predicts.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write to; MODEL_DIR is set to it then.")],
    name: Annotated[str | None, typer.Option(help="The model's name; without it, the file's.")] = None,
    categorical: Annotated[
        list[str] | None,
        typer.Option("--categorical", help="A column whose numbers are categories; may be given more than once."),
    ] = None,
    held_out: Annotated[
        Path | None,
        typer.Option("--held-out", help="Rows that the model has not seen: quality and calibration are measured on them."),
    ] = None,
    description: Annotated[str, typer.Option(help="What the model is for.")] = "",
    trained_on: Annotated[str, typer.Option("--trained-on", help="What the model learned from, in words.")] = "",
    unsafe_pickle: Annotated[
        bool, typer.Option("--unsafe-pickle", help="Also read a pickle (.pickle, .pkl, .joblib), which can run any code in it.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Make a served model: a fitted model, and the profile of its reference data that live requests are compared with."""
    from vitals.making.data import read_table  # pandas and scikit-learn take a second to import
    from vitals.making.served_folder import Card, Reference, make_folder

    unseen = None if held_out is None else read_table(held_out)
    reference = Reference(read_table(data), target, tuple(categorical or ()), unseen)
    card = Card(name or _name_of(model), description, trained_on or data.name)
    made = make_folder(model.absolute(), reference, card, out.absolute(), allow_pickle=unsafe_pickle)
    if as_json:
        typer.echo(json.dumps(_told(made), indent=2))
        return
    _show(made)
    option = " ALLOW_PICKLE=true" if made.facts.format == "pickle" else ""
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
    from vitals.making.examples import train_example as train  # scikit-learn takes a second to import

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
    console.print("  " + ", ".join(f"{measure.replace('_', ' ')} {value:.3f}" for measure, value in profile.quality.items()))
    for warning in made.warnings:
        console.print(f"  [yellow]Note:[/] {escape(warning)}", soft_wrap=True)
    console.print(f"Written to {escape(str(made.folder))}", soft_wrap=True)


def _told(made: Made) -> dict[str, Any]:
    profile = made.profile
    return {
        "folder": str(made.folder),
        "name": made.facts.name,
        "version": made.facts.version,
        "format": made.facts.format,
        "task": profile.task,
        "target": profile.target,
        "classes": list(profile.classes),
        "rows": profile.rows,
        "features": {
            feature.name: {
                "kind": feature.kind,
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
