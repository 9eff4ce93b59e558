"""A process that is forked after its telemetry started delivers for itself, and its parent goes on."""

from __future__ import annotations

import os
import subprocess
import sys

from .test_delivery import HttpReceiver

_PROGRAM = """
import os, sys
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from vitals.telemetry.delivery.exporters import delivering

exporter = delivering("traces", OTLPSpanExporter, buffer_bytes=100000, shutdown_seconds=10)

def export(name):
    span = TracerProvider().get_tracer("test").start_span(name)
    span.end()
    exporter.export([span])

export("before")
assert exporter.force_flush()
child = os.fork()
if child == 0:
    export("child")
    exporter.shutdown()
    os._exit(0)
export("parent")
exporter.shutdown()
assert os.waitpid(child, 0)[1] == 0
"""


def test_parent_and_child_both_deliver() -> None:
    receiver = HttpReceiver()
    address = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{receiver.port}/v1/traces", "NO_PROXY": "127.0.0.1"}
    try:
        subprocess.run([sys.executable, "-c", _PROGRAM], env={**os.environ, **address}, timeout=60, check=True)
    finally:
        receiver.stop()
    assert sorted(receiver.names) == ["before", "child", "parent"]
