"""Lengths of time as people write them."""

from __future__ import annotations

import pytest

from vitals.settings.durations import is_length, seconds


@pytest.mark.parametrize(
    ("text", "length"),
    [
        *(
            ("500ms", 0.5),
            ("0s", 0),
            ("90s", 90),
            ("30m", 1800),
            ("12h", 43_200),
            ("1d", 86_400),
            ("7d", 604_800),
            ("1w", 604_800),
        ),
        *(("1h30m", 5400), ("1m500ms", 60.5)),
    ],
)
def test_in_seconds(text: str, length: float) -> None:
    assert seconds(text) == length
    assert is_length(text)


@pytest.mark.parametrize("text", ["", "5", "s", "1y", "1.5h", "-1s", "1 h", "1h 30m", "h1", "1H"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a length of time"):
        seconds(text)
    assert not is_length(text)
    assert not is_length([text])
