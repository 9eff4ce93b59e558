"""Writes what can't be served, in a process that knows nothing of the service.

python -m tests.models.write_wrong NAME FOLDER
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import sklearn
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from .tables import mixed
from .wrong_data import WRONG_DATA
from .wrong_exports import WRONG_EXPORTS
from .wrong_models import WRONG_MODELS, Wrong, fitted, logistic, of_another_version, saved, table

PARIS = 7
"""Rows with a category that the model has not seen."""


def _another_version(folder: Path) -> None:
    saved(folder, fitted(logistic()))
    (folder / "model.pickle").write_bytes(of_another_version(fitted(logistic()), "1.5.2"))


def _category_not_known(folder: Path) -> None:
    data = table().assign(city=mixed()["city"])
    encoded = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["city"]), remainder="passthrough")
    model = make_pipeline(encoded, LogisticRegression())
    data.loc[: PARIS - 1, "city"] = "Paris"
    saved(folder, fitted(model, data.iloc[PARIS:]), data)


WRONG: dict[str, Wrong] = {**WRONG_MODELS, **WRONG_EXPORTS, **WRONG_DATA}
NOTED: dict[str, Wrong] = {
    "another scikit-learn": Wrong(_another_version, ("1.5.2", sklearn.__version__)),
    "a category that the encoder does not know": Wrong(_category_not_known, ("'city'", "Paris", f"{PARIS} of")),
}
"""What is served, and said when it is profiled."""


def main() -> None:
    """Write the model and the data that the command line names."""
    warnings.simplefilter("ignore")
    name, folder = sys.argv[1:]
    Path(folder).mkdir(parents=True)
    {**WRONG, **NOTED}[name].write(Path(folder))


if __name__ == "__main__":
    main()
