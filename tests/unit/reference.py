"""Profiles written by hand, small enough to count in one's head."""

from __future__ import annotations

from vitals.bundle.schema import Bin, CalibrationBin, Feature, Predictions, Profile


def bins(**shares: float) -> tuple[Bin, ...]:
    """Bins by name (underscores at both ends stand for the brackets), each compared in itself but for below and above."""
    names = {name: f"({name.strip('_')})" if name.startswith("_") else name for name in shares}
    quantiles = [name for name in names.values() if name.isdecimal()]
    drift = {"(below)": quantiles[0], "(above)": quantiles[-1]} if quantiles else {}
    return tuple(Bin(name=name, drift=drift.get(name, name), share=shares[key]) for key, name in names.items())


NUMBER = Feature(
    name="sepal length (cm)",
    kind="numeric",
    edges=(0.0, 1.0, 3.0),
    bins=bins(_below_=0, **{"01": 0.5, "02": 0.5}, _above_=0, _missing_=0),
    psi_null=20,
    missing_allowed=False,
    minimum=0,
    maximum=3,
    mean=1.25,
    variance=0.75,
    missing_share=0,
    example=1.0,
)
ISLAND = Feature(
    name="island",
    kind="categorical",
    categories=("Dream", "Biscoe"),
    bins=bins(Dream=0.6, Biscoe=0.3, _unseen_=0, _missing_=0.1),
    psi_null=10,
    missing_allowed=True,
    missing_share=0.1,
    example="Dream",
)
TAGGED = Feature(
    name="tagged",
    kind="boolean",
    bins=bins(false=0.5, true=0.5, _missing_=0),
    psi_null=10,
    missing_allowed=False,
    mean=0.5,
    variance=0.25,
    missing_share=0,
    example=True,
)
CODE = Feature(
    name="code",
    kind="categorical",
    categories=(1, 2),
    bins=bins(**{"1": 0.5, "2": 0.5}, _unseen_=0, _missing_=0),
    psi_null=10,
    missing_allowed=False,
    unseen_allowed=True,
    missing_share=0,
    example=1,
)

CLASSES = Profile(
    task="classification",
    target="species",
    classes=("a", "b", "c", "d"),
    rows=100,
    features=(NUMBER, ISLAND, TAGGED, CODE),
    predictions=Predictions(
        bins=bins(b=0.5, a=0.3, _other_=0.2),
        psi_null=10,
        calibration=(
            CalibrationBin(up_to=0.8, rows=50, share=0.5, confidence=0.7, accuracy=0.5),
            CalibrationBin(up_to=1.0, rows=50, share=0.5, confidence=0.9, accuracy=0.9),
        ),
    ),
    quality={"accuracy": 0.7, "expected_accuracy": 0.7, "log_loss": 0.3},
    quality_rows=40,
)
NUMBERS = Profile(
    task="regression",
    target="price",
    rows=100,
    features=(NUMBER,),
    predictions=Predictions(edges=(0.0, 10.0, 30.0), bins=bins(_below_=0, **{"01": 0.5, "02": 0.5}, _above_=0), psi_null=10),
    quality={"mean_absolute_error": 2.0},
    quality_rows=40,
)
MODEL = {"ml.model.name": "made", "ml.model.version": "0123456789ab"}
