"""What is wrong with the `OTEL_*` variables, in sentences, before anything reads them.

Some are read when OpenTelemetry is imported, and a wrong one is a traceback there; so nothing here imports it. Of others a wrong
value is a traceback at the start, and of others again it is passed over: then what was asked for does not happen.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import urlsplit

_SIGNALS = ("", "TRACES_", "METRICS_", "LOGS_")
_PREFERENCE = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
_OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN"
_SAMPLER = "OTEL_TRACES_SAMPLER"
_SAMPLERS = ("always_on", "always_off", "traceidratio")

EXCLUDED_URLS = ("OTEL_PYTHON_FASTAPI_EXCLUDED_URLS", "OTEL_PYTHON_EXCLUDED_URLS")
"""Where the URLs are said that get no spans; the first that is set counts."""


@dataclass(frozen=True)
class _Rule:
    """`wrong` says what is wrong with a value, as in "'x' is not a whole number"; nothing where it is right."""

    names: tuple[str, ...]
    wrong: Callable[[str], str]

    def sentences(self) -> Iterator[str]:
        for name in self.names:
            value = os.environ.get(name)
            if value and value.strip() and (why := self.wrong(value)):
                yield f"{name} is wrong: {why}."


def forget_empty() -> None:
    """Take away variables that are empty: they are as none, says the specification, and the SDK fails at some.

    Limits stay: for the SDK an empty one is no limit.
    """
    for name in [name for name, value in os.environ.items() if name.startswith("OTEL_") and not value.strip()]:
        if not name.endswith("_LIMIT"):
            del os.environ[name]


def sdk_disabled() -> bool:
    """Whether OTEL_SDK_DISABLED asks for no telemetry at all."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def _not_ours() -> bool:
    """Whether nothing is made from these variables: the SDK is disabled, or a file configures it."""
    return bool(os.environ.get("OTEL_CONFIG_FILE")) or sdk_disabled()


def wrong_for_imports() -> list[str]:
    """What would be a traceback when OpenTelemetry is imported."""
    return [sentence for rule in _FOR_IMPORTS for sentence in rule.sentences()]


def wrong_for_start() -> list[str]:
    """What would be a traceback when an application starts; nothing where the SDK is disabled or a file configures it."""
    if _not_ours():
        return wrong_for_imports()
    return wrong_for_imports() + [sentence for rule in _FOR_START for sentence in rule.sentences()] + list(_batches())


def wrong_for_service() -> list[str]:
    """What would leave the stack's own service without what was asked for, or the dashboards and rules without its metrics."""
    found = wrong_for_start()
    if _not_ours():
        return found
    return found + [sentence for rule in _PASSED_OVER for sentence in rule.sentences()] + list(_lost_behind_the_collector())


def excludes(route: str) -> str:
    """The variable that keeps a route from being traced, as contrib reads them; nothing where none does."""
    for name in EXCLUDED_URLS:
        if name in os.environ:
            patterns = "|".join(pattern.strip() for pattern in os.environ[name].split(","))
            return name if os.environ[name] and re.search(patterns, f"http://localhost{route}") else ""
    return ""


def _lost_behind_the_collector() -> Iterator[str]:
    preferred = os.environ.get(_PREFERENCE, "").strip().lower()
    if preferred in ("delta", "lowmemory") and "otlp" in (os.environ.get("OTEL_METRICS_EXPORTER") or "otlp"):
        yield f"{_PREFERENCE} is wrong for this service: Prometheus drops the sums that {preferred!r} gives. Leave it out."
    chosen = {name.strip() for name in os.environ.get(_OPT_IN, "http").split(",")}
    if not chosen & {"http", "http/dup"}:
        yield f"{_OPT_IN} is wrong for this service: without `http` in it, dashboards and rules find no requests."


def _batches() -> Iterator[str]:
    """A batch that is larger than its queue is refused by the SDK."""
    for kind in ("BSP", "BLRP"):
        batch, queue = f"OTEL_{kind}_MAX_EXPORT_BATCH_SIZE", f"OTEL_{kind}_MAX_QUEUE_SIZE"
        sizes = [os.environ.get(name, "").strip() for name in (batch, queue)]
        if all(size.isdecimal() for size in sizes) and int(sizes[0]) > int(sizes[1]):
            yield f"{batch} is wrong: {sizes[0]} is not at most {queue}, which is {sizes[1]}."


def _unless(right: object, value: str, what: str) -> str:
    return "" if right else f"{value!r} is not {what}"


def _known(group: str, *others: str, list_of: bool = False, hint: str = "") -> Callable[[str], str]:
    """Names that packages register as entry points."""

    def wrong(value: str) -> str:
        names = [name.strip() for name in value.split(",")] if list_of else [value.strip()]
        if any(name.lower() in others for name in names):
            return ""
        registered = {point.name for point in entry_points(group=group)}
        unknown = [name for name in names if name not in registered]
        there = ", ".join(sorted({*registered, *others}))
        return f"{unknown[0]!r} is not installed; there are {there}{hint}" if unknown else ""

    return wrong


def _one_of(*names: str) -> Callable[[str], str]:
    def wrong(value: str) -> str:
        return _unless(value.strip().lower() in names, value, f"one of {', '.join(names)}")

    return wrong


