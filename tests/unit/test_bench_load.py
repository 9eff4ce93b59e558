"""The loads: an open loop counts from the intended time, a closed one counts what was answered within the time."""

from __future__ import annotations

import gc
import http.server
import threading
import time
from collections.abc import Iterator

import psutil
import pytest

from benchmarks.bench import closed_loop, open_loop
from benchmarks.bench.cells import percentile
from benchmarks.bench.plan import PLANS, QUICK, WHOLE, Load
from benchmarks.bench.variants import BASELINE, VARIANTS

REQUEST = open_loop.request_bytes("/predict", b"{}")


class Slow(http.server.BaseHTTPRequestHandler):
    """Answers 200, after a stall of the whole server where one is due."""

    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    stall_at = 0
    stall_seconds = 0.0
    seen = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.lock:
            type(self).seen += 1
            if self.seen == self.stall_at:
                time.sleep(self.stall_seconds)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    Slow.seen, Slow.stall_at, Slow.stall_seconds = 0, 0, 0.0
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("rate", "seconds", "times"), [(4, 1, [0, 0.25, 0.5, 0.75]), (2, 1.5, [0, 0.5, 1.0]), (800, 0, []), (0.5, 4, [0, 2])]
)
def test_requests_are_intended_evenly(rate: float, seconds: float, times: list[float]) -> None:
    assert open_loop.intended_times(rate, seconds) == times


@pytest.mark.slow
def test_every_connection_is_closed_again(port: int) -> None:
    """Also without the garbage collector: one process drives many servers in turn, with 128 connections to each."""
    gc.disable()
    try:
        open_loop.run(port, REQUEST, [0.0])
        left = [one for one in psutil.Process().net_connections("tcp") if one.raddr and one.raddr.port == port]
    finally:
        gc.enable()
    assert not left


@pytest.mark.slow
def test_a_stall_is_seen_by_every_request_that_was_due_meanwhile(port: int) -> None:
    """On one connection a closed loop would see one slow request of forty; thirty were due while the server stood still."""
    Slow.stall_at, Slow.stall_seconds = 5, 0.3
    answers = open_loop.run(port, REQUEST, open_loop.intended_times(100, 0.4))
    assert len(answers.latencies) == 40
    assert not answers.wrong
    assert sum(one > 0.05 for one in answers.latencies) >= 20


def test_waiting_for_a_connection_is_part_of_the_latency(port: int) -> None:
    import asyncio

    Slow.stall_at, Slow.stall_seconds = 1, 0.3
    answers = asyncio.run(open_loop.drive(port, REQUEST, [0.0, 0.1], connections=1))
    assert min(answers.latencies) >= 0.15, "the second was due 0.2 s before the first was answered"


@pytest.mark.parametrize(
    ("head", "length"), [(b"HTTP/1.1 200 OK\r\nContent-Length: 12", 12), (b"HTTP/1.1 200 OK\r\na: b\r\ncontent-length:3", 3)]
)
def test_an_answer_is_as_long_as_its_head_says(head: bytes, length: int) -> None:
    assert open_loop.content_length(head) == length


def test_an_answer_without_a_length_is_refused() -> None:
    with pytest.raises(ValueError, match="Content-Length"):
        open_loop.content_length(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked")


def test_the_closed_loop_counts_what_was_answered_within_the_time() -> None:
    """wrk goes on until everything is back: those are answered, and counted at the sink, but not part of the rate."""
    said = {"answered": 1016, "sent": 1016, "errors": 0, "refused": 2, "p50": 900, "p99": 4000, "p999": 9000}
    seen = closed_loop.from_report(said, connections=16, seconds=2)
    assert (seen.answered, seen.rate, seen.p50, seen.p99, seen.p999, seen.wrong) == (1016, 500, 0.9, 4, 9, 2)


@pytest.mark.parametrize(
    ("values", "share", "expected"), [([3, 1, 2], 50, 2), (range(1, 101), 99, 99), (range(1, 1001), 99.9, 999), ([7], 99, 7)]
)
def test_percentiles_are_of_the_nearest_rank(values: list[int], share: float, expected: int) -> None:
    assert percentile(values, share) == expected


def test_the_whole_takes_half_an_hour_at_most_and_the_quick_one_about_three_minutes() -> None:
    assert WHOLE.seconds() <= 30 * 60
    assert QUICK.seconds() <= 4 * 60


def test_what_a_target_needs_is_in_the_plans() -> None:
    """What `instrument()` adds is the median of five paired rounds of a model that does nothing."""
    for plan in (WHOLE, QUICK):
        assert {BASELINE, "ours", "ours-off", "instrument"} <= set(plan.variants("no-op"))
    assert [(load.name, load.rounds) for load in WHOLE.loads["no-op"]] == [("16 connections", 5)]


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_every_round_has_every_variant_once_and_no_place_is_anyones(plan: object) -> None:
    turns = list(WHOLE.turns("iris"))
    load = Load("closed", 16, 2, 5)
    rounds = [[name for one, number, name in turns if one == load and number == which] for which in range(load.rounds)]
    measured = {name for name, one in VARIANTS.items() if one.measured}
    assert all(len(one) == len(measured) and set(one) == measured for one in rounds)
    assert len({one[0] for one in rounds}) == len(rounds), "each round begins with another one"


def test_what_is_asked_for_alone_has_the_baseline_beside_it() -> None:
    assert WHOLE.variants("iris", ["native"]) == [BASELINE, "native"]
    assert "mlserver" not in WHOLE.variants("no-op")
