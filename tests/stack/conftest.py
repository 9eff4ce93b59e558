"""One stack of real engines for all stack tests: on ports and data of its own, so a stack that is running is not touched."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2 as httpx
import pytest

from vitals.lookup.clients import Stores
from vitals.lookup.records import TraceView
from vitals.lookup.trace_lookup import follow
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings
from vitals_dev.overflowing_iris import OVERFLOWING, make_overflowing_iris

from ..ports import free_ports

VITALS = Path(sys.executable).with_name("vitals")
ROW = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
BREAKS_THE_MODEL = {**ROW, **OVERFLOWING}
"""What the stack's model can't take, though the API does: a real exception in the model."""

Result = TypeVar("Result")


def eventually(ask: Callable[[], Result], until: Callable[[Result], bool] = bool, *, within: float = 30, why: str = "") -> Result:
    """Ask until the answer is as wanted, and give it; fail with the last answer when the deadline passes."""
    deadline = time.monotonic() + within
    while True:
        answer = ask()
        if until(answer):
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"not within {within} s: {why or ask}; the last answer was {answer!r:.2000}")
        time.sleep(0.1)


class Stack:
    """A running stack and what tests do with it."""

    def __init__(self, state: Path, environment: Mapping[str, str]) -> None:
        self.state = state
        self.environment = dict(environment)
        self.settings = StackSettings.load(
            **{name.lower(): value for name, value in environment.items() if name.lower() in StackSettings.model_fields}
        )
        self.url = f"http://127.0.0.1:{self.settings.service_port}"
        self.stores: Stores  # once the secrets are there

    def vitals(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run the command against this stack."""
        return subprocess.run(
            [VITALS, *arguments], env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    def predict(self, row: Mapping[str, Any] = ROW, **options: Any) -> httpx.Response:
        """Ask the stack's own service for one prediction."""
        return httpx.post(f"{self.url}/predict", json={"features": row}, timeout=30, **options)

    def follow(self, trace_id: str, until: Callable[[TraceView], bool] | None = None, within: float = 30) -> TraceView:
        """The trace as every store has it, once it is as wanted (by default: in every store)."""
        wanted = until or (lambda view: not view.missing)
        view = follow(self.stores, trace_id, wait_seconds=within, until=wanted)
        assert wanted(view), f"not within {within} s; missing: {view.missing}, {view.unreachable}; {view!r:.3000}"
        return view

    def query(self, promql: str) -> dict[str, float]:
        """An instant query: the value of each series, by its labels as JSON."""
        answer = self.stores.prometheus.get("/api/v1/query", params={"query": promql}).raise_for_status().json()
        return {json.dumps(one["metric"], sort_keys=True): float(one["value"][1]) for one in answer["data"]["result"]}

    def total(self, promql: str) -> float:
        """The sum of an instant query's series; 0 where there is none."""
        return sum(self.query(promql).values())

    def documents(self, index: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        """All documents that match, at most 10,000."""
        return self.stores.search(index, query, size=10_000)

    @contextmanager
    def another_service(self, name: str, **variables: str) -> Iterator[AnotherService]:
        """A further process of the model service, sending to this stack; ended with SIGTERM where the test did not."""
        service = AnotherService(self, name, variables)
        try:
            service.wait_until_ready()
            yield service
        finally:
            service.stop()


class AnotherService:
    """`vitals serve` as a process of the test's own."""

    def __init__(self, stack: Stack, name: str, variables: Mapping[str, str]) -> None:
        [port] = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [VITALS, "serve"],
            env={
                **stack.environment,
                "SERVICE_PORT": str(port),
                "OTEL_SERVICE_NAME": name,
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{stack.settings.otlp_grpc_port}",
                **variables,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self._lines.extend(self.process.stdout)

    @property
    def output(self) -> str:
        """What it said so far."""
        return "".join(self._lines)

    def wait_until_ready(self) -> None:
        def ready() -> bool:
            assert self.process.poll() is None, self.output
            try:
                return httpx.get(f"{self.url}/health/ready", timeout=2).status_code == 200
            except httpx.HTTPError:
                return False

        eventually(ready, within=60, why="the service is ready")

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@pytest.fixture(scope="session")
def log_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that the Collector follows."""
    return tmp_path_factory.mktemp("files") / "orders.log"


@pytest.fixture(scope="session")
def environment(log_file: Path) -> Iterator[dict[str, str]]:
    """The variables of the tests' stack."""
    with new_state_folder() as state:
        yield {**new_environment(state), "LOG_FILES": str(log_file)}


def new_environment(state: Path) -> dict[str, str]:
    """The variables of a stack with this state folder: nothing of the caller's options, telemetry settings or .env."""
    ours = {name.upper() for name in (*Settings.model_fields, *StackSettings.model_fields)} - {"VITALS_CACHE_DIR"}
    kept = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("OTEL_")}
    names = sorted(name for name in ours if name.endswith("_PORT"))
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    return {**kept, **ports, "VITALS_STATE_DIR": str(state), "VITALS_ENV_FILE": os.devnull, "ALERT_WINDOWS": "demo"}


@contextmanager
def new_state_folder() -> Iterator[Path]:
    """An empty state folder; not in pytest's own, which only its owner may look into: Elasticsearch may run as another user."""
    state = Path(tempfile.mkdtemp(prefix="vitals-test-"))
    state.chmod(0o755)
    try:
        yield state
    finally:
        shutil.rmtree(state, ignore_errors=True)


@pytest.fixture(scope="session")
def stack(environment: dict[str, str]) -> Iterator[Stack]:
    """The running stack."""
    with running_stack(environment) as stack:
        yield stack


@contextmanager
def running_stack(environment: dict[str, str]) -> Iterator[Stack]:
    """A stack that runs while the block does; no process of it is left."""
    stack = Stack(Path(environment["VITALS_STATE_DIR"]), environment)
    try:
        make_overflowing_iris(stack.settings.vitals_state_dir / "model")
        started = stack.vitals("up", timeout=600)
        assert started.returncode == 0, started.stdout + started.stderr
        stack.stores = Stores(stack.settings)
        yield stack
    finally:
        stopped = stack.vitals("down")
        assert stopped.returncode == 0, stopped.stdout + stopped.stderr
        left = [port for port in stack.settings.ports().values() if _listens(port)]
        assert not left, f"still listening after `vitals down`: {left}"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
