"""What the package is called on the package index, and how its extras are installed: one home for sentences that say so."""

from __future__ import annotations

DISTRIBUTION = "vitals-otel"


def install(*extras: str) -> str:
    """The command that installs them."""
    return f"pip install '{DISTRIBUTION}[{','.join(extras)}]'"
