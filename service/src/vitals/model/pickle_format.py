"""Models in a pickle (joblib's too): only where the operator allows it, since reading one can run any code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vitals.errors import ModelMismatch


def read_pickle(path: Path) -> Any:
    """The object in the file. Runs whatever code the file holds. Raises ModelMismatch where it can't be read."""
    import joblib  # reads what pickle.dump writes, too

    try:
        return joblib.load(path)
    except Exception as wrong:  # a pickle can raise anything
        raise ModelMismatch(f"{path} can't be loaded as a pickle ({type(wrong).__name__}: {wrong}).") from wrong
