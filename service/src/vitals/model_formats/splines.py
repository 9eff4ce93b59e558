"""B-splines from a file: SciPy follows their knots without looking, so they are looked at here."""

from __future__ import annotations

from typing import Any

from vitals.estimators.estimator_walk import parts

SPLINE = "scipy.interpolate._bsplines.BSpline"

SPLINE_PARTS = {"scipy._lib.array_api_compat.numpy._aliases.asarray"}
"""What SciPy keeps in a spline beside its numbers: the function that makes its answer an array."""


def check_splines(estimator: Any) -> None:
    """Raise ValueError where the knots, coefficients and degree of a spline in `estimator` do not belong together."""
    for _, part in parts(estimator):
        if f"{type(part).__module__}.{type(part).__qualname__}" == SPLINE:
            try:
                type(part)(part.t, part.c, part.k, part.extrapolate, part.axis)  # SciPy's own check of them
            except Exception as wrong:  # whatever is raised for values of other types
                raise ValueError(f"a spline's knots, coefficients and degree do not belong together ({wrong})") from wrong
