"""A service behind a proxy: nginx with the configuration of docs/api.md, or a socket that sends what nginx sends."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPMessage, HTTPResponse
from pathlib import Path

import pytest

from vitals.checkout import ROOT
from vitals.host.processes import wait_until

from ..ports import free_ports
from .otlp_sink import Sink

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin")  # where distributions put it
NO_NGINX = "nginx is not installed (on Debian and Ubuntu the package nginx-light): only what nginx sends was tested, not nginx"

PREFIX = "/ml"
PROXY, CLIENT = "127.0.0.1", "127.0.0.9"
"""Addresses of loopback: the proxy's, which is trusted, and the client's."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: HTTPMessage
    body: bytes


Ask = Callable[..., Answer]
"""Of a method, a path without the prefix, headers (`name: value`) and a body."""


def answered(port: int, head: list[str], body: bytes = b"", *, source: str) -> Answer:
    """Say exactly this to a port of loopback, from that address."""
    with socket.create_connection(("127.0.0.1", port), 30, (source, 0)) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)
        response = HTTPResponse(connection)
        response.begin()
        return Answer(response.status, response.headers, response.read())


def as_clients_say(method: str, target: str, host: str, headers: list[str], body: bytes) -> list[str]:
    """The head of a client's request."""
    length = [f"Content-Length: {len(body)}"] if body else []
    return [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *headers, *length]


def as_nginx_says(method: str, target: str, host: str, headers: list[str], body: bytes) -> list[str]:
    """The same, as nginx passes it on with the configuration of docs/api.md."""
    length = [f"Content-Length: {len(body)}"] if body else []
    said = [f"Host: {host}", f"X-Forwarded-Host: {host}", f"X-Forwarded-For: {CLIENT}", "X-Forwarded-Proto: http"]
    return [f"{method} {target} HTTP/1.0", *said, "Connection: close", *length, *headers]


def direct(port: int) -> Ask:
    """No proxy, and so no prefix."""
    return lambda method, path, *headers, body=b"": answered(
        port, as_clients_say(method, path, f"127.0.0.1:{port}", [*headers], body), body, source=CLIENT
    )


def like_nginx(port: int, *, kept: str) -> Ask:
    """A proxy that leaves this much of the prefix before the path."""
    return lambda method, path, *headers, body=b"": answered(
        port, as_nginx_says(method, kept + path, "api.example:8080", [*headers], body), body, source=PROXY
    )


def through(port: int) -> Ask:
    """What listens there is a proxy."""
    return lambda method, path, *headers, body=b"": answered(
        port, as_clients_say(method, PREFIX + path, "api.example:8080", [*headers], body), body, source=CLIENT
    )


@contextmanager
def vitals_serve(folder: Path, sink: Sink, **options: str) -> Iterator[int]:
    """`vitals serve`, ready; gives its port."""
    [port] = free_ports(1)
    own = {"MODEL_DIR": str(folder), "SERVICE_PORT": str(port), "VITALS_ENV_FILE": os.devnull}
    with _running(["vitals.cli", "serve"], port, {**sink.environment, **own, **options}):
        yield port


@contextmanager
def uvicorn_serves(application: str, sink: Sink, *arguments: str, **options: str) -> Iterator[int]:
    """An application as its module and name, served by the command `uvicorn` with these arguments; gives its port."""
    [port] = free_ports(1)
    with _running(["uvicorn", application, "--port", str(port), *arguments], port, {**sink.environment, **options}):
        yield port


@contextmanager
def _running(module: list[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    """Until it answers, and then until it is left."""
    process = subprocess.Popen([sys.executable, "-m", *module], env={**os.environ, **environment}, cwd=ROOT)

    def ready() -> bool:
        assert process.poll() is None, "the service ended"
        try:
            return direct(port)("GET", "/health/ready").status == 200
        except OSError:
            return False

    try:
        assert wait_until(ready, 120), "it serves"
        yield
    finally:
        process.terminate()
        process.wait(60)


def documented() -> str:
    """The `location` of nginx that docs/api.md shows."""
    _, _, after = (ROOT / "docs/api.md").read_text().partition("```nginx\n")
    return after.partition("```")[0]


@contextmanager
def nginx(folder: Path, locations: list[str]) -> Iterator[list[int]]:
    """A real one, a server for each of these; gives their ports."""
    if NGINX is None:
        pytest.skip(NO_NGINX)
    ports = free_ports(len(locations))
    servers = [f"server {{ listen 127.0.0.1:{port};\n{location} }}" for port, location in zip(ports, locations, strict=True)]
    folders = "\n".join(f"{kind}_temp_path {folder / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    text = f"daemon off; master_process off; pid {folder / 'pid'}; error_log stderr;\nevents {{}}\n"
    (folder / "nginx.conf").write_text(text + f"http {{ access_log off;\n{folders}\n" + "\n".join(servers) + "\n}\n")
    process = subprocess.Popen([NGINX, "-p", folder, "-c", folder / "nginx.conf"])

    def listens() -> bool:
        assert process.poll() is None, "nginx ended"
        try:
            for port in ports:
                socket.create_connection(("127.0.0.1", port), 5).close()
        except OSError:
            return False
        return True

    try:
        assert wait_until(listens, 30), "nginx listens"
        yield ports
    finally:
        process.terminate()
        process.wait(30)


def locations(port: int) -> list[str]:
    """For a service on that port: as documented, the same with the prefix kept, and the least that works."""
    strips = documented().replace("http://127.0.0.1:8000/", f"http://127.0.0.1:{port}/")
    keeps = strips.replace(f"http://127.0.0.1:{port}/", f"http://127.0.0.1:{port}")
    return [strips, keeps, "\n".join(line for line in strips.splitlines() if "proxy_set_header" not in line)]
