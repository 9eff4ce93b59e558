"""What a fitted model knows of its columns: their categories, whether they are text, and how their gaps were written.

A step knows a column only where it gets the column as the data have it: behind a step that changes values nothing is known.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from vitals.estimators.boosted_categories import boosted_categories
from vitals.estimators.known_column import KnownColumn, merged, plain_categories

__all__ = ["KnownColumn", "known_columns"]

View = list[str | None]
"""The columns that a step gets, in its order: a name where the values are the data's own, None where a step changed them."""

_ONE_MODEL = ("best_estimator_", "estimator_", "regressor_", "classifier_")
_MANY_MODELS = ("estimators_", "calibrated_classifiers_")


def known_columns(estimator: Any, columns: Sequence[str]) -> dict[str, KnownColumn]:
    """For each of `columns`, the model's features in its order, what `estimator` knows; a column it knows nothing of is absent.

    Never raises: an estimator that is of no known kind knows nothing.
    """
    walk = _Walk()
    with contextlib.suppress(Exception):  # whatever a part raises that only looks like one of those known here
        walk.look(estimator, list(columns))
    return {name: found for name in columns if (found := walk.found_of(name)) is not None}


@dataclass
class _Walk:
    """Goes through an estimator's steps in the order in which rows pass them, and notes what each knows."""

    knowledge: dict[str, list[KnownColumn]] = field(default_factory=dict)
    gaps: dict[str, Literal["nan", "none"]] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    extension: set[str] = field(default_factory=set)

    def found_of(self, name: str) -> KnownColumn | None:
        """All that was noted of one column."""
        found, gap = self.knowledge.get(name), self.gaps.get(name)
        if not found:
            return None if gap is None else KnownColumn(gap=gap)
        one = merged(found)
        dtype = None if name in self.extension else one.dtype
        return dataclasses.replace(one, dtype=dtype, gap=one.gap or gap, also_number=name in self.numbers)

    def look(self, step: Any, view: View) -> None:
        """Note what `step` knows of the columns in `view`."""
        if step is None or isinstance(step, str) or not any(view):
            return
        if _is_steps(step):
            for inner in _steps(step):
                self.look(inner, view)
                view = _after(inner, view) or []
        elif hasattr(step, "transformers_"):
            self._columns_apart(step, view)
        elif hasattr(step, "transformer_list"):
            for _, inner in step.transformer_list:
                self.look(inner, view)
        elif isinstance(getattr(step, "categories_", None), list):
            self._encoder(step, view)
        elif _is_imputer(step):
            self._imputer(step, view)
        elif hasattr(step, "build_analyzer"):
            self._note(view, [KnownColumn(dtype="object", free_text=True)] * len(view))
        elif not _same(step) and not _only_looks(step):
            self._model(step, view)

    def _model(self, step: Any, view: View) -> None:
        inner = list(_models_inside(step, view))
        for model, its_view in inner:
            self.look(model, its_view)
        if not inner:
            found = boosted_categories(step, len(view))
            self._note(view, found)
            self.numbers.update(name for name, one in zip(view, found, strict=True) if name is not None and one is None)

    def _columns_apart(self, step: Any, view: View) -> None:
        indices = getattr(step, "_transformer_to_input_indices", {})
        for name, inner, _ in step.transformers_:
            if inner != "drop" and name in indices:
                self.look(inner, [view[index] for index in indices[name]])

    def _encoder(self, step: Any, view: View) -> None:
        refuses = getattr(step, "handle_unknown", None) == "error"
        if len(step.categories_) == len(view):
            known = [plain_categories(np.asarray(one), refuses_unknown=refuses) for one in step.categories_]
            self._note(view, known)

    def _imputer(self, step: Any, view: View) -> None:
        marks = step.missing_values
        if type(marks).__name__ == "NAType":  # pandas.NA: it learned from a column of an extension dtype
            self.extension.update(name for name in view if name is not None)
        elif marks is None or (isinstance(marks, float) and math.isnan(marks)):
            for name in view:
                if name is not None:
                    self.gaps.setdefault(name, "none" if marks is None else "nan")

    def _note(self, view: View, known: Sequence[KnownColumn | None]) -> None:
        for name, one in zip(view, known, strict=True):
            if name is not None and one is not None:
                self.knowledge.setdefault(name, []).append(one)


