"""The comparison as Evidently draws it: one self-contained page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitals.bundle.classes import class_name
from vitals.bundle.schema import Profile
from vitals.errors import ReportError
from vitals.report.drift import PREDICTION, Drift
from vitals.report.reference import Compared
from vitals.report.rows import LoggedRow

if TYPE_CHECKING:
    import pandas

TARGET = "(label)"
METHOD = "psi_in_the_profiles_bins"

_PLAIN = str.maketrans({"<": "‹", ">": "›", "&": "＆"})  # noqa: RUF001 - alike on purpose
"""Evidently writes names and values into the page's script as they are, and some of them came with requests."""


class Page:
    """Evidently's report of one comparison.

    The verdict on each column is ours, in the profile's bins and with its threshold: the page says what the dashboards say.
    Raises ReportError where Evidently is not installed.
    """

    def __init__(self, profile: Profile) -> None:
        if find_spec("evidently") is None:
            raise ReportError(
                "The report is drawn by Evidently, which is not installed: install vitals-otel[report], or use --json alone."
            )
        # Evidently sends usage figures home unless this is set before it is imported, which takes seconds and comes last.
        os.environ["DO_NOT_TRACK"] = "1"
        self._profile = profile

    def write(self, path: Path, compared: Compared, drifts: Sequence[Drift], prediction: Drift | None) -> list[str]:
        """Write the page to `path`; gives a sentence for each part that had to be left out.

        Raises ReportError where the file can't be written.
        """
        reference, current = self._frame(compared.reference), self._frame(compared.current)
        left_out = self._without_empty_columns(reference, current)
        quality = all(column in frame for frame in (reference, current) for column in (PREDICTION, TARGET))
        if not quality:
            left_out.append(
                "Quality is not in the page: Evidently wants labels and predictions both among the rows and in the reference."
            )
        watched = [one for one in drifts if one.watched]
        measured = {_plain(one.name): one for one in (*watched, *([prediction] if prediction else []))}
        try:
            made = self._run(reference, current, measured, quality=quality)
        except (ValueError, KeyError, IndexError, TypeError) as wrong:
            # What Evidently raises where it can't compute a figure, as with one class only. Drift and data remain.
            if not quality:
                raise ReportError(f"Evidently could not make the report ({type(wrong).__name__}: {wrong}).") from wrong
            made = self._run(reference, current, measured, quality=False)
            left_out.append(f"Quality is not in the page: Evidently could not compute it ({str(wrong) or type(wrong).__name__}).")
        try:
            made.save_html(str(path))
        except OSError as wrong:
            raise ReportError(f"{path} can't be written ({wrong.strerror}): choose another file with -o.") from None
        return left_out

    def _run(self, reference: pandas.DataFrame, current: pandas.DataFrame, measured: dict[str, Drift], *, quality: bool) -> Any:
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset, DataSummaryPreset

        kinds = self._kinds(current, quality=quality)
        definition = DataDefinition(**kinds, **(self._task() if quality else {}))
        columns = [name for name in current.columns if name in measured]
        _register(measured)
        presets: list[Any] = [
            DataDriftPreset(
                columns=columns,
                method=METHOD,
                per_column_threshold={name: measured[name].psi_threshold for name in columns},
            ),
            DataSummaryPreset(columns=[name for name in map(_plain, self._names_of_features()) if name in current]),
        ]
        if quality:
            presets.append(self._quality_preset())
        # Without Evidently's own tests: their limits are not ours.
        return Report(presets, include_tests=False).run(
            Dataset.from_pandas(current, data_definition=definition), Dataset.from_pandas(reference, data_definition=definition)
        )

    def _frame(self, rows: Sequence[LoggedRow]) -> pandas.DataFrame:
        import pandas as pd

        columns: dict[str, Any] = {}
        for index, feature in enumerate(self._profile.features):
            values = [row.values[index] for row in rows]
            columns[_plain(feature.name)] = _numbers(values) if feature.kind == "numeric" else _names(values)
        for name, answers in ((PREDICTION, [row.predicted for row in rows]), (TARGET, [row.label for row in rows])):
            if any(answer is not None for answer in answers) and name not in columns:
                columns[name] = _names(answers) if self._profile.task == "classification" else _numbers(answers)
        return pd.DataFrame(columns)

    def _kinds(self, frame: pandas.DataFrame, *, quality: bool) -> dict[str, list[str]]:
        numeric = {_plain(feature.name) for feature in self._profile.features if feature.kind == "numeric"}
        if self._profile.task == "regression":
            numeric |= {PREDICTION, TARGET}
        used = [name for name in frame.columns if quality or name != TARGET]
        return {
            "numerical_columns": [name for name in used if name in numeric],
            "categorical_columns": [name for name in used if name not in numeric],
        }

    def _without_empty_columns(self, reference: pandas.DataFrame, current: pandas.DataFrame) -> list[str]:
        """Take columns without any value on one side out of both: Evidently refuses them."""
        said = []
        for name in map(_plain, self._names_of_features()):
            empty = [side for side, frame in (("reference", reference), ("rows", current)) if frame[name].isna().all()]
            if empty:
                for frame in (reference, current):
                    frame.drop(columns=name, inplace=True)
                said.append(f"{name} is not in the page: it has no value at all in the {empty[0]}.")
        for frame, other in ((reference, current), (current, reference)):
            for name in (PREDICTION, TARGET):
                if name in frame and name not in other:
                    frame.drop(columns=name, inplace=True)
        return said

    def _names_of_features(self) -> list[str]:
        return [feature.name for feature in self._profile.features]

    def _task(self) -> dict[str, list[Any]]:
        from evidently import BinaryClassification, MulticlassClassification, Regression

        if self._profile.task == "regression":
            return {"regression": [Regression(target=TARGET, prediction=PREDICTION)]}
        if len(self._profile.classes) == 2:
            positive = _plain(self._profile.classes[1])
            return {"classification": [BinaryClassification(target=TARGET, prediction_labels=PREDICTION, pos_label=positive)]}
        return {"classification": [MulticlassClassification(target=TARGET, prediction_labels=PREDICTION)]}

    def _quality_preset(self) -> Any:
        from evidently.presets import ClassificationPreset, RegressionPreset

        return RegressionPreset() if self._profile.task == "regression" else ClassificationPreset()


def _plain(text: str) -> str:
    return text.translate(_PLAIN)


def _register(measured: dict[str, Drift]) -> None:
    """Make the figures that were already computed Evidently's drift measure: it looks each column's up by name."""
    from evidently.legacy.calculations.stattests import StatTest, register_stattest
    from evidently.legacy.core import ColumnType

    def looked_up(_reference: Any, current: Any, _kind: Any, _threshold: float) -> tuple[float, bool]:
        one = measured[current.name]
        assert one.psi is not None  # noqa: S101 - only those that are watched are measured
        return one.psi, bool(one.drifted)

    either = [ColumnType.Numerical, ColumnType.Categorical]
    register_stattest(StatTest(METHOD, "PSI in the profile's bins", either, default_threshold=0.2), looked_up)


def _numbers(values: Sequence[Any]) -> Any:
    import pandas as pd

    return pd.Series([None if value is None else float(value) for value in values], dtype="float64")


def _names(values: Sequence[Any]) -> Any:
    import pandas as pd

    return pd.Series([None if value is None else _plain(class_name(value)) for value in values], dtype="object")
