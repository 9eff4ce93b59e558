"""The README's example works as written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx

from vitals.checkout import ROOT

from ..ports import free_ports
from .conftest import Stack, eventually


def test_the_example_of_an_instrumented_application(stack: Stack, tmp_path: Path) -> None:
    [example] = [
        block for block in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S) if "instrument(app" in block
    ]
    (tmp_path / "orders.py").write_text(example)
    [port] = free_ports(1)
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "orders:app", "--port", str(port)],
        cwd=tmp_path,
        # The README sends to the Collector's standard port; this one listens elsewhere.
        env={**stack.environment, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{stack.settings.otlp_grpc_port}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:

        def ask() -> httpx.Response | None:
            try:
                return httpx.get(f"http://127.0.0.1:{port}/orders/7")
            except httpx.HTTPError:
                return None

        response = eventually(ask, lambda answer: answer is not None, why="the example answers")
        assert response is not None
        assert response.json() == {"order": 7}
        trace_id = response.headers["traceresponse"].split("-")[1]
        view = stack.follow(trace_id)
    finally:
        process.terminate()
        process.wait(30)
    [span] = view.jaeger_spans
    assert (span.name, span.kind, span.service) == ("GET /orders/{order_id}", "SERVER", "orders")
    [log] = view.logs
    assert (log.body, log.logger, log.span_id) == ("order 7 looked up", "orders", span.span_id)
    shown = stack.vitals("trace", response.headers["traceresponse"])
    assert shown.returncode == 0, "the whole traceresponse header is as good as the trace id"
