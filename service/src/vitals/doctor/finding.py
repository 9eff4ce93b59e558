"""What a check gives: sentences, each with how grave it is and the figures behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["ok", "warning", "wrong", "skipped"]
"""`skipped`: could not be looked at, or need not be; the sentence says why."""


@dataclass(frozen=True)
class Finding:
    """One sentence of the doctor's: what is wrong and what to do, or that something is in order."""

    check: str
    severity: Severity
    sentence: str
    figures: Mapping[str, Any] = field(default_factory=dict)


class Away(Exception):
    """An engine that a check asks does not answer, or not as it should; the message is a sentence about it."""


class Elsewhere(Exception):
    """A check that has nothing to look at here; the message is a sentence that says why."""


def is_well(findings: Iterable[Finding]) -> bool:
    """Whether nothing is wrong; warnings are not."""
    return all(finding.severity != "wrong" for finding in findings)


def counted(number: float) -> str:
    """A count of items for a sentence: `1,091`."""
    return f"{number:,.0f}"


def sized(count: float) -> str:
    """Bytes for a sentence: `9.6 kB`."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def lasting(seconds: float) -> str:
    """A length of time for a sentence: `3 min`."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def listed(names: Iterable[str], most: int = 4) -> str:
    """Names for a sentence, the first few: `a, b and 3 more`."""
    every = list(names)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
