"""Following one trace through every store, with patience."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2 as httpx

from vitals.backends.backend_table import LOG_PLACES, Place
from vitals.errors import SettingsError
from vitals.host.http_errors import words_of
from vitals.lookup.clients import Stores
from vitals.lookup.records import TraceView

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
    "victorialogs": (
        "no log record of it. Usual: it is younger than two seconds; nothing was logged in it; "
        "the log level is above the records'; VictoriaLogs was away and the Collector's queue is still being sent; "
        "it was before VictoriaLogs was chosen; it is older than LOGS_RETENTION."
    ),
}
"""What it usually means that a store has nothing of a trace."""


_TRACEPARENT = re.compile(r"(?<![0-9a-f])[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?![0-9a-f])")
_TRACE_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_LONGEST_SHOWN = 80


def checked_trace_id(text: str) -> str:
    """The trace id as 32 small hex digits. Takes what people copy it from, too: a `traceparent` or `traceresponse`, with its name
    or without, a line of a log, a field of JSON. Raises SettingsError where no trace id is in it, or several.
    """
    small = text.lower()
    found: set[str] = set(_TRACEPARENT.findall(small)) or set(_TRACE_ID.findall(small))
    shown = repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…")
    if len(found) > 1:
        raise SettingsError([f"{shown} has {len(found)} trace ids in it: give one of {', '.join(sorted(found))}."])
    if not found or set(only := found.pop()) == {"0"}:
        raise SettingsError([f"{shown} is no trace id: it has 32 hexadecimal digits, as in every answer's `trace_id`."])
    return only


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
        other_logs={place: answers.get(place, []) for place in LOG_PLACES if place in stores.places},
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
        return _why_refused(failed.response)
    address = f"{failed.request.url.host}:{failed.request.url.port}"
    return f"it does not answer at {address} ({type(failed).__name__}); see `vitals status`"


def _why_refused(response: httpx.Response) -> str:
    if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return (
            f"it refuses the password of the user reader ({response.status_code}): it was started with other secrets, "
            "or is another stack's; see `vitals doctor`"
        )
    return f"it answered {response.status_code}: {words_of(response) or 'without a reason'}"
