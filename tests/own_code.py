"""For tests that run the command as another process, with none of the caller's environment."""

from __future__ import annotations

from vitals.checkout import ROOT

OWN_CODE = {"PYTHONPATH": str(ROOT / "service" / "src")}
"""The code under test, also where the environment that runs the tests has another checkout's installed."""
