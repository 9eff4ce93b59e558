"""One model that a team might bring: its data, its estimator, and what the team's own script does with both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .tables import with_target, with_value

TARGET = "y"


@dataclass(frozen=True)
class Case:
    """A row of the table: what is written to a file, how the script reads it, what it fits, and how it saves that."""

    name: str
    table: Callable[[], pd.DataFrame]
    """The data's file, with the target."""
    estimator: Callable[[], Any]
    file: Literal["csv", "parquet"] = "csv"
    reading: Mapping[str, Any] = field(default_factory=dict)
    """What the script tells pandas' reader, as dtype."""
    prepare: Callable[[pd.DataFrame], pd.DataFrame] = lambda features: features
    """What the script does with the features after reading, as giving a column the type category."""
    by_array: bool = False
    """Whether it fits and predicts on an array."""
    saved: Literal["pickle", "skops", "onnx"] = "pickle"
    export: Callable[[Any, pd.DataFrame], bytes] | None = None
    """For ONNX: from the fitted estimator and its features to the model's bytes."""
    options: tuple[str, ...] = ()
    """Of `vitals profile`, beside those that every model needs."""
    held_out: bool = False
    """Whether every fourth row is kept from the model, and given with --held-out."""


def classifier(
    name: str,
    estimator: Callable[[], Any],
    table: Callable[[], pd.DataFrame],
    classes: int = 2,
    labels: str = "text",
    **more: Any,
) -> Case:
    """A case whose target has so many classes."""
    return Case(f"{name}-{classes} {labels}".replace(" ", "_"), lambda: with_target(table(), classes, labels), estimator, **more)


def regressor(name: str, estimator: Callable[[], Any], table: Callable[[], pd.DataFrame], **more: Any) -> Case:
    """A case whose target is a number."""
    return Case(name.replace(" ", "_"), lambda: with_value(table()), estimator, **more)


def on_mixed(final: Any, *, encoder: Any = None) -> Any:
    """A pipeline for the table `mixed`: gaps are filled, numbers scaled, texts and codes encoded, the boolean passed through."""
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), ["age"]),
        (make_pipeline(SimpleImputer(strategy="most_frequent"), encoder or OneHotEncoder(handle_unknown="ignore")), ["city"]),
        (OneHotEncoder(handle_unknown="ignore"), ["code"]),
        remainder="passthrough",
        sparse_threshold=0,
    )
    return make_pipeline(columns, final)


def with_option(case: Case, *options: str) -> Case:
    """`case`, profiled with more options."""
    return replace(case, name=f"{case.name}-{'_'.join(options)}", options=(*case.options, *options))