def _sampler(value: str) -> str:
    return _known("opentelemetry_traces_sampler", *_SAMPLERS, *(f"parentbased_{name}" for name in _SAMPLERS))(value.lower())


def _ratio(value: str) -> str:
    unread = "traceidratio" not in os.environ.get(_SAMPLER, "").lower()
    return _unless(unread or 0 <= _number(value) <= 1, value, "a number from 0 to 1")


def _whole(value: str) -> str:
    return _unless(re.fullmatch(r"\s*\+?0*[1-9][0-9]*\s*", value), value, "a positive whole number")


def _limit(value: str) -> str:
    return _unless(re.fullmatch(r"\s*\+?[0-9]+\s*", value), value, "a whole number, or nothing for no limit")


def _positive(value: str) -> str:
    return _unless(_number(value) > 0, value, "a positive number")


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan


def _patterns(value: str) -> str:
    try:
        re.compile("|".join(pattern.strip() for pattern in value.split(",")))
    except re.error as wrong:
        return f"{value!r} is not a list of regular expressions ({wrong})"
    return ""


def _pairs(value: str) -> str:
    given = [pair.strip() for pair in value.split(",") if pair.strip()]
    # Headers may hold a secret: the value is not told.
    return "" if all(pair.find("=") > 0 for pair in given) else "it is not a list of pairs, as in key=value,other=value"


def _address(value: str) -> str:
    try:
        parts = urlsplit(value if "//" in value else f"//{value}")
        right = parts.port != 0 and bool(parts.hostname or parts.path) and " " not in value.strip()
    except ValueError:
        right = False
    return _unless(right, value, "an address, as in http://127.0.0.1:4317")


def _file(value: str) -> str:
    return _unless(Path(value).is_file() and os.access(value, os.R_OK), value, "a file that can be read")


def _each(name: str) -> tuple[str, ...]:
    return tuple(f"OTEL_EXPORTER_OTLP_{signal}{name}" for signal in _SIGNALS)


_LIMITS = ("ATTRIBUTE", "SPAN_ATTRIBUTE", "EVENT_ATTRIBUTE", "LINK_ATTRIBUTE", "LOGRECORD_ATTRIBUTE", "SPAN_EVENT", "SPAN_LINK")
_LENGTHS = ("ATTRIBUTE", "SPAN_ATTRIBUTE", "LOGRECORD_ATTRIBUTE")
_CAPTURED = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_"

_FOR_IMPORTS = (
    _Rule(
        ("OTEL_PROPAGATORS",),
        _known(
            "opentelemetry_propagator", "none", list_of=True, hint=" (others are packages, such as opentelemetry-propagator-b3)"
        ),
    ),
    _Rule(("OTEL_PYTHON_CONTEXT",), _known("opentelemetry_context")),
    *(
        _Rule((f"OTEL_PYTHON_{kind}_PROVIDER",), _known(f"opentelemetry_{kind.lower()}_provider"))
        for kind in ("TRACER", "METER", "LOGGER")
    ),
    _Rule(tuple(f"OTEL_{of}_COUNT_LIMIT" for of in _LIMITS) + tuple(f"OTEL_{of}_VALUE_LENGTH_LIMIT" for of in _LENGTHS), _limit),
    _Rule(EXCLUDED_URLS, _patterns),
)

_FOR_START = (
    _Rule(
        tuple(
            f"OTEL_{kind}_{of}"
            for kind in ("BSP", "BLRP")
            for of in ("SCHEDULE_DELAY", "MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE", "EXPORT_TIMEOUT")
        ),
        _whole,
    ),
    _Rule(("OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT", *_each("TIMEOUT")), _positive),
    _Rule(("OTEL_METRICS_EXEMPLAR_FILTER",), _one_of("trace_based", "always_on", "always_off")),
    _Rule(_each("COMPRESSION"), _one_of("none", "gzip", "deflate")),
    _Rule(_each("ENDPOINT"), _address),
    _Rule((*_each("CERTIFICATE"), *_each("CLIENT_KEY"), *_each("CLIENT_CERTIFICATE")), _file),
    _Rule(("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS",), _known("opentelemetry_resource_detector", "*", list_of=True)),
    _Rule(
        (
            *(f"{_CAPTURED}{of}" for of in ("SERVER_REQUEST", "SERVER_RESPONSE", "CLIENT_REQUEST", "CLIENT_RESPONSE")),
            f"{_CAPTURED}SANITIZE_FIELDS",
        ),
        _patterns,
    ),
)

_PASSED_OVER = (
    _Rule((_SAMPLER,), _sampler),
    _Rule(("OTEL_TRACES_SAMPLER_ARG",), _ratio),
    _Rule((_PREFERENCE,), _one_of("cumulative", "delta", "lowmemory")),
    _Rule(
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",),
        _one_of("explicit_bucket_histogram", "base2_exponential_bucket_histogram"),
    ),
    _Rule(("OTEL_PYTHON_ID_GENERATOR",), _known("opentelemetry_id_generator")),
    _Rule(_each("HEADERS"), _pairs),
    _Rule(("OTEL_RESOURCE_ATTRIBUTES",), _pairs),
)
