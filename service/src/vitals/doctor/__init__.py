"""Looks at a running stack and names what is wrong in words: a module a check, or a few that belong together."""

from __future__ import annotations

from vitals.doctor.examination import CHECKS, Check, examine, names
from vitals.doctor.finding import Finding, Severity, is_well
from vitals.doctor.running import Running

__all__ = ["CHECKS", "Check", "Finding", "Running", "Severity", "examine", "is_well", "names"]
