"""Elasticsearch, Prometheus and Jaeger as the Collector sees them: everything is taken at once, and kept nowhere.

python -m benchmarks.bench.backends_that_forget --http PORT --grpc PORT
"""

from __future__ import annotations

import argparse
import gzip
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.bench import sink
from benchmarks.bench.processes import free_ports
from vitals.checkout import ROOT


class Taking(BaseHTTPRequestHandler):
    """Answers a bulk request with as many successes as it has documents, and anything else with an empty object."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take it."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))) if "Content-Length" in self.headers else self._chunks()
        answer = b"{}"
        if self.path.split("?")[0].endswith("_bulk"):
            text = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            documents = text.count(b"\n") // 2
            items = [{"create": {"_index": "i", "_id": "1", "status": 201}}] * documents
            answer = json.dumps({"took": 1, "errors": False, "items": items}).encode()
        self._answer(answer)

    def do_GET(self) -> None:
        """What a client asks first: which product this is."""
        self._answer(b'{"version": {"number": "9.0.0"}}')

    do_HEAD = do_GET  # noqa: N815  (the base class names it)

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002  (its name in the base class)
        """Nothing."""


@contextmanager
def running() -> Iterator[dict[str, str]]:
    """Them, in a process of their own while the block runs; gives the variables that lead the Collector to them."""
    http, rpc = free_ports(2)
    command = [sys.executable, "-m", "benchmarks.bench.backends_that_forget", "--http", str(http), "--grpc", str(rpc)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    process.stdout.readline()
    url = f"http://127.0.0.1:{http}"
    try:
        yield {"ELASTICSEARCH_URL": url, "PROMETHEUS_URL": url, "JAEGER_OTLP_ENDPOINT": f"127.0.0.1:{rpc}"}
    finally:
        process.terminate()
        process.wait(10)


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--http", type=int, required=True)
    parser.add_argument("--grpc", type=int, required=True)
    given = parser.parse_args()
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    server = ThreadingHTTPServer(("127.0.0.1", given.http), Taking)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Path("/dev/null").open("wb") as nowhere:
        sink.serve(given.grpc, nowhere)
        print("ready", flush=True)
        over.wait()


if __name__ == "__main__":
    main()
