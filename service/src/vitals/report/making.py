"""The steps of a report: which version, its rows and labels, the reference, and the figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vitals.errors import ModelError, ReportError
from vitals.profile.folder import ServedFolder
from vitals.profile.measures import FEWEST_ROWS
from vitals.report.drift import Drift, Quality, feature_drift, prediction_drift, quality
from vitals.report.period import Period
from vitals.report.reading import Events
from vitals.report.reference import Answer, Compared, compared
from vitals.report.rows import Exploded, LoggedRow, labelled, rows_of_predictions
from vitals.stack.progress import Progress
from vitals.stack.stores import Stores

FEWEST_TO_COMPARE = 10
"""Rows on either side without which a report is none."""

_READING = "reading what was logged"
_COMPARING = "comparing"


@dataclass(frozen=True)
class Made:
    """What a report says; `notes` are sentences for a person about what it could not take in."""

    period: Period
    model_name: str
    version: str
    compared: Compared
    features: list[Drift]
    prediction: Drift | None
    quality: Quality
    reference_quality: Quality
    notes: list[str]


def make(
    stores: Stores,
    folder: ServedFolder,
    period: Period,
    *,
    folder_path: Path,
    version: str | None,
    reference: Path | None,
    max_rows: int,
    answer: Answer,
    progress: Progress,
) -> Made:
    """Read what was logged of the folder's model in the period, and compare it.

    Raises ReportError where there is nothing to compare, StackError where Elasticsearch can't be asked, SettingsError for a
    reference that can't be read; each is a sentence that says what to do.
    """
    if "elasticsearch logs" in stores.unused:
        raise ReportError(f"The report reads predictions from Elasticsearch, and {stores.unused['elasticsearch logs']}")
    events, notes = Events(stores.elasticsearch, folder.facts.name), list[str]()
    progress.start(_READING, 5)
    try:
        chosen = _version(events.versions(period), version, folder, period, notes)
        rows = _rows(events, folder, period, chosen, max_rows, progress, notes)
    except Exception:
        progress.failed(_READING)
        raise
    progress.done(_READING, f"{len(rows)} rows, {sum(row.label is not None for row in rows)} labels")

    progress.start(_COMPARING, 3)
    try:
        against = _against(rows, folder, folder_path, reference, answer, notes)
    except Exception:
        progress.failed(_COMPARING)
        raise
    profile = folder.profile
    unwatched = [feature.name for feature in profile.features if not feature.drift]
    if unwatched:
        notes.append(f"Drift is not watched, as `vitals profile --no-drift` said, of: {', '.join(unwatched)}.")
    measured_from = None if against.by_profile else against.reference
    made = Made(
        period=period,
        model_name=folder.facts.name,
        version=chosen,
        compared=against,
        features=feature_drift(profile, against.current, measured_from),
        prediction=prediction_drift(profile, against.current, measured_from),
        quality=quality(profile, against.current),
        reference_quality=quality(profile, against.reference),
        notes=notes,
    )
    progress.done(_COMPARING)
    return made


def _version(found: Mapping[str, int], wanted: str | None, folder: ServedFolder, period: Period, notes: list[str]) -> str:
    """The version to report on; the profile in the model's folder has to be of it."""
    name, ours = folder.facts.name, folder.facts.version
    if not found:
        raise ReportError(
            f"No prediction of the model {name} was logged in {period}: choose an earlier --since, or see `vitals status`."
        )
    listed = ", ".join(f"{version} ({requests} requests)" for version, requests in found.items())
    if wanted is not None and wanted not in found:
        raise ReportError(f"No prediction of {name}'s version {wanted} was logged in {period}; there are {listed}.")
    chosen = wanted or next(iter(found))
    if chosen != ours:
        instead = f", or choose --model-version {ours}" if ours in found else ""
        raise ReportError(
            f"The report would be of {name}'s version {chosen}, and MODEL_DIR holds {ours}, whose bins are others: "
            f"point MODEL_DIR to the folder of {chosen}{instead}."
        )
    if len(found) > 1 and wanted is None:
        notes.append(f"Several versions answered in this time, the report is of the one asked last, {chosen}: {listed}.")
    return chosen


def _rows(
    events: Events, folder: ServedFolder, period: Period, version: str, max_rows: int, progress: Progress, notes: list[str]
) -> list[LoggedRow]:
    """The newest `max_rows` rows of the period with their labels, the oldest first."""
    rows: list[LoggedRow] = []
    requests = without = unreadable = omitted = 0
    cut = False
    for page in events.predictions(period, version):
        found: Exploded = rows_of_predictions(reversed(page), folder.profile)
        requests += len(page)
        without += found.without_features
        unreadable += found.unreadable
        omitted += found.omitted
        rows = found.rows + rows
        progress.note(_READING, f"{requests} requests, {len(rows)} rows")
        # Requests without features count too: a period full of them has an end.
        if cut := len(rows) > max_rows or requests > max_rows:
            rows = rows[-max_rows:]
            break
    if not rows and without:
        raise ReportError(
            f"{requests} requests were logged in {period}, none of them with its features: set LOG_FEATURES=true for the service "
            "(docs/model-monitoring.md says what that means for privacy), restart it, and let it answer for a while."
        )
    if cut:
        notes.append(f"There is more than {max_rows} rows: the report has the newest {len(rows)}; --max-rows takes more.")
    if without:
        notes.append(f"{without} of {requests} requests were logged without features (LOG_FEATURES) and are not in the report.")
    if omitted:
        notes.append(f"{omitted} rows of large requests were answered without being logged (64 kB a request) and are left out.")
    if unreadable:
        notes.append(f"{unreadable} of {requests} requests can't be read back (cut off, or masked) and are left out.")
    if len(rows) < FEWEST_TO_COMPARE:
        raise ReportError(
            f"{len(rows)} rows can be read back from {period}: a report wants {FEWEST_TO_COMPARE} or more, and {FEWEST_ROWS} "
            "for a verdict on drift; choose an earlier --since."
        )
    progress.note(_READING, f"labels of {len(rows)} rows")
    for page in events.labels(row.id for row in rows):
        rows = labelled(rows, page, folder.profile)
    return rows


def _against(
    rows: list[LoggedRow], folder: ServedFolder, folder_path: Path, reference: Path | None, answer: Answer, notes: list[str]
) -> Compared:
    try:
        against = compared(rows, folder.profile, folder_path, reference, answer)
    except ModelError as wrong:
        notes.append(f"The model was not asked for the reference's predictions: {wrong}")
        against = compared(rows, folder.profile, folder_path, reference, None)
    if min(len(against.reference), len(against.current)) < FEWEST_TO_COMPARE:
        raise ReportError(
            f"There are {len(against.current)} rows and {len(against.reference)} to compare them with ({against.what}): "
            f"a report wants {FEWEST_TO_COMPARE} or more of each."
        )
    if len(against.current) < FEWEST_ROWS:
        notes.append(f"{len(against.current)} rows are too few for a verdict on drift: it takes {FEWEST_ROWS}, as in the alerts.")
    return against
