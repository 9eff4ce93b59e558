"""The reference that live requests are compared with, as gauges: rules need nothing but the metrics store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from vitals.bundle.schema import Profile
from vitals.monitoring.features import feature_attributes
from vitals.monitoring.predictions import prediction_attributes


def add_reference_metrics(meter: Meter, profile: Profile, model: Mapping[str, str]) -> None:
    """Export what `profile` says of the reference data; model: the attributes that name the model on every series."""

    def gauge(name: str, description: str, values: Iterable[tuple[float | None, Mapping[str, str]]]) -> None:
        observations = [Observation(value, {**model, **attributes}) for value, attributes in values if value is not None]

        def observe(_: CallbackOptions) -> Iterable[Observation]:
            return observations

        if observations:
            meter.create_observable_gauge(name, [observe], description=description)

    features = [(feature, {"ml.feature.name": feature.name}) for feature in profile.features]
    predictions = profile.predictions
    gauge(
        "ml.reference.share",
        "The share of the reference's rows in each bin of a feature.",
        [(one.share, feature_attributes(feature, one)) for feature, _ in features for one in feature.bins],
    )
    gauge("ml.reference.rows", "Rows of the reference.", [(profile.rows, {})])
    gauge(
        "ml.reference.psi_null",
        "Times (1/n + 1/reference rows): what PSI of a feature reaches without drift; of those whose drift is watched.",
        [(feature.psi_null, named) for feature, named in features if feature.drift],
    )
    gauge("ml.reference.mean", "The reference's mean of a feature.", [(feature.mean, named) for feature, named in features])
    gauge(
        "ml.reference.variance",
        "The reference's variance of a feature.",
        [(feature.variance, named) for feature, named in features],
    )
    gauge(
        "ml.reference.prediction.share",
        "The share of the reference's predictions in each class or bin.",
        [(one.share, prediction_attributes(profile, one)) for one in predictions.bins],
    )
    gauge(
        "ml.reference.prediction.psi_null",
        "Times (1/n + 1/reference rows): what PSI of the predictions reaches without drift.",
        [(predictions.psi_null, {})],
    )
    gauge(
        "ml.reference.quality",
        "How the model did on the reference.",
        [(value, {"ml.quality.measure": measure}) for measure, value in profile.quality.items()],
    )
    gauge("ml.reference.quality.rows", "Rows that the quality was measured on.", [(profile.quality_rows, {})])
