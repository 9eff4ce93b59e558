"""Types that skops does not trust by itself and that may be read all the same: plain data, or data that is checked here."""

from __future__ import annotations

from functools import cache

from vitals.model_formats.neighbours import NEIGHBOUR_TREES
from vitals.model_formats.splines import SPLINE, SPLINE_PARTS
from vitals.model_formats.trees import PREDICTOR, TREE

_KERNELS = "sklearn.gaussian_process.kernels."
_SPLITS = "sklearn.model_selection._split."
_SCORING = "sklearn.metrics._scorer."

_PLAIN = {
    "builtins.object",  # as a column's type
    "functools.partial",  # of a function that is trusted itself
    "numpy.dtype",
    "numpy.mean",
    "sklearn._loss.loss.HalfTweedieLoss",
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.compose._column_transformer._RemainderColsList",
    "sklearn.compose._column_transformer.make_column_selector",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.multiclass._ConstantPredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
    "sklearn.utils.validation.check_array",
    *(
        _KERNELS + kernel
        for kernel in (
            "CompoundKernel",
            "ConstantKernel",
            "DotProduct",
            "ExpSineSquared",
            "Exponentiation",
            "Hyperparameter",
            "Matern",
            "PairwiseKernel",
            "Product",
            "RBF",
            "RationalQuadratic",
            "Sum",
            "WhiteKernel",
        )
    ),
    *(
        _SPLITS + split
        for split in (
            "GroupKFold",
            "GroupShuffleSplit",
            "KFold",
            "LeaveOneGroupOut",
            "LeaveOneOut",
            "LeavePGroupsOut",
            "LeavePOut",
            "PredefinedSplit",
            "RepeatedKFold",
            "RepeatedStratifiedKFold",
            "ShuffleSplit",
            "StratifiedGroupKFold",
            "StratifiedKFold",
            "StratifiedShuffleSplit",
            "TimeSeriesSplit",
        )
    ),
    *(_SCORING + scorer for scorer in ("_CurveScorer", "_MultimetricScorer", "_PassthroughScorer", "_Scorer")),
}
"""Parts of scikit-learn's estimators that skops has not listed: plain data, which does nothing when it is made, and checks.

A search keeps how it split and scored its data; nothing of that is asked when it predicts.
"""

CHECKED = {TREE, PREDICTOR, SPLINE, *NEIGHBOUR_TREES}
"""Data that compiled code follows without looking: read, and then checked or made again (trees.py, neighbours.py, splines.py)."""


def not_trusted(types: set[str]) -> set[str]:
    """Those of the types, by names as skops gives them, that may not be read."""
    rest = types - _PLAIN - CHECKED - SPLINE_PARTS
    return rest - _functions() if rest else rest  # to name the functions is to import half of scikit-learn


@cache
def _functions() -> set[str]:
    """scikit-learn's own scorers and scores of features: functions that only compute."""
    from sklearn import feature_selection, metrics

    scores = [metrics.get_scorer(name)._score_func for name in metrics.get_scorer_names()]
    scores += [getattr(feature_selection, name) for name in _FEATURE_SCORES]
    return {f"{one.__module__}.{one.__qualname__}" for one in scores}


_FEATURE_SCORES = ("chi2", "f_classif", "f_regression", "mutual_info_classif", "mutual_info_regression", "r_regression")
