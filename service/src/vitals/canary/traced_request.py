"""Whether the canary's request is traced, and which variable is why it is not.

The variables are this process's: the stack's processes and its service have the same.
"""

from __future__ import annotations

import os
import random
import re

from vitals.otel_variables import excludes, sdk_disabled

_SAMPLER, _ARGUMENT = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
_PARENT_DECIDES = "parentbased_"


def parent() -> dict[str, str]:
    """Headers that have a sampler keep the canary's trace, where it heeds its caller and would drop some else."""
    chosen = os.environ.get(_SAMPLER, "").strip().lower()
    if not chosen.startswith(_PARENT_DECIDES) or chosen == "parentbased_always_on":
        return {}
    return {"traceparent": f"00-{random.getrandbits(128) | 1:032x}-{random.getrandbits(64) | 1:016x}-01"}


def is_sampled(traceresponse: str) -> bool:
    """What the answer's header says; an answer without one does not say no."""
    found = re.fullmatch(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-([0-9a-f]{2})", traceresponse.strip())
    return found is None or bool(int(found[1], 16) & 1)


def sampler() -> str:
    """What drops traces, by its variable."""
    chosen = os.environ.get(_SAMPLER)
    if chosen is None:
        return f"{_SAMPLER} of the service"
    argument = os.environ.get(_ARGUMENT)
    return f"{_SAMPLER} is {chosen}" + (f", {_ARGUMENT} {argument}" if argument else "")


def drops() -> str:
    """The same, where the sampler drops the canary's trace now and then, or always; nothing where it keeps it."""
    chosen = os.environ.get(_SAMPLER, "").strip().lower()
    ratio = os.environ.get(_ARGUMENT, "1").strip()
    if chosen == "always_off" or (chosen == "traceidratio" and not re.fullmatch(r"1(\.0*)?", ratio)):
        return sampler()
    return ""


def why_untraced(route: str) -> str:
    """Why an answer has no trace id."""
    if sdk_disabled():
        return "the service has no traces: OTEL_SDK_DISABLED is true"
    if name := excludes(route):
        return f"the service does not trace {route}: {name} excludes it"
    names = "OTEL_SDK_DISABLED, OTEL_PYTHON_FASTAPI_EXCLUDED_URLS or OTEL_PYTHON_EXCLUDED_URLS"
    return f"the service does not trace {route}: {names} of the service is why"
