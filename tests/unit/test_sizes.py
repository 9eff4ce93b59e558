"""Sizes as Java, Docker and Elasticsearch write them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import vitals
from vitals.settings.sizes import size


@pytest.mark.parametrize(
    ("text", "length"),
    [("0", 0), ("512m", 512 * 1024**2), ("1536M", 1536 * 1024**2), ("10kb", 10_240), ("20gb", 20 * 1024**3), ("1tb", 1024**4)],
)
def test_in_bytes(text: str, length: int) -> None:
    assert size(text) == length


@pytest.mark.parametrize("text", ["", "m", "-1m", "1.5g", "1 gb", "64MiB", "90%", "1m2k"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        size(text)


def test_nothing_else_reads_lengths_or_sizes_or_knows_hosts() -> None:
    """One place each: a table of units, or of the addresses that mean everywhere, is in its own module only."""
    folder = Path(vitals.__file__).parent
    telemetry = {"telemetry/defaults.py", "telemetry/delivery/exporters.py"}  # it stands alone
    homes = {
        re.compile(r"""["'](ms|h|mb|gb|[mg])["']: ?[\d_.a-zA-Z*]+,"""): {"settings/durations.py", "settings/sizes.py"},
        re.compile(r"1024 ?\*\* ?\d|1024 \* 1024"): {"settings/sizes.py", *telemetry},
        re.compile(r"""["'](::|0\.0\.0\.0)["']"""): {"host/addresses.py", "telemetry/requests/middleware.py"},
    }
    for pattern, where in homes.items():
        found = {str(path.relative_to(folder)) for path in folder.rglob("*.py") if pattern.search(path.read_text())}
        assert found - {"settings/sizes.py"} == where - {"settings/sizes.py"}, pattern.pattern
