"""The table of options is fresh."""

from __future__ import annotations

from vitals.checkout import ROOT
from vitals.settings.option_table import MARKERS, as_markdown


def test_the_options_table_is_as_the_settings_are() -> None:
    """`.venv/bin/vitals options --format markdown` prints what belongs there."""
    text = (ROOT / "docs/options.md").read_text()
    begin, end = text.index(MARKERS[0]), text.index(MARKERS[1])
    assert text[begin:end] + MARKERS[1] + "\n" == as_markdown()
