"""A model that a request can break, for traffic with failures in it: the example iris, whose answers it gives.

What the examples themselves can't take is refused, so none of their rows brings about a real exception.
"""

from __future__ import annotations

from pathlib import Path

from skops.io import dump, load

from vitals.bundle.folder import read_folder
from vitals.bundle.model_card import FACTS_FILE, sha256_of
from vitals.profiling.examples import train_example

BREAKS_IT = {"sepal_width": 1e29}
"""A number that the API takes, and that overflows between the model's two steps."""

_TINY = 1e-290


def make_fragile_iris(folder: Path) -> None:
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
