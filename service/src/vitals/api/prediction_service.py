"""The one way from rows to answers: the model is asked, everything is counted, and each answer gets its id."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from vitals.api.requests.rows import RequestRow
from vitals.api.state import State
from vitals.bundle.bins import Value
from vitals.bundle.schema import Feature
from vitals.errors import ModelTimeout, ServiceProblem
from vitals.model.served import Outcome
from vitals.model_events.prediction import LoggedRows, Prediction
from vitals.model_events.recorder import RequestContext

MOST_LOGGED_BYTES = 65_536
"""What one log record holds of rows: thousands of rows in one request would make records that no store takes."""


@dataclass(slots=True)
class Answer:
    """The model's outcome for one row, and the id that labels refer to."""

    prediction_id: str
    outcome: Outcome


async def answer(state: State, rows: Sequence[RequestRow], asked: RequestContext) -> list[Answer]:
    """Ask the model for `rows`, one or more, in the order of the profile's features; gives as many answers, in the same order.

    asked: the request, from the recorder.

    Rows are counted once the model was asked for them, also where it failed or took too long: rows that break a model are what
    drift may look like first. Refused rows are not, nor those that a full queue, a model that is still being loaded or one that
    hangs turned away: they come again.
    Raises NotReady, Overloaded, ModelTimeout, and what the model raised.
    """
    batcher = state.ready_batcher
    monitoring = state.monitoring
    try:
        outcomes = await batcher.predict(rows, asked)
    except ServiceProblem as unanswered:
        if isinstance(unanswered, ModelTimeout) and unanswered.asked:
            monitoring.asked(rows)
        raise
    except Exception:
        monitoring.asked(rows)
        raise
    monitoring.asked(rows)
    answers = [Answer(monitoring.answered(one.predicted, one.class_index, one.confidence), one) for one in outcomes]
    state.recorder.predictions(
        asked,
        [Prediction(one.prediction_id, one.outcome.predicted, one.outcome.confidence) for one in answers],
        features=_as_json(state, rows) if state.log_features else None,
    )
    return answers


def _as_json(state: State, rows: Sequence[RequestRow]) -> LoggedRows:
    """The first rows, as many as MOST_LOGGED_BYTES hold; how many are left out."""
    features = state.profile.features
    names = [feature.name for feature in features]
    written: list[str] = []
    room = MOST_LOGGED_BYTES - len("[]")
    for row in rows:
        one = json.dumps(dict(zip(names, map(_short, features, row), strict=True)), ensure_ascii=False, separators=(",", ":"))
        room -= len(one.encode()) + bool(written)  # a comma before all but the first
        if room < 0:
            break
        written.append(one)
    return LoggedRows(f"[{','.join(written)}]", len(rows) - len(written))


def _short(feature: Feature, value: Value) -> Value:
    """A number with 12 significant digits: of 16, the Collector's redaction would take one in seven for a card's number."""
    if isinstance(value, float) or (feature.kind == "numeric" and isinstance(value, int) and abs(value) >= 10**12):
        return float(f"{value:.12g}")
    return value
