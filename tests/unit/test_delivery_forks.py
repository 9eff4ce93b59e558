"""A process that is forked after its telemetry started delivers for itself, or nothing, and its parent goes on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from .test_delivery import HttpReceiver

pytestmark = pytest.mark.slow

_BEGIN = """
import os, sys
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from vitals.telemetry.delivery.exporters import delivering

exporter = delivering("traces", OTLPSpanExporter, buffer_bytes=100000, shutdown_seconds=10)

def export(name):
    span = TracerProvider().get_tracer("test").start_span(name)
    span.end()
    exporter.export([span])

"""

_BOTH = (
    _BEGIN
    + """
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
)

_CHILD_WITHOUT = (
    _BEGIN
    + """
export("waits in the parent")
if os.fork() == 0:
    flushed = exporter.force_flush()
    exporter.shutdown()
    os._exit(0 if flushed else 1)
os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""
)


def test_parent_and_child_both_deliver() -> None:
    receiver = HttpReceiver()
    address = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{receiver.port}/v1/traces", "NO_PROXY": "127.0.0.1"}
    try:
        subprocess.run([sys.executable, "-c", _BOTH], env={**os.environ, **address}, timeout=60, check=True)
    finally:
        receiver.stop()
    assert sorted(receiver.names) == ["before", "child", "parent"]


def test_a_child_that_exported_nothing_leaves_its_parents_buffer_alone() -> None:
    """Nobody listens at port 9, so the parent's span waits; it is not the child's to flush, or to report as lost."""
    address = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9/v1/traces", "NO_PROXY": "127.0.0.1"}
    ended = subprocess.run(
        [sys.executable, "-c", _CHILD_WITHOUT],
        env={**os.environ, **address},
        timeout=60,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert "lost" not in ended.stderr
