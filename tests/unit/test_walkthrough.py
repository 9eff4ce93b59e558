"""Each address in the walkthrough is what the code builds for that trace."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from vitals.checkout import ROOT
from vitals.lookup.links import Links, TimeRange
from vitals.settings.stack import StackSettings

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
AT = int(datetime(2026, 11, 21, 10, tzinfo=UTC).timestamp()) * 1_000_000_000


def test_the_addresses_are_those_that_the_code_builds() -> None:
    links = Links(StackSettings.load(grafana_port=3000, kibana_port=5601)).of_trace(TRACE, TimeRange.around(AT, AT))
    written = re.findall(r"^http://\S+$", (ROOT / "docs" / "walkthrough.md").read_text(), re.M)
    assert written == [link.url for link in links]
