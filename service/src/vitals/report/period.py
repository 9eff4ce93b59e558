"""The time that a report is about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vitals.errors import SettingsError
from vitals.settings.durations import seconds

_AGO = re.compile(r"([1-9]\d{0,5})\s*([smhdw])")


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` to `until`, in UTC; the end is not in it."""

    since: datetime
    until: datetime

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%d %H:%M:%S} to {self.until:%Y-%m-%d %H:%M:%S} UTC"

    @classmethod
    def of(cls, since: str, until: str | None, *, now: datetime | None = None) -> Period:
        """From what a person writes: `90s`, `30m`, `1h`, `2d`, `1w` before now, or an ISO 8601 time (UTC where it names no zone).

        Raises SettingsError with a sentence for what is neither, and where nothing is between the two.
        """
        now = now or datetime.now(UTC)
        period = cls(_moment("--since", since, now), now if until is None else _moment("--until", until, now))
        if period.since >= period.until:
            raise SettingsError([f"--since is not before --until: nothing is between {period}."])
        return period


def _moment(option: str, text: str, now: datetime) -> datetime:
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago is not None:
            return now - timedelta(seconds=seconds(ago[1] + ago[2]))
        moment = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise SettingsError(
            [f"{option} is wrong: {text!r} is neither a length of time (30m, 1h, 2d) nor a time (2026-11-21T10:00)."]
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
