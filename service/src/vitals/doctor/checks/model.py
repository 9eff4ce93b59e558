"""Whether the service's model answers: it may be loading, may not have been loaded at all, or hang."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx

from vitals.doctor.finding import Away, Finding
from vitals.doctor.running import ANSWER_SECONDS, Running

_NAME = "model"
_TRIALS_A_WORKER = 4


def look(running: Running) -> list[Finding]:
    """A finding about the model. Raises Away where the service does not answer.

    Of several workers one answers, whichever takes the connection: they are asked so often that each should have been once.
    """
    url = running.components["service"].health_url
    many = 1 if running.workers == 1 else running.workers * _TRIALS_A_WORKER
    answers = []
    for _ in range(many):
        try:
            answers.append(httpx.get(url, timeout=ANSWER_SECONDS, trust_env=False))
        except httpx.HTTPError as failed:
            raise Away(f"service does not answer ({type(failed).__name__}).") from None
        if answers[-1].is_error:
            break
    return [told(answers[-1].status_code, _document(answers[-1]), how_to_restart=running.how_to_restart("service"))]


def _document(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def told(status: int, document: Any, *, how_to_restart: str) -> Finding:
    """From the answer of `/health/ready`. Raises Away where it is not the model service's."""
    if not isinstance(document, dict) or status not in (200, 503):
        raise Away(f"Something other than the service answers at its address ({status}).")
    if status == 200:
        return Finding(_NAME, "ok", "The model is loaded and answers.")
    why = str(document.get("detail", ""))
    if "still being loaded" in why:
        return Finding(_NAME, "warning", why)
    return Finding(_NAME, "wrong", f"{why} {_what_to_do(why, how_to_restart)}")


def _what_to_do(why: str, how_to_restart: str) -> str:
    if "has not answered" in why:
        return (
            f"Requests are answered 503 until it does. {how_to_restart} if it does not; "
            "a model that is only slow needs a longer PREDICT_TIMEOUT."
        )
    return f"The service's log has the whole error; {how_to_restart} once it is repaired."
