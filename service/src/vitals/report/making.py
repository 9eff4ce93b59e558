"""The steps of a report: which version, its rows and labels, the reference, and the figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vitals.bundle.divergences import FEWEST_ROWS
from vitals.bundle.folder import ServedFolder
from vitals.bundle.schema import Profile
from vitals.errors import ModelError, ReportError
from vitals.host.progress import Progress
from vitals.lookup.clients import Stores
from vitals.report.drift import Drift, Quality, feature_drift, prediction_drift, quality
from vitals.report.period import Period
from vitals.report.reading import Events
from vitals.report.reference import Answer, Compared, compared
from vitals.report.rows import Exploded, LoggedRow, labelled, rows_of_predictions

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


@dataclass(frozen=True)
class Wanted:
    """What a report is to be about.

    folder, folder_path: the served model and where it is; version: None is the one asked last;
    reference: a file of rows to compare with, None is the model's own; max_rows: the newest so many.
    """

    folder: ServedFolder
    folder_path: Path
    period: Period
    version: str | None
    reference: Path | None
    max_rows: int


def make(stores: Stores, wanted: Wanted, answer: Answer, progress: Progress) -> Made:
    """Read what was logged of the model in the period, and compare it. answer: asks the model about the reference's rows.

    Raises ReportError where there is nothing to compare, StackError where Elasticsearch can't be asked, SettingsError for a
    reference that can't be read; each is a sentence that says what to do.
    """
    if "elasticsearch logs" in stores.unused:
        raise ReportError(f"The report reads predictions from Elasticsearch, and {stores.unused['elasticsearch logs']}")
    events = Events(stores.elasticsearch, wanted.folder.facts.name)
    progress.start(_READING, 5)
    try:
        chosen, of_versions = _version(events.versions(wanted.period), wanted)
        rows, of_rows = _rows(events, wanted, chosen, progress)
    except Exception:
        progress.failed(_READING)
        raise
    progress.done(_READING, f"{len(rows)} rows, {sum(row.label is not None for row in rows)} labels")

    progress.start(_COMPARING, 3)
    try:
        against, of_reference = _against(rows, wanted, answer)
    except Exception:
        progress.failed(_COMPARING)
        raise
    profile = wanted.folder.profile
    measured_from = None if against.by_profile else against.reference
    made = Made(
        period=wanted.period,
        model_name=wanted.folder.facts.name,
        version=chosen,
        compared=against,
        features=feature_drift(profile, against.current, measured_from),
        prediction=prediction_drift(profile, against.current, measured_from),
        quality=quality(profile, against.current),
        reference_quality=quality(profile, against.reference),
        notes=[*of_versions, *of_rows, *of_reference, *_unwatched(profile)],
    )
    progress.done(_COMPARING)
    return made


def _unwatched(profile: Profile) -> list[str]:
    """A note about features whose drift is not watched."""
    names = [feature.name for feature in profile.features if not feature.drift]
    return [f"Drift is not watched, as `vitals profile --no-drift` said, of: {', '.join(names)}."] if names else []


def _version(found: Mapping[str, int], wanted: Wanted) -> tuple[str, list[str]]:
    """The version to report on, with notes; the profile in the model's folder has to be of it."""
    name, ours = wanted.folder.facts.name, wanted.folder.facts.version
    if not found:
        raise ReportError(
            f"No prediction of the model {name} was logged in {wanted.period}: choose an earlier --since, or see `vitals status`."
        )
    listed = ", ".join(f"{version} ({requests} requests)" for version, requests in found.items())
    if wanted.version is not None and wanted.version not in found:
        raise ReportError(
            f"No prediction of {name}'s version {wanted.version} was logged in {wanted.period}; there are {listed}."
        )
    chosen = wanted.version or next(iter(found))
    if chosen != ours:
        instead = f", or choose --model-version {ours}" if ours in found else ""
        raise ReportError(
            f"The report would be of {name}'s version {chosen}, and MODEL_DIR holds {ours}, whose bins are others: "
            f"point MODEL_DIR to the folder of {chosen}{instead}."
        )
    if len(found) > 1 and wanted.version is None:
        return chosen, [f"Several versions answered in this time, the report is of the one asked last, {chosen}: {listed}."]
    return chosen, []


def _rows(events: Events, wanted: Wanted, version: str, progress: Progress) -> tuple[list[LoggedRow], list[str]]:
    """The newest rows of the period with their labels, the oldest first; and notes on what is left out."""
    period, profile, max_rows = wanted.period, wanted.folder.profile, wanted.max_rows
    rows: list[LoggedRow] = []
    notes: list[str] = []
    requests = without = unreadable = omitted = 0
    cut = False
    for page in events.predictions(period, version):
        found: Exploded = rows_of_predictions(reversed(page), profile)
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
        rows = labelled(rows, page, profile)
    return rows, notes


def _against(rows: list[LoggedRow], wanted: Wanted, answer: Answer) -> tuple[Compared, list[str]]:
    """The rows beside their reference, with notes."""
    profile, notes = wanted.folder.profile, list[str]()
    try:
        against = compared(rows, profile, wanted.folder_path, wanted.reference, answer)
    except ModelError as wrong:
        notes.append(f"The model was not asked for the reference's predictions: {wrong}")
        against = compared(rows, profile, wanted.folder_path, wanted.reference, None)
    if min(len(against.reference), len(against.current)) < FEWEST_TO_COMPARE:
        raise ReportError(
            f"There are {len(against.current)} rows and {len(against.reference)} to compare them with ({against.what}): "
            f"a report wants {FEWEST_TO_COMPARE} or more of each."
        )
    if len(against.current) < FEWEST_ROWS:
        notes.append(f"{len(against.current)} rows are too few for a verdict on drift: it takes {FEWEST_ROWS}, as in the alerts.")
    return against, notes
