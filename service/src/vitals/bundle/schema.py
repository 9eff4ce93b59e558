"""`profile.json`: how the reference data looked, and how the model did on them. Monitoring compares live requests with it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

BELOW, ABOVE, BETWEEN, MISSING, UNSEEN, OTHER = "(below)", "(above)", "(between)", "(missing)", "(unseen)", "(other)"
"""Bins that no value of the reference names: in brackets, so that no category is taken for one."""

LONGEST_NAME = 200
"""Characters that the name of a feature, a class or a category may have."""

MOST_CATEGORIES = 20
"""Categories (and classes) with a bin of their own, the most frequent ones; the rest share OTHER."""

Share = Annotated[float, Field(ge=0, le=1)]
Category = str | int
Kind = Literal["numeric", "categorical", "boolean"]
"""What a feature's values are."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Bin(_Part):
    """One bin of a feature or of the predictions."""

    name: str = Field(
        min_length=1,
        max_length=LONGEST_NAME,
        description="The attribute ml.feature.bin, ml.prediction.bin or ml.prediction.class.",
    )
    drift: str = Field(
        min_length=1,
        max_length=LONGEST_NAME,
        description="The bin it is compared in, ml.drift.bin: (below) counts in the first and (above) in the last where these "
        "are of several values, else in (other), as (between) does.",
    )
    share: Share = Field(description="Its share of the reference's rows.")


class Binned(_Part):
    """Something whose distribution is compared with the reference's."""

    edges: tuple[FiniteFloat, ...] = Field(
        (),
        description="Numeric: the bins' limits in rising order. They lie between the reference's values, the outermost a little "
        "beyond its smallest and its largest, so that 0.1 and the 0.1 of a 32-bit client fall into one bin.",
    )
    discrete: bool = Field(
        False,
        description="Numeric: few different values, each with a bin that goes from one edge of a pair to the other. "
        "What is between two pairs is in (between).",
    )
    bins: tuple[Bin, ...] = Field(min_length=2, description="Every bin, in order; the shares add up to 1.")
    psi_null: float = Field(
        gt=0,
        description="Without drift, PSI of n rows stays below psi_null · (1/n + 1/reference rows), "
        "but for about one window in a hundred, over all features, from 150 independent rows on.",
    )

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if any(low >= high for low, high in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("the edges must rise")
        if len({one.name for one in self.bins}) != len(self.bins):
            raise ValueError("two bins have the same name")
        if abs(sum(one.share for one in self.bins) - 1) > 1e-6:
            raise ValueError("the shares of the bins must add up to 1")
        return self


class Feature(Binned):
    """One input of the model, as the reference data had it."""

    name: str = Field(
        min_length=1,
        max_length=LONGEST_NAME,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="The column's name, and the name in requests.",
    )
    kind: Kind
    integer: bool = Field(False, description="Numeric: the reference had whole numbers only.")
    dtype: str = Field(
        "",
        max_length=100,
        description="The pandas type of the column that the model is given, as float64, int64, bool, object or category; "
        "empty in a profile of before: what the kind alone says.",
    )
    levels: tuple[Category | bool | FiniteFloat, ...] = Field(
        (), description="Of the type category: its categories, in the order that the model knows them."
    )
    ordered: bool = Field(False, description="Of the type category: whether that order means something to pandas.")
    gap: Literal["nan", "none"] = Field("nan", description="How a gap in a column of objects is given to the model: NaN or None.")
    whole: bool = Field(False, description="Numeric: the model takes whole numbers only, and a request with others is refused.")
    drift: bool = Field(True, description="Whether drift of it is watched; `vitals profile --no-drift` turns that off.")
    categories: tuple[Category, ...] = Field(
        (), description="Categorical: every category of the reference, the most frequent first."
    )
    missing_allowed: bool = Field(description="Whether a request may leave it out or give null: the model answers such rows.")
    unseen_allowed: bool = Field(
        False, description="Categorical: whether the model answers rows with a category that it has not seen."
    )
    minimum: FiniteFloat | None = Field(None, description="Numeric: the smallest value of the reference.")
    maximum: FiniteFloat | None = Field(None, description="Numeric: the largest value of the reference.")
    mean: FiniteFloat | None = Field(None, description="Numeric and boolean (as 0 and 1): the mean of the reference.")
    variance: FiniteFloat | None = Field(
        None, ge=0, description="Numeric and boolean: the variance of the reference (divided by n - 1)."
    )
    missing_share: Share = Field(description="The share of the reference's rows that lack it.")
    example: float | bool | str | int | None = Field(description="A value of the reference.")


class CalibrationBin(_Part):
    """Predictions of about the same confidence."""

    up_to: float = Field(ge=0, le=1, description="Confidences up to here, from the bin before; the last is 1.")
    rows: int = Field(ge=0)
    share: Share = Field(description="The bin's share of the reference's predictions.")
    confidence: Share = Field(description="The mean confidence in it.")
    accuracy: Share = Field(description="How many of them were right: what a confidence in this bin is worth.")


class Predictions(Binned):
    """What the model answered for the reference's rows: bins are the classes, or quantiles of the predicted value."""

    calibration: tuple[CalibrationBin, ...] = Field(
        (), description="Classification: histogram binning (Zadrozny and Elkan 2001)."
    )


class Profile(_Part):
    """The whole document."""

    schema_version: Literal[1] = 1
    task: Literal["classification", "regression"]
    target: str = Field(description="The column that the model predicts.")
    classes: tuple[str, ...] = Field((), description="Classification: the classes, in the order of the model's probabilities.")
    rows: int = Field(ge=1, description="Rows of the reference.")
    features: tuple[Feature, ...] = Field(min_length=1, description="In the order of the model's columns.")
    predictions: Predictions
    quality: dict[str, FiniteFloat] = Field(
        description="On rows it has not seen, where there are some, else on the reference: "
        "accuracy, expected_accuracy, log_loss; or mean_absolute_error, root_mean_squared_error, r2."
    )
    quality_rows: int = Field(ge=1, description="Rows that the quality was measured on: how far chance may be in it.")

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if (self.task == "classification") != (len(self.classes) >= 2):
            raise ValueError("classification has two classes or more, regression none")
        if len({feature.name for feature in self.features}) != len(self.features):
            raise ValueError("two features have the same name")
        return self
