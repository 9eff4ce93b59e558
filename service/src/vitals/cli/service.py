"""`vitals serve` and `vitals train-example`: the model service itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vitals.settings import Settings


def serve() -> None:
    """Serve the model of MODEL_DIR in the foreground; every option is an environment variable (see README)."""
    from vitals.server import serve as run

    run(Settings.load())


def train_example(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The folder to write to; without it, the one that is served by default.")
    ] = None,
) -> None:
    """Train the example model on scikit-learn's iris data: artefact, facts, and the held-out rows."""
    from vitals.model.example import HELD_OUT_FILE
    from vitals.model.example import train_example as train

    folder = out or Settings.load().model_folder
    facts = train(folder)
    console = Console()
    console.print(f"Model [bold]{facts.name}[/] version [bold]{facts.version}[/], trained on {facts.trained_on}.")
    console.print(f"Accuracy on the rows it has not seen ({HELD_OUT_FILE}): {facts.quality['accuracy']:.3f}")
    console.print(f"Written to {folder}", soft_wrap=True)
