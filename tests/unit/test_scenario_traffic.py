"""The traffic process: Locust sends what the plan says, tells how it goes, and never outlives who started it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from vitals.bundle.folder import read_folder
from vitals.errors import StackError
from vitals.scenarios.traffic import traffic_process as sending_module
from vitals.scenarios.traffic.plan import Plan, Told
from vitals.scenarios.traffic.rows import read_rows
from vitals.scenarios.traffic.traffic_process import can_send, sending

pytestmark = pytest.mark.slow


class Service(ThreadingHTTPServer):
    """Answers like the service, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.predictions: list[dict[str, Any]] = []
        self.labels: dict[str, Any] = {}
        self.lock = threading.Lock()
        self.answer: Callable[[Any], int] = lambda _: 200
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Service
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        try:
            body = json.loads(content)
        except ValueError:
            body = None
        if self.path == "/labels":
            self.server.labels |= {one["prediction_id"]: one["label"] for one in body["labels"]}
            return self._send(200, {"accepted": len(body["labels"]), "refused": []})
        with self.server.lock:
            number = len(self.server.predictions)
            self.server.predictions.append(body)
        return self._send(self.server.answer(body), {"prediction_id": str(number)})

    def _send(self, status: int, answer: Any) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def service_double() -> Iterator[Service]:
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def plan(url: str, folder: Path, **changed: Any) -> Plan:
    return Plan(**{"url": url, "folder": folder, "users": 4, "rate": 40, "seconds": 2, **changed})


def run(given: Plan, tmp_path: Path) -> list[Told]:
    with sending(given, tmp_path / "traffic.log") as told:
        return list(told)


def test_rows_go_out_at_their_rate_and_true_labels_come_back(service_double: Service, model_folder: Path, tmp_path: Path) -> None:
    rows = {json.dumps(row.features): row.label for row in read_rows(model_folder, read_folder(model_folder).profile)}
    told = run(plan(service_double.url, model_folder), tmp_path)
    last = told[-1]
    assert len(told) >= 3
    assert 2.0 <= last.seconds < 12
    assert 40 <= last.requests <= 100  # four users that send ten a second each for two seconds, and begin at once
    assert last.answered == {"2xx": last.requests}
    assert not last.failures
    assert last.requests == len(service_double.predictions)
    sent = [json.dumps(body["features"]) for body in service_double.predictions]
    assert set(sent) <= set(rows)
    turns = Counter(sent)
    assert max(turns.values()) - min(turns[row] for row in rows) <= 1  # each row has its turn
    assert last.labels == len(service_double.labels) == last.requests
    assert all(rows[sent[int(number)]] == label for number, label in service_double.labels.items())


def test_other_labels_are_never_the_true_ones(service_double: Service, model_folder: Path, tmp_path: Path) -> None:
    rows = {json.dumps(row.features): row.label for row in read_rows(model_folder, read_folder(model_folder).profile)}
    run(plan(service_double.url, model_folder, labels="another class or value", seconds=1), tmp_path)
    sent = [json.dumps(body["features"]) for body in service_double.predictions]
    assert len(service_double.labels) > 10
    assert all(rows[sent[int(number)]] != label for number, label in service_double.labels.items())


def test_rows_keep_their_proportions_among_wrong_bodies(service_double: Service, model_folder: Path, tmp_path: Path) -> None:
    rows = {json.dumps(row.features) for row in read_rows(model_folder, read_folder(model_folder).profile)}
    service_double.answer = lambda body: 200 if as_it_should_be(body) else 422

    def as_it_should_be(body: Any) -> bool:
        return isinstance(body, dict) and json.dumps(body.get("features")) in rows

    last = run(plan(service_double.url, model_folder, bodies="mostly wrong", rate=80), tmp_path)[-1]
    good = [json.dumps(body["features"]) for body in service_double.predictions if as_it_should_be(body)]
    assert last.answered == {"2xx": len(good), "4xx": last.requests - len(good)}
    assert not last.failures
    assert 0.4 < last.answered["4xx"] / last.requests < 0.95
    assert max(Counter(good).values()) - min(Counter(good)[row] for row in rows) <= 1
    assert last.labels == len(good)


def test_what_is_not_answered_as_it_should_be_is_counted_by_kind(
    service_double: Service, model_folder: Path, tmp_path: Path
) -> None:
    service_double.answer = lambda _: 503
    last = run(plan(service_double.url, model_folder, seconds=1), tmp_path)[-1]
    assert last.answered == {"5xx": last.requests}
    assert last.failures == {"answered 503 instead of 2xx": last.requests}
    assert last.labels == 0


def test_nobody_there_is_counted_too(model_folder: Path, tmp_path: Path) -> None:
    last = run(plan("http://127.0.0.1:9", model_folder, seconds=1), tmp_path)[-1]
    assert last.requests > 0
    assert last.failures == {"refused connection": last.requests}
    assert not last.answered


def test_leaving_early_ends_the_process(service_double: Service, model_folder: Path, tmp_path: Path) -> None:
    with sending(plan(service_double.url, model_folder, seconds=3600), tmp_path / "traffic.log") as told:
        assert next(told).seconds < 30
        [child] = traffic_processes()
    assert not child.is_running()


def test_the_process_ends_with_who_started_it(service_double: Service, model_folder: Path, tmp_path: Path) -> None:
    """Also where that was killed and could not say goodbye: the pipe breaks."""
    program = (
        "import sys; from pathlib import Path\n"
        "from vitals.scenarios.traffic.plan import Plan; from vitals.scenarios.traffic.traffic_process import sending\n"
        "with sending(Plan.model_validate_json(sys.argv[1]), Path(sys.argv[2])) as told:\n"
        "    for one in told: print('going', flush=True)"
    )
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            program,
            plan(service_double.url, model_folder, seconds=3600).model_dump_json(),
            str(tmp_path / "traffic.log"),
        ],
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"going\n"
    [child] = traffic_processes(parent.pid)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(10)
    parent.stdout.close()
    assert psutil.wait_procs([child], timeout=20)[1] == []


def test_a_process_that_fails_says_why(service_double: Service, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"The traffic ended with status 1: .*There is no model\.json"):
        run(plan(service_double.url, tmp_path), tmp_path)


@pytest.mark.parametrize("url", ["http://192.0.2.1:8000", "https://example.com", "http://[2001:db8::1]:8000", "service"])
def test_nothing_is_sent_beyond_loopback(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="on loopback only"):
        plan(url, tmp_path)


@pytest.mark.parametrize(
    "changed", [{"users": 201}, {"rate": 1001}, {"rate": 0}, {"seconds": 86401}, {"seconds": 0}, {"users": 0}]
)
def test_every_amount_is_bounded(changed: dict[str, float], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=next(iter(changed))):
        plan("http://127.0.0.1:8000", tmp_path, **changed)


def test_without_locust_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending_module.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(StackError, match=r"pip install 'vitals-otel\[scenarios\]'"):
        can_send()


def _sends_traffic(process: psutil.Process) -> bool:
    try:
        return "vitals.scenarios.traffic.locust_users" in process.cmdline()
    except psutil.NoSuchProcess:  # also one that has ended and is not waited for yet
        return False


def traffic_processes(parent: int | None = None) -> list[psutil.Process]:
    """Traffic processes that a process (this one) started, once there is one."""
    deadline = time.monotonic() + 10
    while True:
        found = [one for one in psutil.Process(parent).children() if _sends_traffic(one)]
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)
