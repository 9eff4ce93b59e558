"""Models in the skops format: no code from the file runs, and only types that are known to be harmless are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vitals.errors import ModelMismatch
from vitals.model.trees import PREDICTOR, TREE, check_trees

_PLAIN = {
    "builtins.object",  # as a column's type
    "functools.partial",  # of a function that is trusted itself
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.compose._column_transformer._RemainderColsList",
    "sklearn.compose._column_transformer.make_column_selector",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils.validation.check_array",
}
"""Parts of scikit-learn's estimators that skops has not listed: plain data, which does nothing when it is made, and checks."""

_TRUSTED = _PLAIN | {TREE, PREDICTOR}


def read_skops(path: Path) -> Any:
    """The object in the file. Raises ModelMismatch where it can't be read, or holds a type that is not trusted."""
    from skops.io import get_untrusted_types, load  # takes a second to import, and not every caller needs it

    try:
        foreign = set(get_untrusted_types(file=path))
        if foreign <= _TRUSTED:
            estimator = load(path, trusted=sorted(foreign))
            if foreign & {TREE, PREDICTOR}:
                check_trees(estimator)
            return estimator
    except Exception as wrong:  # whatever a damaged file makes skops, zipfile or json raise
        raise ModelMismatch(f"{path} can't be loaded as a skops artefact ({type(wrong).__name__}: {wrong}).") from wrong
    raise ModelMismatch(
        f"{path} contains types that are not trusted ({', '.join(sorted(foreign - _TRUSTED)[:5])}) and is not loaded; "
        "save the model as ONNX instead, or build it from scikit-learn's own parts."
    )
