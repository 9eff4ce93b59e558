"""Why: the last reasons that the Collector's own log gives for what it could not export, each once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from vitals.doctor.finding import Elsewhere, Finding, counted
from vitals.doctor.running import Running

LATELY = timedelta(minutes=5)

_NAME = "collector log"
_TAIL_BYTES = 2_000_000
_MOST = 5
_LONGEST = 300
_STARTS = ("Exporting failed", "failed to index document", "bulk indexer flush error")
"""What is said about exports; some of it at the level info, since it will be tried again."""
_VARYING = re.compile(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b[0-9a-f]{16,}\b|(?<=:)\d{5}(?=->)|\b\d+(\.\d+)?(m?s|µs)\b")
"""Ids, a connection's own port, lengths of time: two reasons that differ in these are the same."""


@dataclass
class Reason:
    """One reason: who said it, in what words, how often, and when last."""

    component: str
    words: str
    times: int
    last: datetime


def look(running: Running) -> list[Finding]:
    """A finding for each reason of late. Raises Elsewhere in a container, which can't see another's log."""
    if running.state is None:
        raise Elsewhere("`docker compose logs collector` has the Collector's words; a container does not see another's.")
    file = running.state / "logs" / "collector.log"
    try:
        reasons = found(tail(file), datetime.now(UTC))
    except OSError as failed:
        raise Elsewhere(f"{file} can't be read ({failed.strerror}).") from None
    if not reasons:
        return [Finding(_NAME, "ok", f"No failed export in the last {LATELY.seconds // 60} min.")]
    return [_told(reason) for reason in reasons[:_MOST]]


def _told(reason: Reason) -> Finding:
    often = "once" if reason.times == 1 else f"{counted(reason.times)} times"
    sentence = f"{reason.component}, {often}, last at {reason.last:%H:%M:%S} UTC: {reason.words}"
    return Finding(
        _NAME, "warning", sentence, {"component": reason.component, "times": reason.times, "last": reason.last.isoformat()}
    )


def tail(file: Path, size: int = _TAIL_BYTES) -> list[str]:
    """The last whole lines of a file that may be being written."""
    with file.open("rb") as log:
        start = max(0, log.seek(0, 2) - size)
        log.seek(start)
        lines = log.read().decode(errors="replace").split("\n")
    return lines[1 if start else 0 : -1]


def found(lines: Iterable[str], now: datetime, within: timedelta = LATELY) -> list[Reason]:
    """The reasons of the last minutes, the most recent first."""
    reasons: dict[tuple[str, str], Reason] = {}
    for record in _records(lines):
        said = record["ts"]
        if now - said > within:
            continue
        component, words = record.get("otelcol.component.id") or "the Collector", _words(record)
        key = (component, _VARYING.sub("…", words))
        reason = reasons.setdefault(key, Reason(component, words, 0, said))
        reason.times, reason.last = reason.times + 1, max(said, reason.last)
    return sorted(reasons.values(), key=lambda reason: reason.last, reverse=True)


def _records(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Those that tell of an export that failed, or of an error anywhere; a line that is no JSON is left out."""
    for line in lines:
        if not line.startswith("{"):
            continue
        try:
            record = json.loads(line)
            record["ts"] = datetime.fromisoformat(record["ts"])
        except (ValueError, LookupError, TypeError):
            continue
        if record.get("level") in ("error", "fatal", "panic") or str(record.get("msg", "")).startswith(_STARTS):
            yield record


def _words(record: dict[str, Any]) -> str:
    """What it says went wrong: the message, with the error, or with what Elasticsearch said of a document."""
    document = [
        str(record[name]) for name in ("http.response.status_code", "error.type", "error.reason", "index") if record.get(name)
    ]
    error = str(record.get("error") or " ".join(document))
    words = ": ".join(part for part in (str(record.get("msg", "")).rstrip("."), " ".join(error.split())) if part)
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"
