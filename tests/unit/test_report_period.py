"""The time that a report is about, as people write it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vitals.errors import SettingsError
from vitals.report.period import Period

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "until", "seconds"),
    [
        ("1h", None, 3600),
        ("90s", None, 90),
        ("2d", "1d", 86400),
        ("2026-11-21T09:00", None, 3600),
        ("2026-11-21T11:00+02:00", None, 3600),
    ],
)
def test_periods_as_people_write_them(since: str, until: str | None, seconds: int) -> None:
    period = Period.of(since, until, now=NOW)
    assert (period.until - period.since).total_seconds() == seconds


@pytest.mark.parametrize(("since", "until"), [("yesterday", None), ("0h", None), ("1h", "2h"), ("1h", "soon"), ("999999w", None)])
def test_wrong_periods_are_sentences(since: str, until: str | None) -> None:
    with pytest.raises(SettingsError, match=r"--since|--until"):
        Period.of(since, until, now=NOW)
