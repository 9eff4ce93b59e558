"""Loopback never goes through a proxy: what a proxy's address in the environment means is other machines."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit

_HOSTS = ("localhost", "127.0.0.1", "::1")
_PROXIES = {"http_proxy", "https_proxy", "all_proxy", "grpc_proxy"}


def is_loopback(address: str) -> bool:
    """Whether a URL, or `host:port`, is on this machine's loopback."""
    try:
        host = urlsplit(address if "//" in address else f"//{address}").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def keep_loopback_off_proxies() -> None:
    """Tell this process, and those that it starts, by the variables that HTTP clients read; no proxy, no change."""
    if not any(name.lower() in _PROXIES for name in os.environ):
        return
    for names in (("no_proxy", "NO_PROXY"), ("no_grpc_proxy",)):
        given = [os.environ[name] for name in names if os.environ.get(name)]
        if not given and names == ("no_grpc_proxy",):
            continue  # gRPC reads the others then
        hosts = [host.strip() for host in ",".join(given).split(",") if host.strip()]
        for name in names:
            os.environ[name] = ",".join(dict.fromkeys([*hosts, *_HOSTS]))
