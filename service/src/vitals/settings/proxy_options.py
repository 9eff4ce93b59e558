"""The options of a service behind a proxy: the prefix that it is shown under, and the hosts whose headers it believes."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator

EVERYBODY = "*"

PARENTS = ("docs", "health", "v2")
"""First segments below which the service has routes itself: with the prefix /v2, `/v2/health` could be either of two routes."""

_SEGMENTS = re.compile(r"(/[A-Za-z0-9._~-]+)+")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _root_path(value: str) -> str:
    """As ASGI has it: empty, or begins with a slash and does not end with one."""
    path = value.removesuffix("/")
    if not path:
        return ""
    if not path.startswith("/"):
        raise ValueError("it must start with a slash and have no scheme or host, as in /ml")
    segments = path.split("/")[1:]
    if not _SEGMENTS.fullmatch(path) or {".", ".."} & set(segments):
        raise ValueError("it may have letters, digits and . _ ~ - in its segments, and one slash before each, as in /team/ml")
    if segments[0] in PARENTS:
        raise ValueError(f"the service has routes below /{segments[0]} itself; choose another prefix")
    return path


def networks(value: str) -> list[Network]:
    """Those of FORWARDED_ALLOW_IPS, an address as a network of one. Raises ValueError with a sentence for what is neither."""
    return [_network(one.strip()) for one in value.split(",") if one.strip() and value != EVERYBODY]


def _network(written: str) -> Network:
    if written == EVERYBODY:
        raise ValueError(f"{EVERYBODY} trusts everybody, so it must stand alone")
    try:
        return ipaddress.ip_network(written)
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_interface(written)
    except ValueError:
        raise ValueError(f"{written!r} is neither an IP address nor a network; host names are not looked up") from None
    raise ValueError(f"{written} is an address within a network: write {meant.ip}, or {meant.network} for the whole network")


def _trusted(value: str) -> str:
    """The same, with a comma between them, or `*`; what is wrong with one is a ValueError."""
    value = value.strip()
    return value if value == EVERYBODY else ",".join(str(one) for one in networks(value))


RootPath = Annotated[str, AfterValidator(_root_path)]
TrustedHosts = Annotated[str, AfterValidator(_trusted)]
