"""Gives a running Kibana our data views, searches and dashboard, through its public HTTP API. Can be run at every start.

The calls, as Kibana's API reference has them (https://www.elastic.co/docs/api/doc/kibana):
- `GET /api/status`: 200 once Kibana works, 503 before; needs no log-in.
- `POST /api/data_views/data_view` with `override`: replaces the view of that id.
- `POST /api/saved_objects/_import?overwrite=true`: multipart, one file whose name ends in `.ndjson` (another name is refused).
- `POST /api/data_views/default` without `force`: a default that someone chose stays.
Every call that changes something carries the header `kbn-xsrf`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx

from vitals.errors import StackError
from vitals.host.progress import Progress, Silent
from vitals.host.secrets import User
from vitals.provisioning.kibana_objects import FOLDER, data_views, ndjson, saved_objects

USER: User = "analyst"
DEFAULT_DATA_VIEW = "vitals-logs"

_STEP = "Kibana"
_USUAL_SECONDS = 60
_POLL_SECONDS = 1.0
_REQUEST_SECONDS = 60.0
_MOST_ERRORS_TOLD = 10


@dataclass(frozen=True)
class Done:
    """The ids of what Kibana has now."""

    data_views: list[str]
    objects: list[str]


def set_up(
    url: str,
    password: str,
    *,
    grafana: str,
    retention: str,
    deadline_seconds: float = 300,
    progress: Progress | None = None,
    folder: Path = FOLDER,
) -> Done:
    """Wait until Kibana works, then give it what is in `folder`; what it already has of ours is replaced.

    `url` is Kibana's address and `password` that of its user `analyst`; `grafana` is the address at which people open Grafana,
    `retention` how long traces are kept, such as 7d.
    Raises StackError when Kibana does not work within the deadline or refuses something: then what was given before stays.
    """
    views, objects = data_views(grafana, retention, folder), saved_objects(folder)
    progress = progress or Silent()
    with httpx.Client(
        base_url=url, auth=(USER, password), headers={"kbn-xsrf": "true"}, timeout=_REQUEST_SECONDS, trust_env=False
    ) as client:
        progress.start(_STEP, _USUAL_SECONDS)
        try:
            _wait_until_it_works(client, deadline_seconds, progress)
            for view in views:
                _asked(client, "/api/data_views/data_view", json={"override": True, "refresh_fields": False, "data_view": view})
            _import(client, objects)
            _asked(client, "/api/data_views/default", json={"data_view_id": DEFAULT_DATA_VIEW, "force": False})
        except StackError:
            progress.failed(_STEP)
            raise
        progress.done(_STEP, "set up")
    return Done([view["id"] for view in views], [one["id"] for one in objects])


def _wait_until_it_works(client: httpx.Client, deadline_seconds: float, progress: Progress) -> None:
    end = time.monotonic() + deadline_seconds
    told = ""
    while True:
        now = _why_not_yet(client)
        if now is None:
            return
        if now != told:
            progress.note(_STEP, now)
            told = now
        if time.monotonic() > end:
            raise StackError(f"Kibana at {client.base_url} was not ready within {deadline_seconds:.0f} s: {now}.")
        time.sleep(_POLL_SECONDS)


def _why_not_yet(client: httpx.Client) -> str | None:
    """None once Kibana works. Asked without a log-in: that is checked by the first call which needs it, and told apart."""
    try:
        answer = client.get("/api/status", timeout=10, auth=None)
    except httpx.TransportError as error:
        return str(error) or type(error).__name__
    if answer.status_code == httpx.codes.OK:
        return None
    level = _within(_json(answer), "status", "overall", "level")
    return f"it is {level}" if isinstance(level, str) else f"it answered {answer.status_code}"


def _import(client: httpx.Client, objects: list[dict[str, Any]]) -> None:
    """All in one call, so that their references are looked up among themselves."""
    file = ("vitals.ndjson", ndjson(objects), "application/ndjson")
    answer = _asked(client, "/api/saved_objects/_import", params={"overwrite": "true"}, files={"file": file})
    failed = answer.get("errors") or []
    if failed or answer.get("success") is not True:
        told = "; ".join(_told(error) for error in failed[:_MOST_ERRORS_TOLD])
        more = f"; and {len(failed) - _MOST_ERRORS_TOLD} more" if len(failed) > _MOST_ERRORS_TOLD else ""
        raise StackError(
            f"Kibana took {answer.get('successCount', 0)} of {len(objects)} saved objects: {told or 'it does not say why'}{more}."
        )


def _told(failed: dict[str, Any]) -> str:
    """One entry of an import's `errors`: a type of error, and for some which references, or a message."""
    error = failed.get("error") or {}
    missing = ", ".join(f"{one.get('type')} {one.get('id')}" for one in error.get("references") or [])
    why = " ".join(str(part) for part in (error.get("type"), error.get("message"), missing and f"({missing})") if part)
    return f"{failed.get('type')} {failed.get('id')}: {why or 'unknown'}"


def _asked(client: httpx.Client, path: str, **request: Any) -> dict[str, Any]:
    try:
        answer = client.post(path, **request)
    except httpx.TimeoutException:
        raise StackError(f"Kibana at {client.base_url} did not answer POST {path} within {_REQUEST_SECONDS:.0f} s.") from None
    except httpx.TransportError as error:
        raise StackError(f"Kibana went away during POST {path}: {error}.") from error
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise StackError(
            f"Kibana at {client.base_url} refuses the password of its user {USER}; "
            "its Elasticsearch was started with other secrets, or the port belongs to another Kibana."
        )
    if answer.status_code == httpx.codes.FORBIDDEN:
        raise StackError(
            f"Kibana does not let its user {USER} do POST {path}: the user needs the role kibana_admin (in users_roles). "
            f"It says: {_reason(answer)}"
        )
    if answer.is_error:
        raise StackError(f"Kibana refused POST {path} with {answer.status_code}: {_reason(answer)}")
    content = _json(answer)
    if not isinstance(content, dict):
        raise StackError(f"What answered POST {path} at {client.base_url} is no Kibana: {answer.text[:200]!r}.")
    return content


def _reason(answer: httpx.Response) -> str:
    message = _within(_json(answer), "message")
    return message[:500] if isinstance(message, str) else answer.text[:500]


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _within(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
