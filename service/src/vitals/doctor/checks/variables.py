"""Whether an `OTEL_*` variable keeps the service from starting, or the canary from being found."""

from __future__ import annotations

from vitals.canary import traced_request
from vitals.canary.canary import ROUTE
from vitals.doctor.finding import Finding
from vitals.doctor.running import Running
from vitals.otel_variables import excludes, wrong_for_service

_CHECK = "variables"


def look(_: Running) -> list[Finding]:
    """Look at this process's variables, which the service has too."""
    found = [Finding(_CHECK, "wrong", sentence) for sentence in wrong_for_service()]
    if name := excludes(ROUTE):
        sentence = f"{name} excludes {ROUTE}: the canary has no trace, and how fresh the stores are is not known."
        found.append(Finding(_CHECK, "warning", sentence))
    if sampler := traced_request.drops():
        sentence = f"{sampler}: traces of the canary are dropped, and how fresh the stores of spans are is not known, or seldom."
        found.append(Finding(_CHECK, "warning", sentence))
    return found or [Finding(_CHECK, "ok", "No OTEL_* variable is wrong, or keeps the canary from being traced.")]
