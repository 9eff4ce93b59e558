"""The engines' configuration files: one home for where they are, in a checkout and where the package is installed.

They are only read. What an engine writes beside its configuration gets a copy in the state folder.
"""

from __future__ import annotations

from pathlib import Path

from vitals.checkout import INSTALLED, ROOT, SHARED_FILES

CONFIGURATION = Path(__file__).resolve().parent / SHARED_FILES if INSTALLED else ROOT
"""The folder that holds native/, otel-collector/, elk/, prom-graf/ and docs/runbooks/."""

RUNBOOKS = "docs/runbooks/"


def runbook(alert: str) -> str:
    """Where the runbook of an alert is: a path inside the checkout, or the whole path in an installed package."""
    return f"{CONFIGURATION}/{RUNBOOKS}{alert}.md" if INSTALLED else f"{RUNBOOKS}{alert}.md"
