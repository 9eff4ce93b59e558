"""What a proxy says of the client, believed where it is one that the operator trusts."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from starlette.types import Scope

from vitals.settings.proxy_options import EVERYBODY, networks

_MOST_REMEMBERED = 4096
_LONGEST_REMEMBERED = 128
"""Bytes of a header: clients can send longer ones, each another one, and memory is not for them."""

_LARGEST_PORT = 65_535
_BEHIND = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::([0-9]{1,5}))?|([0-9.]+):([0-9]{1,5})")
"""An address as proxies write it where there is more to it: brackets, or a port."""

_HOST = re.compile(rb"\s*(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::([0-9]{1,5}))?\s*")
_SCHEMES = {
    "http": {b"http": "http", b"https": "https"},
    "websocket": {b"http": "ws", b"https": "wss", b"ws": "ws", b"wss": "wss"},
}
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class Forwarded:
    """Puts into a request's scope who asked, by which scheme and which name."""

    def __init__(self, allowed: str) -> None:
        """allowed: FORWARDED_ALLOW_IPS, which was looked at before."""
        self._everybody = allowed == EVERYBODY
        self._networks = networks(allowed)
        self._trusts = lru_cache(_MOST_REMEMBERED)(self._within)
        self._known_client = lru_cache(_MOST_REMEMBERED)(self._client)

    def tell(self, scope: Scope) -> None:
        """Change `client`, `scheme` and `server`, each where a trusted proxy says it well.

        A header that comes twice, or holds a list, says nothing, but for `X-Forwarded-For`: each proxy adds its peer to that one.
        """
        peer = scope.get("client")
        if not (self._everybody or (peer and self._trusts(peer[0]))):
            return
        clients = scheme = name = asked = b""
        for header, value in scope["headers"]:
            if header == b"x-forwarded-for":
                clients = b"%b,%b" % (clients, value) if clients else value
            elif header == b"x-forwarded-proto":
                scheme = b"%b,%b" % (scheme, value) if scheme else value
            elif header == b"x-forwarded-host":
                name = b"%b,%b" % (name, value) if name else value
            elif header == b"host":
                asked = b"%b,%b" % (asked, value) if asked else value
        if scheme and (known := _SCHEMES[scope["type"]].get(scheme.strip().lower())):
            scope["scheme"] = known
        if clients:
            find = self._known_client if len(clients) <= _LONGEST_REMEMBERED else self._client
            scope["client"] = find(clients) or peer
        if found := _HOST.fullmatch(name or asked):
            six, other, port = found.groups()
            scope["server"] = ((six or other).decode(), _port(port) or _PORTS.get(scope.get("scheme", "http")))

    def _client(self, clients: bytes) -> tuple[str, int] | None:
        """The nearest that is no trusted proxy, or the farthest; what no proxy can have seen ends the search."""
        client = None
        for written in reversed(clients.decode("latin-1").split(",")):
            address = _address(written.strip())
            if address is None:
                break
            client = address
            if not (self._everybody or self._trusts(address[0])):
                break
        return client

    def _within(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        # Where IPv6 is listened on, IPv4 comes mapped into it.
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._networks)


def _address(written: str) -> tuple[str, int] | None:
    """The address and its port, 0 where there is none; None for what is no address."""
    host, port = written, ""
    if found := _BEHIND.fullmatch(written):
        six, port_of_six, four, port_of_four = found.groups()
        host, port = six or four, port_of_six or port_of_four
    try:
        return (str(ipaddress.ip_address(host)), _port(port)) if "%" not in host else None
    except ValueError:
        return None


def _port(written: str | bytes | None) -> int:
    port = int(written or 0)
    return port if port <= _LARGEST_PORT else 0
