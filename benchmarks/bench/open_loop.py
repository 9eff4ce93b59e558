"""The open loop: requests leave at times that were fixed before, however slowly the server answers.

    python -m benchmarks.bench.open_loop --port 8000 --path /predict --body FILE --rate 200 --seconds 5

A latency is counted from the intended time. A request that had to wait for a free connection, because the server was behind,
waited as its sender would have: leaving that out would hide the stall that caused it (coordinated omission).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import selectors
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

CONNECTIONS = 128


def intended_times(rate: float, seconds: float) -> list[float]:
    """When each request is to leave, in seconds from the start: evenly, the first at once."""
    return [number / rate for number in range(round(rate * seconds))]


class Answers:
    """What has come back so far, and who waits for a connection."""

    def __init__(self, expected: int, request: bytes) -> None:
        self.request = request
        self.latencies: list[float] = []
        self.late: list[float] = []
        self.wrong = 0
        self.waiting: deque[float] = deque()
        self.idle: deque[Connection] = deque()
        self.all_back = asyncio.Event()
        self._expected = expected

    def send(self, intended: float) -> None:
        """Send the request that was intended for then, as soon as a connection is free."""
        if self.idle:
            self.late.append(time.perf_counter() - intended)
            self.idle.popleft().ask(intended)
        else:
            self.waiting.append(intended)

    def came(self, connection: Connection, intended: float, right: bool) -> None:
        """An answer is complete: its connection takes the next one that waits."""
        self.latencies.append(time.perf_counter() - intended)
        self.wrong += not right
        if self.waiting:
            connection.ask(self.waiting.popleft())
        else:
            self.idle.append(connection)
        if len(self.latencies) >= self._expected:
            self.all_back.set()


class Connection(asyncio.Protocol):
    """One connection of HTTP/1.1: one request at a time, answers with a Content-Length."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._intended = 0.0
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready to be asked."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._answers.idle.append(self)

    def ask(self, intended: float) -> None:
        """Send the request."""
        self._intended, self._got = intended, b""
        self._transport.write(self._answers.request)

    def data_received(self, data: bytes) -> None:
        """Collect until the answer is whole."""
        self._got += data
        head, ended, body = self._got.partition(b"\r\n\r\n")
        if ended and len(body) >= content_length(head):
            self._answers.came(self, self._intended, head.startswith(b"HTTP/1.1 200"))

    def connection_lost(self, _: Exception | None) -> None:
        """A server that closes an idle connection is asked on the others."""
        if self in self._answers.idle:
            self._answers.idle.remove(self)


def content_length(head: bytes) -> int:
    """The length that a response's head gives. Raises ValueError where it gives none."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    raise ValueError("An answer without Content-Length can't be measured here.")


async def drive(port: int, request: bytes, times: Sequence[float], *, connections: int = CONNECTIONS) -> Answers:
    """Send one request at each of `times`, and wait for every answer. Raises TimeoutError where some never come."""
    answers = Answers(len(times), request)
    loop = asyncio.get_running_loop()
    opened: list[asyncio.BaseTransport] = []
    try:
        for _ in range(connections):
            transport, _ = await loop.create_connection(lambda: Connection(answers), "127.0.0.1", port)
            opened.append(transport)
        begin = time.perf_counter() + 0.05
        for offset in times:
            ahead = begin + offset - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
            answers.send(begin + offset)
        if times:
            await asyncio.wait_for(answers.all_back.wait(), 60)
    finally:  # one process drives many servers in turn, and `select` takes no descriptor above 1,023
        for transport in opened:
            transport.close()
        await asyncio.sleep(0)
    return answers


def request_bytes(path: str, body: bytes) -> bytes:
    """The request as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def run(port: int, request: bytes, times: Sequence[float]) -> Answers:
    """`drive` on an event loop whose clock is fine enough: epoll rounds up to whole milliseconds, select does not."""
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        return runner.run(drive(port, request, times))


def main() -> None:
    """Send, and write the latencies in microseconds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/predict")
    parser.add_argument("--body", type=Path, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    gc.disable()
    answers = run(given.port, request_bytes(given.path, given.body.read_bytes()), intended_times(given.rate, given.seconds))
    said = {"latencies": [round(one * 1e6) for one in answers.latencies], "late": [round(one * 1e6) for one in answers.late]}
    json.dump({**said, "wrong": answers.wrong}, sys.stdout)


if __name__ == "__main__":
    main()
