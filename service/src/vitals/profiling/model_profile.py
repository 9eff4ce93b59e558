"""The profile of reference data for one model, and how the model is served: found out by asking it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from vitals.bundle.model_card import Comparison, OnnxOutput
from vitals.bundle.schema import Feature, Profile
from vitals.errors import DataError
from vitals.estimators.estimator import Estimator
from vitals.estimators.text_models import check_no_text
from vitals.model.artefact import Artefact
from vitals.model.served import Answering, Outcome
from vitals.model_io.inputs import Container
from vitals.profiling.conversion.comparison import (
    TOLERANCE_ESTIMATOR,
    TOLERANCE_ONNX,
    Difference,
    Expected,
    compare,
    comparison_of,
    expected_of,
    with_gaps,
)
from vitals.profiling.conversion.onnx_conversion import Converted
from vitals.profiling.conversion.runtime_choice import Choice, Runtime, choose_runtime
from vitals.profiling.layout import layout_of
from vitals.profiling.onnx_outputs.columns import fitted
from vitals.profiling.onnx_outputs.settle import settle
from vitals.profiling.reading.clock_features import clock_notes
from vitals.profiling.reading.columns import not_used
from vitals.profiling.reading.names import check_classes
from vitals.profiling.reading.unknown_categories import unknown_categories
from vitals.profiling.reference_data import Data, Reference, features_of, labels_of, numbers_of, read_data
from vitals.profiling.statistics.drift_watched import names_watched
from vitals.profiling.statistics.evaluation import ask, bearing, classification, regression
from vitals.profiling.statistics.reference import constant_in_reference

LEARNED_FROM = (
    "The model may have learned from these very rows: quality and calibration then look too good. "
    "Rows that it has not seen, with --held-out, give honest figures."
)


@dataclass(frozen=True)
class Profiled:
    """All that a folder is made of besides the artefact, and what one should be warned of."""

    profile: Profile
    held_out: Data | None
    runtime: Runtime
    why: str
    container: Container
    comparison: Comparison
    graph: Converted | None = None
    output: OnnxOutput | None = None
    microseconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Served:
    """How the model is asked from now on."""

    answering: Answering
    features: tuple[Feature, ...]
    container: Container
    choice: Choice
    comparison: Comparison
    difference: Difference


def profile_of(
    model: Artefact,
    reopen: Callable[[], Artefact],
    reference: Reference,
    scratch: Path,
    *,
    runtime: Runtime | None = None,
    accept_difference: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Profiled:
    """The profile of `reference` with the model's answers, and how it is served.

    `reopen` opens the artefact anew; `scratch` is a folder for the while. Raises DataError with a sentence.
    """
    if isinstance(model, Estimator):
        check_no_text(model.estimator, model.path)
    tell("reading the data")
    data, held_out = read_data(model, reference)
    watched = names_watched([column.name for column in data.columns], reference.no_drift)
    features = fitted(model, data.columns, features_of(data, watched))
    notes = settle(model, features, data.rows, data.target)
    classes = (model.classes or ()) if model.task == "classification" else ()
    check_classes(classes, reference.target)
    tell(f"asking the model for {len(data.rows):,} rows")
    # As the table is, to begin with: that the model takes these rows is not believed, whatever the quality is measured on.
    asked = Answering(model, features, classes, None if not isinstance(model, Estimator) else _fitted_on(model))
    for one in [data] if held_out is None else [data, held_out]:
        ask(asked, features, one.rows)
    features = bearing(asked, features, data.rows)
    served = _served(model, reopen, features, classes, data, held_out, asked, scratch, runtime, tell)
    if served.difference.different and not accept_difference:
        raise DataError(_differs(served))
    measured = data if held_out is None or reference.outcomes is not None else held_out
    truth = measured.target(model.task == "classification")
    told = list(reference.outcomes) if reference.outcomes is not None else ask(served.answering, served.features, measured.rows)
    if model.task == "classification":
        predictions, quality = classification(told, labels_of(truth, classes), classes, len(data.rows))
    else:
        predictions, quality = regression(told, numbers_of(truth), len(data.rows))
    try:
        profile = Profile(
            task=model.task,
            target=reference.target,
            classes=classes,
            rows=len(data.rows),
            features=served.features,
            predictions=predictions,
            quality=quality,
            quality_rows=len(told),
        )
    except ValidationError as wrong:
        first = wrong.errors()[0]
        raise DataError(f"No profile can be made from the data ({'.'.join(map(str, first['loc']))}: {first['msg']}).") from None
    return Profiled(
        profile=profile,
        held_out=held_out,
        runtime=served.choice.runtime,
        why=served.choice.why,
        container=served.container,
        comparison=served.comparison,
        graph=served.choice.converted,
        output=model.output,
        microseconds=served.choice.microseconds,
        warnings=[*model.notes, *notes, *_warnings(model, reference, profile, data, served, told)],
    )


def _fitted_on(model: Estimator) -> Container:
    return "array" if model.columns is None else "frame"


def _served(
    model: Artefact,
    reopen: Callable[[], Artefact],
    features: tuple[Feature, ...],
    classes: tuple[str, ...],
    data: Data,
    held_out: Data | None,
    asked: Answering,
    scratch: Path,
    wanted: Runtime | None,
    tell: Callable[[str], None],
) -> _Served:
    """Hold the model to the rule, in the cheapest way that keeps it."""
    tables = [data] if held_out is None else [data, held_out]
    rows = sum(len(one.rows) for one in tables)
    if not isinstance(model, Estimator):
        if wanted == "sklearn":
            raise DataError("The model is an ONNX graph, which scikit-learn can't run: leave --runtime away.")
        every = [row for one in tables for row in one.rows]
        expected = Expected(every, asked.indexed(every))
        found = compare(asked.indexed, expected, tolerance=TOLERANCE_ONNX)
        comparison = comparison_of(
            found, against=f"{model.runtime}, all rows at once", rows=rows, gaps=0, tolerance=TOLERANCE_ONNX
        )
        return _Served(asked, features, model.container, Choice("onnx", "the model is an ONNX graph"), comparison, found)
    expected = expected_of(model, data.table, data.rows)
    if held_out is not None:
        expected = expected + expected_of(model, held_out.table, held_out.rows)
    gaps = 0
    for one in tables:
        more = with_gaps(model, one.table, one.rows, features)
        if more is not None:
            expected, gaps = expected + more, gaps + len(more.rows)

    def reopened() -> Estimator:
        again = reopen()
        assert isinstance(again, Estimator)  # noqa: S101 - as it was before
        return again

    tell(f"comparing {len(expected.rows):,} answers with the fitted model's own, in batches and alone")
    layout = layout_of(model, reopened, features, classes, expected)
    if layout.difference.different:
        choice = Choice("sklearn", "its answers differ from the fitted model's, so no graph was made")
    else:
        tell("converting the model to ONNX, and comparing its answers")
        choice = choose_runtime(
            model, layout.answering, layout.features, classes, layout.container, expected, data.rows, scratch, wanted=wanted
        )
    if wanted == "onnx" and choice.runtime != "onnx":
        raise DataError(f"The model can't be served by ONNX Runtime: {choice.why}. Leave --runtime onnx away.")
    graph = choice.runtime == "onnx" and choice.graph is not None
    found = choice.difference if graph and choice.difference is not None else layout.difference
    comparison = comparison_of(
        found,
        against=model.runtime,
        rows=rows,
        gaps=gaps,
        between=choice.between if graph else 0,
        tolerance=TOLERANCE_ONNX if graph else TOLERANCE_ESTIMATOR,
    )
    answering = choice.graph if graph and choice.graph is not None else layout.answering
    return _Served(answering, layout.features, layout.container, choice, comparison, found)


def _differs(served: _Served) -> str:
    found, compared = served.difference, served.comparison
    rows = compared.rows + compared.with_gaps
    return (
        f"The served answers would differ from the fitted model's own for {found.different:,} of {rows:,} rows "
        f"({found.different / rows:.1%}; {found.classes_different:,} with another class): {found.sentence}. "
        "Fit a pipeline whose answer for a row depends on this row alone, or say --accept-difference."
    )


def _warnings(
    model: Artefact, reference: Reference, profile: Profile, data: Data, served: _Served, told: Sequence[Outcome]
) -> list[str]:
    warnings = []
    found, compared = served.difference, served.comparison
    if found.different:
        rows = compared.rows + compared.with_gaps
        warnings.append(
            f"Accepted: the answers differ from the fitted model's own for {found.different:,} of {rows:,} rows "
            f"({found.different / rows:.1%}; {found.classes_different:,} with another class): {found.sentence}."
        )
    if reference.held_out is None and reference.outcomes is None:
        warnings.append(LEARNED_FROM)
    less = sum(one.probabilities is not None and one.confidence != max(one.probabilities) for one in told)
    if less:
        warnings.append(
            f"For {less:,} of {len(told):,} rows the model predicts another class than its most probable one, by a threshold or "
            "a vote of its own: the confidence is the predicted class's probability."
        )
    used = {profile.target, *(feature.name for feature in profile.features)}
    spare = not_used(data.whole, used)
    if spare:
        warnings.append(f"Not used, since the model does not take them: {', '.join(spare[:20])}.")
    constant = [feature.name for feature in profile.features if feature.drift and constant_in_reference(feature)]
    if constant:
        warnings.append(f"The same value in every row: {', '.join(constant)}. Any other value will count as drift.")
    if profile.rows < 200:
        warnings.append(f"Only {profile.rows} rows: only large drift can be distinguished from noise.")
    known = model.known_columns([column.name for column in data.columns])
    for column in data.columns:
        one = known.get(column.name)
        if column.kind == "categorical" and one is not None and one.categories is not None:
            said = unknown_categories(column.name, column.values, one.categories)
            warnings += [said] if said else []
    return warnings + clock_notes(data.columns, {feature.name for feature in profile.features if feature.drift})
