"""The page of one trace in a real browser: it is laid out, nothing is fetched, and its bars are where the times say."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from vitals.trace_view.page import page

from .test_page import TRACE, view

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(
    BROWSER is None, reason="no Chromium on PATH: install one (on Debian the package chromium) to look at the page"
)
def test_a_browser_lays_the_page_out(tmp_path: Path) -> None:
    file, picture = tmp_path / "trace.html", tmp_path / "trace.png"
    file.write_text(page(view(), []))
    assert BROWSER is not None
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    command += [
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--window-size=1160,700",
    ]
    shown = subprocess.run(
        [*command, "--dump-dom", f"--screenshot={picture}", file.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert TRACE in shown.stdout
    assert shown.stdout.count('class="bar') == 2
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 20_000, "an empty page is smaller"
