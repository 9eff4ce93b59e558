"""What a proxy says of the client, believed where it is one that the operator trusts."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache

from starlette.types import Scope

from vitals.proxy_options import EVERYBODY, networks

_MOST_REMEMBERED = 4096
_LARGEST_PORT = 65_535
_BEHIND = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::([0-9]{1,5}))?|([0-9.]+):([0-9]{1,5})")
"""An address as proxies write it where there is more to it: brackets, or a port."""

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::([0-9]{1,5}))?")
_FOR, _PROTO, _HOST_SAID, _HOST_ASKED = b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"host"
_HEADERS = frozenset({_FOR, _PROTO, _HOST_SAID, _HOST_ASKED})
_SCHEMES = {"http": {"http": "http", "https": "https"}, "websocket": {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}}
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class Forwarded:
    """Puts into a request's scope who asked, by which scheme and which name."""

    def __init__(self, allowed: str) -> None:
        """allowed: FORWARDED_ALLOW_IPS, which was looked at before."""
        self._everybody = allowed == EVERYBODY
        self._networks = networks(allowed)
        self._trusts = lru_cache(_MOST_REMEMBERED)(self._within)

    def tell(self, scope: Scope) -> None:
        """Change `client`, `scheme` and `server`, each where a trusted proxy says it well.

        A header that comes twice, or holds a list, says nothing, but for `X-Forwarded-For`: each proxy adds its peer to that one.
        """
        peer = scope.get("client")
        if not (self._everybody or (peer and self._trusts(peer[0]))):
            return
        said: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in _HEADERS:
                said[name] = b"%b,%b" % (said[name], value) if name in said else value
        if (scheme := _SCHEMES[scope["type"]].get(_text(said, _PROTO).lower())) is not None:
            scope["scheme"] = scheme
        if client := self._client(reversed(_text(said, _FOR).split(","))):
            scope["client"] = client
        if found := _HOST.fullmatch(_text(said, _HOST_SAID) or _text(said, _HOST_ASKED)):
            six, name_or_four, port = found.groups()
            scope["server"] = (six or name_or_four, _port(port) or _PORTS.get(scope.get("scheme", "http")))

    def _client(self, nearest_first: Iterable[str]) -> tuple[str, int] | None:
        """The nearest that is no trusted proxy, or the farthest; what no proxy can have seen ends the search."""
        client = None
        for written in nearest_first:
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


def _text(said: dict[bytes, bytes], name: bytes) -> str:
    return said.get(name, b"").decode("latin-1").strip()


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


def _port(written: str | None) -> int:
    port = int(written or 0)
    return port if port <= _LARGEST_PORT else 0