def _after(step: Any, view: View) -> View | None:
    """The columns behind `step`; None where it is not known which they are."""
    if _same(step) or not any(view):
        return view
    if _is_steps(step):
        behind: View | None = view
        for inner in _steps(step):
            behind = None if behind is None else _after(inner, behind)
        return behind
    if hasattr(step, "transformers_"):
        return _after_columns_apart(step, view)
    if _is_imputer(step):
        return _after_imputer(step, view)
    if hasattr(step, "get_support"):
        return [name for name, kept in zip(view, step.get_support(), strict=True) if kept]
    return None


def _after_columns_apart(step: Any, view: View) -> View | None:
    places = getattr(step, "output_indices_", None)
    indices = getattr(step, "_transformer_to_input_indices", None)
    if places is None or indices is None:
        return None
    made: View = [None] * max((place.stop for place in places.values()), default=0)
    for name, inner, _ in step.transformers_:
        place = places.get(name)
        if inner == "drop" or place is None or name not in indices:
            continue
        behind = _after(inner, [view[index] for index in indices[name]])
        if behind is not None and len(behind) == place.stop - place.start:
            made[place] = behind
    return made


def _after_imputer(step: Any, view: View) -> View:
    filled = np.asarray(step.statistics_, dtype=object)
    keeps_all = bool(getattr(step, "keep_empty_features", False))
    kept = [name for name, value in zip(view, filled, strict=True) if keeps_all or value == value]
    indicator = getattr(step, "indicator_", None)
    return kept + [None] * (0 if indicator is None else len(indicator.features_))


def _same(step: Any) -> bool:
    """True where `step` passes every column on as it is."""
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return True
    return hasattr(step, "kw_args") and getattr(step, "func", "") is None  # a FunctionTransformer without a function


def _is_steps(step: Any) -> bool:
    return isinstance(getattr(step, "steps", None), list)


def _steps(step: Any) -> list[Any]:
    """A pipeline's steps that rows pass when the model is asked: those that only draw rows for the fitting are left out."""
    return [inner for _, inner in step.steps if not (hasattr(inner, "fit_resample") and not hasattr(inner, "transform"))]


def _is_imputer(step: Any) -> bool:
    return hasattr(step, "statistics_") and hasattr(step, "missing_values")


def _only_looks(step: Any) -> bool:
    """Whether the values of `step`'s columns go into no number that it gives: it says which are missing, or chooses columns."""
    return hasattr(step, "missing_values") or (hasattr(step, "get_support") and not hasattr(step, "predict"))


def _models_inside(step: Any, view: View) -> Iterable[tuple[Any, View]]:
    """The fitted models that `step` hands its rows on to, each with the columns that it gets."""
    for name in _MANY_MODELS:
        several = getattr(step, name, None)
        if several is None:
            continue
        chosen = getattr(step, "estimators_features_", None)
        for index, inner in enumerate(several.ravel().tolist() if isinstance(several, np.ndarray) else several):
            if not type(inner).__module__.startswith("sklearn.tree"):
                yield inner, _fitting(inner, view if chosen is None else [view[one] for one in chosen[index]])
        return
    for name in _ONE_MODEL:
        inner = getattr(step, name, None)
        if inner is not None:
            support = getattr(step, "support_", None)
            kept = view
            if support is not None and len(support) == len(view):
                kept = [one for one, used in zip(view, support, strict=True) if used]
            yield inner, _fitting(inner, kept)
            return
    inner = getattr(step, "estimator", None)  # FrozenEstimator, and what CalibratedClassifierCV is made of
    if hasattr(inner, "n_features_in_"):
        yield inner, _fitting(inner, view)


def _fitting(model: Any, view: View) -> View:
    """`view` in the width of `model`: a chain's later models get more columns than the data have."""
    width = getattr(model, "n_features_in_", len(view))
    return [*view[:width], *[None] * (width - len(view))]
