"""Features that go with the clock or the calendar: any short window of requests looks like drift of them.

They are known by their names together with their values (`pickup_hour` with numbers from 0 to 23), by their categories
(Mon, Tue, …), or because they rise from row to row.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

import numpy as np
import pandas as pd

from vitals.profiling.reading.columns import Column

MINUTE, HOUR, DAY, WEEK, MONTH, YEAR = "a minute", "an hour", "a day", "a week", "a month", "a year"

_CYCLES: tuple[tuple[str, float, str], ...] = (
    (r"second|sec", 60, MINUTE),
    (r"minute", 60, HOUR),
    (r"hour|hr|hod|hourofday|time of day|timeofday", 24, DAY),
    (r"minute of day|minuteofday", 1440, DAY),
    (r"time of day|timeofday|seconds? of day|secondofday", 86400, DAY),
    (r"night|daytime|daylight|morning|afternoon|evening", 1, DAY),
    (r"weekday|wday|dow|dayofweek|day", 7, WEEK),
    (r"weekend|workday|workingday|working day|businessday|business day", 1, WEEK),
    (r"day|mday|dom|dayofmonth", 31, MONTH),
    (r"day|yday|doy|dayofyear", 366, YEAR),
    (r"week|woy|weekofyear|weeknum", 53, YEAR),
    (r"month|mnth|mth", 12, YEAR),
    (r"quarter|qtr|season", 4, YEAR),
    (r"holiday", 1, YEAR),
)
"""Words of a name, the largest value (the smallest is 0), and how long it takes until the values come again."""

_MOVING_ON = re.compile(r"\b(timestamp|epoch|unixtime|datetime|date|year|yr)\b")
_FIRST_YEAR, _LAST_YEAR = 1900, 2200

_NO_CLOCK = re.compile(
    r"\b(per|since|until|till|ago|avg|mean|average|total|sum|count|num|n|number of|duration|elapsed|length|age|lag|rate|"
    r"birth|born|built|build|construction|model|made|manufactured?|release[d]?|founded|vintage|remodel(ed)?)\b"
)
"""Words beside which `hour` or `year` is an amount, or stays what it is."""

_WAVE = re.compile(r"\b(sin|cos|sine|cosine)\b")

_DAYS = "monday tuesday wednesday thursday friday saturday sunday"
_MONTHS = "january february march april may june july august september october november december"
_CATEGORIES: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset(_DAYS.split()) | {day[:3] for day in _DAYS.split()} | {"tues", "thur", "thurs", "weekday", "weekend"}, WEEK),
    (frozenset(_MONTHS.split()) | {month[:3] for month in _MONTHS.split()} | {"sept"}, YEAR),
    (frozenset({"spring", "summer", "autumn", "fall", "winter"}), YEAR),
    (frozenset({"morning", "noon", "afternoon", "evening", "night", "day", "am", "pm"}), DAY),
)

_RISING = 0.95
_DIFFERENT = 20


def clock_notes(columns: Sequence[Column], watched: Collection[str]) -> list[str]:
    """Sentences on those of `columns`, rows in the data's order, that go with the clock and whose drift is `watched`."""
    looked_at = [column for column in columns if column.name in watched]
    cycles = {column.name: found for column in looked_at if (found := cycle_of(column)) is not None}
    moving = [column.name for column in looked_at if column.name not in cycles and moves_on(column)]
    notes = []
    if cycles:
        listed = ", ".join(f"{name} ({cycle})" for name, cycle in cycles.items())
        notes.append(
            f"By name and values, these features follow the clock or the calendar: {listed}. The alerts' window of an hour has "
            f"only some of these values, which looks like drift every day. To leave them out of drift: {_options(cycles)}."
        )
    if moving:
        notes.append(
            f"By name, or because their values rise or fall with the rows, these features are like a time or a counter: "
            f"{', '.join(moving)}. New values lie beyond the reference's, which looks like drift every day. "
            f"To leave them out of drift: {_options(moving)}."
        )
    return notes


def cycle_of(column: Column) -> str | None:
    """How long until the values of `column` come again, in words; None where it has no cycle that can be told."""
    name = _words(column.name)
    if column.kind == "categorical" and len({str(value) for value in column.present}) > 1:
        different = {str(value).strip().lower() for value in column.present}
        for known, cycle in _CATEGORIES:
            if different <= known:
                return cycle
    if _NO_CLOCK.search(name):
        return None
    named = [(highest, cycle) for pattern, highest, cycle in _CYCLES if re.search(rf"\b({pattern})\b", name)]
    if not named:
        return None
    try:
        values = np.array(column.present, dtype=np.float64)
    except ValueError:  # text whose name says it: the season `high`
        return named[0][1] if len(set(column.present)) > 1 and named[0][1] not in (MINUTE, HOUR) else None
    low, high, count = float(values.min()), float(values.max()), len(np.unique(values))
    if _WAVE.search(name) and low >= -1 and high <= 1 and count > 1:
        return named[0][1]
    whole = bool((values == np.floor(values)).all())
    for highest, cycle in named:
        enough = count > (1 if highest == 1 else 2)  # `same_day` is no day
        wide = high > highest / 2 or (whole and cycle not in (MINUTE, HOUR))
        if low >= 0 and high <= highest and enough and wide:
            return cycle
    return None


def moves_on(column: Column) -> bool:
    """Whether the values rise, or fall, with the rows, or are dates by name: those of later rows lie beyond those of before."""
    if column.kind != "numeric":
        return False
    at = [index for index, value in enumerate(column.values) if value is not None]
    values = pd.Series(column.present, dtype="float64")
    different = values.nunique()
    name = _words(column.name)
    if (named := _MOVING_ON.search(name)) and not _NO_CLOCK.search(name) and different > 1:
        return named[1] not in ("year", "yr") or bool(values.between(_FIRST_YEAR, _LAST_YEAR).all())
    if different < max(_DIFFERENT, len(values) / 2):
        return False
    # Spearman's rank correlation with the row number.
    return bool(abs(np.corrcoef(values.rank(), at)[0, 1]) >= _RISING)


def _words(name: str) -> str:
    """Of a name in any habit of writing, in small letters: `pickupHour`, `pickup-hour` and `PICKUP_HOUR2` are `pickup hour`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return " ".join(re.findall(r"[a-z]+", apart.lower()))


def _options(names: Iterable[str]) -> str:
    return " ".join(f"--no-drift {name}" if re.fullmatch(r"[\w.-]+", name) else f"--no-drift '{name}'" for name in names)
