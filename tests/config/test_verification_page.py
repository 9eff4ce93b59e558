"""docs/verification.md says of each image what was read of it, and of which one."""

from __future__ import annotations

import re

from vitals.checkout import ROOT

PAGE = (ROOT / "docs" / "verification.md").read_text()
FILES = (ROOT / "compose.yaml", *sorted((ROOT / "overlays").glob("*.yaml")))


def test_each_image_has_a_table_for_the_version_that_is_pinned() -> None:
    """An image that is raised has to be read again."""
    text = "\n".join(file.read_text() for file in FILES)
    pinned = set(re.findall(r"_IMAGE:-([^}]+)\}", text))
    ours = {image for image in pinned if image.startswith("vitals:")}
    headings = "\n".join(line for line in PAGE.splitlines() if line.startswith("### "))
    assert set(re.findall(r"`([^`]+)`", headings)) == pinned - ours


def test_each_overlay_is_there() -> None:
    assert not [file.name for file in FILES[1:] if file.name not in PAGE]
