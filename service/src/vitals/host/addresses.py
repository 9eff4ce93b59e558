"""Where the engines are: natively on loopback, in the stack's own containers where a variable says."""

from __future__ import annotations

import os

from vitals.host.processes import MARK

EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not listened on
"""Addresses by which a process listens on every interface, each with the loopback address at which it is asked then."""


def address(variable: str, port: int) -> str:
    """Loopback, unless SECRETS_DIR says that this is one of the stack's own containers: there the variable names the engine."""
    return (os.environ.get(variable) if "SECRETS_DIR" in os.environ else None) or f"http://127.0.0.1:{port}"


def in_a_container() -> bool:
    """Whether this is one of the stack's own containers; the native stack's processes have SECRETS_DIR too, and its mark."""
    return "SECRETS_DIR" in os.environ and MARK not in os.environ


def service_url(listening: str, port: int) -> str:
    """Where the service is asked; natively it may listen on another address than loopback."""
    return address("SERVICE_URL", port).replace("127.0.0.1", host_to_ask(listening))


def host_to_ask(listening: str) -> str:
    """The host of a URL to what listens on that address: loopback where that is everywhere, IPv6 in brackets."""
    asked = EVERYWHERE.get(listening, listening)
    return f"[{asked}]" if ":" in asked else asked
