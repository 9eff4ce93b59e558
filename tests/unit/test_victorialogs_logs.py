"""VictoriaLogs's answers as log records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2 as httpx
import pytest

from vitals.lookup.clients import victorialogs

TRACE = "0af7651916cd43dd8448eb211c80319c"


@contextmanager
def answering(*lines: dict[str, str]) -> Iterator[httpx.Client]:
    """A client whose server answers with these lines of JSON."""
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    with httpx.Client(
        base_url="http://127.0.0.1:9428", transport=httpx.MockTransport(lambda _: httpx.Response(200, text=text))
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("moment", "nanoseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-30T14:22:08.123456789Z", 1_796_048_528_123_456_789),
        ("2026-11-30T14:22:08.5Z", 1_796_048_528_500_000_000),
        ("2026-11-30T14:22:08Z", 1_796_048_528_000_000_000),
    ],
)
def test_no_digit_of_a_time_is_lost(moment: str, nanoseconds: int) -> None:
    with answering({"_time": moment, "_msg": "said"}) as client:
        [log] = victorialogs.logs(client, TRACE)
    assert log.time == nanoseconds


def test_what_is_beside_the_attributes_is_none_of_them() -> None:
    found = {
        **{"_time": "2026-11-30T14:22:08.5Z", "_msg": "predicted setosa", "_stream": "{}", "_stream_id": "0", "flags": "1"},
        **{"trace_id": TRACE, "span_id": "b7ad6b7169203331", "severity_text": "INFO", "severity_number": "9"},
        **{"event_name": "ml.prediction", "scope.name": "vitals", "scope.version": "0.1.0"},
        **{"service.name": "iris", "ml.prediction.class": "setosa"},
    }
    with answering(found) as client:
        [log] = victorialogs.logs(client, TRACE)
    assert log.attributes == {"service.name": "iris", "ml.prediction.class": "setosa"}
    told = (log.severity, log.body, log.event, log.logger, log.span_id, log.service)
    assert told == ("INFO", "predicted setosa", "ml.prediction", "vitals", "b7ad6b7169203331", "iris")


def test_nothing_found_is_no_record() -> None:
    with answering() as client:
        assert victorialogs.logs(client, TRACE) == []
