"""The other end of OTLP: takes everything over gRPC, keeps the bytes in a file, and reads none of it while something is measured.

    python -m benchmarks.bench.sink --port 4317 --into FILE

A record of the file: the signal's letter (T, M or L), the length in four bytes, the request as it came.
benchmarks/bench/counting.py reads it.
"""

from __future__ import annotations

import argparse
import signal
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import grpc

SIGNALS = {
    "T": "opentelemetry.proto.collector.trace.v1.TraceService",
    "M": "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "L": "opentelemetry.proto.collector.logs.v1.LogsService",
}

_HEAD = struct.Struct("<cI")


class Kept:
    """The file that everything goes to."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = threading.Lock()

    def taking(self, letter: str) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        """What answers one signal's exports: an empty response, which is success."""
        mark = letter.encode()

        def take(request: bytes, _: grpc.ServicerContext) -> bytes:
            with self._lock:
                self._file.write(_HEAD.pack(mark, len(request)) + request)
            return b""

        return take


def serve(port: int, file: BinaryIO) -> grpc.Server:
    """A server on loopback that keeps what it is sent in `file`."""
    kept = Kept(file)
    server = grpc.server(
        ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", 64 * 1024**2), ("grpc.so_reuseport", 0)]
    )
    for letter, service in SIGNALS.items():
        method = grpc.unary_unary_rpc_method_handler(kept.taking(letter))
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": method}),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server


def read(file: Path) -> Iterator[tuple[str, bytes]]:
    """The records of such a file: each signal's letter with the request's bytes.

    A last one that is not whole, of a sink that was ended while it wrote, is none: what it had is missing when it is counted.
    """
    with file.open("rb") as kept:
        while len(head := kept.read(_HEAD.size)) == _HEAD.size:
            letter, length = _HEAD.unpack(head)
            request = kept.read(length)
            if len(request) == length:
                yield letter.decode(), request


def main() -> None:
    """Take until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--into", type=Path, required=True)
    given = parser.parse_args()
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    with given.into.open("wb") as file:
        server = serve(given.port, file)
        print("ready", flush=True)
        over.wait()
        server.stop(5).wait()


if __name__ == "__main__":
    main()
