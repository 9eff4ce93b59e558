"""`process.*` and `cpython.gc.*`: each application's provider reports the process that serves it."""

from __future__ import annotations

from typing import Any

from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor
from opentelemetry.metrics import MeterProvider

_METRICS: dict[str, list[str] | None] = {
    "process.cpu.time": ["user", "system"],
    "process.memory.usage": None,
    "process.memory.virtual": None,
    "process.open_file_descriptor.count": None,
    "process.thread.count": None,
    "process.context_switches": ["involuntary", "voluntary"],
    "cpython.gc.collections": None,
    "cpython.gc.collected_objects": None,
    "cpython.gc.uncollectable_objects": None,
}


class _OneProvidersMetrics(SystemMetricsInstrumentor):
    """An instrumentor is one object a process; this one is made anew for each provider."""

    def __new__(cls, *_: Any, **__: Any) -> _OneProvidersMetrics:
        return object.__new__(cls)


def report_process(provider: MeterProvider) -> None:
    """Let a provider of ours report the process."""
    _OneProvidersMetrics(config=_METRICS).instrument(meter_provider=provider)


def report_process_once() -> None:
    """Let a global provider that somebody else has set report the process, unless it does so already."""
    process_metrics = SystemMetricsInstrumentor(config=_METRICS)
    if not process_metrics.is_instrumented_by_opentelemetry:
        process_metrics.instrument()
