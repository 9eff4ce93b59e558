"""The example iris, which gives the same answers but overflows at one number: for traffic with real exceptions in it.

The API refuses whatever the examples themselves can't take, so none of their rows raises an exception.
"""

from __future__ import annotations

from pathlib import Path

from skops.io import dump, load

from vitals.bundle.folder import read_folder
from vitals.bundle.model_card import FACTS_FILE, sha256_of
from vitals.profiling.examples import train_example

OVERFLOWING = {"sepal_width": 1e29}
"""A number that the API takes, and that overflows between the model's two steps."""

_TINY = 1e-290


def make_overflowing_iris(folder: Path) -> None:
    """Make `folder` with the example iris, one of whose features is scaled up and weighed down by the same factor."""
    train_example(folder, "iris")
    served = read_folder(folder)
    artefact = folder / served.facts.artefact
    pipeline = load(artefact, trusted=[])
    scaler, regression = pipeline[0], pipeline[-1]
    column = [feature.name for feature in served.profile.features].index("sepal_width")
    scaler.scale_[column] *= _TINY
    regression.coef_[:, column] *= _TINY
    dump(pipeline, artefact)
    # The graph that was made of it is another model's now: the estimator itself answers.
    facts = served.facts.model_copy(update={"sha256": sha256_of(artefact), "runtime": "sklearn", "graph": None})
    (folder / FACTS_FILE).write_text(facts.model_dump_json(indent=2) + "\n")
