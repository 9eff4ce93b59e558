"""Loopback never goes through a proxy, whatever the environment names; other machines do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from vitals.loopback import is_loopback, keep_loopback_off_proxies
from vitals.telemetry.delivery.exporters import delivering
from vitals.telemetry.delivery.proxies import past_proxies

from .receivers import GrpcReceiver, HttpReceiver, Receiver

NOWHERE = "http://127.0.0.1:9"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, "no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.setenv(name, "")  # set, so that what the code under test writes is undone
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("http://127.0.0.1:4318", True),
        ("localhost:4317", True),
        ("http://[::1]:4318/v1", True),
        ("127.8.8.8:1", True),
        ("http://collector:4317", False),
        ("10.0.0.1:4317", False),
        ("http://[::1", False),
        ("unix:///run/otlp.sock", False),
    ],
)
def test_what_is_loopback(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


def test_each_signal_by_its_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    assert past_proxies("traces")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://127.0.0.1:4317")
    assert (past_proxies("traces"), past_proxies("logs")) == (False, True)


@pytest.mark.parametrize("proxy", [NOWHERE, "socks5://127.0.0.1:9", "no address"])
@pytest.mark.parametrize("kind", [GrpcReceiver, HttpReceiver])
def test_a_collector_on_loopback_is_reached(monkeypatch: pytest.MonkeyPatch, kind: type[Receiver], proxy: str) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, proxy)
    receiver = kind()
    path = "/v1/traces" if kind is HttpReceiver else ""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://127.0.0.1:{receiver.port}{path}")
    exporter = delivering("traces", kind.made, buffer_bytes=10**6, shutdown_seconds=5)  # type: ignore[attr-defined]
    try:
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        provider.get_tracer("t").start_span("sent").end()
        deadline = time.monotonic() + 10
        while not receiver.requests and time.monotonic() < deadline:
            time.sleep(0.05)
        assert receiver.names == ["sent"]
    finally:
        exporter.shutdown()
        receiver.stop()


def test_no_proxy_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_loopback_off_proxies()
    assert "no_proxy" not in os.environ
    assert "NO_PROXY" not in os.environ


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "localhost,127.0.0.1,::1"),
        ({"NO_PROXY": "intern, 127.0.0.1"}, "intern,127.0.0.1,localhost,::1"),
        ({"no_proxy": "a", "NO_PROXY": "b"}, "a,b,localhost,127.0.0.1,::1"),
    ],
)
def test_the_verbs_and_what_they_start_are_told(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], told: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", NOWHERE)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    keep_loopback_off_proxies()
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == told
    assert "no_grpc_proxy" not in os.environ


def test_grpcs_own_list_is_kept_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("grpc_proxy", NOWHERE)
    monkeypatch.setenv("no_grpc_proxy", "intern")
    keep_loopback_off_proxies()
    assert os.environ["no_grpc_proxy"] == "intern,localhost,127.0.0.1,::1"  # noqa: SIM112  (gRPC reads this spelling)


@pytest.fixture
def answering() -> Iterator[str]:
    receiver = HttpReceiver()
    yield f"http://127.0.0.1:{receiver.port}"
    receiver.stop()


@pytest.mark.slow
@pytest.mark.parametrize("proxy", [NOWHERE, "socks5://127.0.0.1:9"])
@pytest.mark.parametrize("verb", [["status"], ["trace", "1" * 32], ["doctor"]])
def test_verbs_end_without_a_traceback(tmp_path: Path, verb: list[str], proxy: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vitals.cli", *verb],
        env={**os.environ, **dict.fromkeys(PROXIES, proxy), "VITALS_STATE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr + done.stdout
    assert done.returncode in (0, 1, 2)


def test_a_client_that_heeds_the_environment_passes_it_too(monkeypatch: pytest.MonkeyPatch, answering: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", NOWHERE)
    keep_loopback_off_proxies()
    assert httpx.get(answering, timeout=5).status_code == 501
