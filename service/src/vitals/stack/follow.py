"""Following one trace through every store, with patience."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2 as httpx

from vitals.errors import SettingsError
from vitals.stack.records import Place, TraceView
from vitals.stack.stores import Stores

_POLL_SECONDS = 0.2

HINTS: dict[Place, str] = {
    "prometheus": (
        "no exemplar names it. Usual: a histogram keeps one exemplar a bucket and second, so of many requests "
        "only some have one; those of the last second are still to come; exemplars of more than six hours ago are not searched; "
        "an unsampled trace has none."
    ),
    "elasticsearch spans": (
        "no span of it. Usual: it is younger than two seconds; "
        "Elasticsearch was away and the Collector's queue is still being sent; the trace was not sampled; "
        "it is older than TRACES_RETENTION."
    ),
    "jaeger": (
        "no span of it. Usual: it is younger than two seconds; Jaeger was away and the Collector's queue is still being sent; "
        "the trace was not sampled; it is older than TRACES_RETENTION."
    ),
    "elasticsearch logs": (
        "no log record of it. Usual: it is younger than two seconds; nothing was logged in it; "
        "the log level is above the records'; Elasticsearch was away and the Collector's queue is still being sent."
    ),
    "loki": (
        "no log record of it. Usual: it is younger than two seconds; nothing was logged in it; "
        "the log level is above the records'; Loki was away and the Collector's queue is still being sent; "
        "it was before Loki was chosen, or more than seven days ago."
    ),
}
"""What it usually means that a store has nothing of a trace."""


def checked_trace_id(text: str) -> str:
    """The trace id as 32 small hex digits; takes a whole `traceparent` too. Raises SettingsError for anything else."""
    found = re.fullmatch(r"(?:[0-9a-f]{2}-)?([0-9a-f]{32})(?:-[0-9a-f]{16}-[0-9a-f]{2})?", text.strip().lower())
    if found is None or set(found[1]) == {"0"}:
        raise SettingsError([f"{text!r} is no trace id: it has 32 hexadecimal digits, as in every answer's `trace_id`."])
    return found[1]


def look(stores: Stores, trace_id: str) -> TraceView:
    """Ask every store that is in use once, side by side."""
    questions = stores.questions()
    answers: dict[Place, list[Any]] = {}
    unreachable: dict[Place, str] = {}
    with ThreadPoolExecutor(max(1, len(questions))) as at_once:
        asked = {place: at_once.submit(question, trace_id) for place, question in questions.items()}
    for place in asked:
        try:
            answers[place] = asked[place].result()
        except httpx.HTTPError as failed:
            unreachable[place] = _why(failed)
        except (ValueError, LookupError, TypeError) as strange:
            unreachable[place] = f"what answers there does not speak as it should ({type(strange).__name__}); see `vitals status`"
    return TraceView(
        trace_id=trace_id,
        exemplars=answers.get("prometheus", []),
        elasticsearch_spans=answers.get("elasticsearch spans", []),
        jaeger_spans=answers.get("jaeger", []),
        elasticsearch_logs=answers.get("elasticsearch logs", []),
        loki_logs=answers.get("loki", []),
        places=stores.places,
        unused=stores.unused,
        unreachable=unreachable,
    )


def reason(view: TraceView, place: Place) -> str:
    """Why the trace is not in `place`: known, or what it usually means."""
    return view.unused.get(place) or view.unreachable.get(place) or HINTS[place]


def follow(
    stores: Stores,
    trace_id: str,
    *,
    wait_seconds: float,
    until: Callable[[TraceView], bool] = lambda view: view.complete,
) -> TraceView:
    """Ask until the view is as `until` wants it (by default: every store in use has the trace), for `wait_seconds` at most."""
    deadline = time.monotonic() + wait_seconds
    while True:
        view = look(stores, trace_id)
        left = deadline - time.monotonic()
        if until(view) or left <= 0:
            return view
        time.sleep(min(_POLL_SECONDS, left))


def _why(failed: httpx.HTTPError) -> str:
    if isinstance(failed, httpx.HTTPStatusError):
        return f"it answered {failed.response.status_code} ({failed.response.text[:200]})"
    address = f"{failed.request.url.host}:{failed.request.url.port}"
    return f"it does not answer at {address} ({type(failed).__name__}); see `vitals status`"
