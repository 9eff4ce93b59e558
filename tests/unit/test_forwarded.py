"""What a trusted proxy says of a request is in its scope; what anybody else says changes nothing."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitals.api.forwarded import Forwarded

PEER = ("10.0.0.2", 50_000)
SOCKET = ("10.0.0.1", 8000)


def told(headers: list[tuple[str, str]], *, allowed: str = "10.0.0.0/24", peer: Any = PEER, kind: str = "http") -> dict[str, Any]:
    """The scope of a request, after the headers were looked at."""
    pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": kind, "scheme": kind.replace("ebsocket", "s"), "headers": pairs, "client": peer, "server": SOCKET}
    Forwarded(allowed).tell(scope)
    return scope


@pytest.mark.parametrize(
    ("written", "client"),
    [
        (["203.0.113.7"], ("203.0.113.7", 0)),
        (["203.0.113.7:4711"], ("203.0.113.7", 4711)),
        (["203.0.113.7:99999"], ("203.0.113.7", 0)),
        (["2001:DB8::1"], ("2001:db8::1", 0)),
        (["[2001:db8::1]"], ("2001:db8::1", 0)),
        (["[2001:db8::1]:4711"], ("2001:db8::1", 4711)),
        (["203.0.113.7, 10.0.0.9"], ("203.0.113.7", 0)),
        (["203.0.113.7", "10.0.0.9"], ("203.0.113.7", 0)),
        (["198.51.100.1, 203.0.113.7, 10.0.0.9"], ("203.0.113.7", 0)),
        (["203.0.113.7, ::ffff:10.0.0.9"], ("203.0.113.7", 0)),
        (["10.0.0.8, 10.0.0.9"], ("10.0.0.8", 0)),
        (["unknown, 10.0.0.9"], ("10.0.0.9", 0)),
        (["203.0.113.7, unknown"], PEER),
        (["203.0.113.7,"], PEER),
        (["_hidden"], PEER),
        (["<script>"], PEER),
        (["fe80::1%" + "x" * 4000], PEER),
        (["9" * 4000], PEER),
        (["\xff\xfe"], PEER),
        ([""], PEER),
        ([], PEER),
    ],
)
def test_the_client_is_the_nearest_that_is_no_trusted_proxy(written: list[str], client: tuple[str, int]) -> None:
    assert told([("X-Forwarded-For", one) for one in written])["client"] == client


@pytest.mark.parametrize(
    ("kind", "written", "scheme"),
    [
        ("http", ["https"], "https"),
        ("http", ["HTTPS "], "https"),
        ("http", ["http"], "http"),
        ("websocket", ["https"], "wss"),
        ("websocket", ["wss"], "wss"),
        ("http", ["wss"], "http"),
        ("http", ["https,http"], "http"),
        ("http", ["https", "http"], "http"),
        ("http", ["gopher"], "http"),
        ("http", ["https\n"], "https"),
        ("http", [""], "http"),
    ],
)
def test_the_scheme_is_one_that_there_is(kind: str, written: list[str], scheme: str) -> None:
    assert told([("X-Forwarded-Proto", one) for one in written], kind=kind)["scheme"] == scheme


@pytest.mark.parametrize(
    ("headers", "server"),
    [
        ([("X-Forwarded-Host", "api.example")], ("api.example", 80)),
        ([("X-Forwarded-Host", "api.example"), ("X-Forwarded-Proto", "https")], ("api.example", 443)),
        ([("X-Forwarded-Host", "api.example:8443"), ("X-Forwarded-Proto", "https")], ("api.example", 8443)),
        ([("Host", "backend"), ("X-Forwarded-Host", "api.example")], ("api.example", 80)),
        ([("Host", "api.example:8080")], ("api.example", 8080)),
        ([("Host", "[2001:db8::1]:8080")], ("2001:db8::1", 8080)),
        ([("Host", "10.0.0.1")], ("10.0.0.1", 80)),
        ([("X-Forwarded-Host", "a.example, b.example")], SOCKET),
        ([("X-Forwarded-Host", "a.example/path")], SOCKET),
        ([("X-Forwarded-Host", "x" * 300)], SOCKET),
        ([("X-Forwarded-Host", "ü.example")], SOCKET),
        ([("Host", "")], SOCKET),
        ([], SOCKET),
    ],
)
def test_the_server_is_the_one_that_the_client_asked(headers: list[tuple[str, str]], server: tuple[str, int]) -> None:
    assert told(headers)["server"] == server


FORGED = [("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example"), ("Host", "a")]


@pytest.mark.parametrize(
    ("allowed", "peer", "believed"),
    [
        ("10.0.0.0/24", ("10.0.0.255", 1), True),
        ("10.0.0.0/24", ("10.0.1.0", 1), False),
        ("10.0.0.2", PEER, True),
        ("10.0.0.3", PEER, False),
        ("127.0.0.1", ("::ffff:127.0.0.1", 1), True),
        ("127.0.0.1", ("::1", 1), False),
        ("::1", ("::1", 1), True),
        ("2001:db8::/32", ("2001:db8::5", 1), True),
        ("fe80::/10", ("fe80::1%eth0", 1), True),
        ("10.0.0.2", None, False),
        ("10.0.0.2", ("", 0), False),
        ("10.0.0.2", ("/run/o.sock", None), False),
        ("*", PEER, True),
        ("*", None, True),
    ],
)
def test_only_those_hosts_are_believed(allowed: str, peer: Any, believed: bool) -> None:
    scope = told(FORGED, allowed=allowed, peer=peer)
    seen = scope["client"], scope["scheme"], scope["server"]
    assert seen == ((("203.0.113.7", 0), "https", ("evil.example", 443)) if believed else (peer, "http", SOCKET))


def test_with_everybody_trusted_the_client_is_the_farthest() -> None:
    assert told([("X-Forwarded-For", "198.51.100.1, 203.0.113.7")], allowed="*")["client"] == ("198.51.100.1", 0)


HEADER = st.tuples(
    st.sampled_from(["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Host", "Forwarded", "Other"]),
    st.one_of(
        st.text(alphabet=st.characters(max_codepoint=255), max_size=40),
        st.lists(
            st.sampled_from(["10.0.0.1", "1.2.3.4:5", "[::1]:80", "::1", "unknown", "", "https", "a.example"]), max_size=4
        ).map(", ".join),
    ),
)


@given(st.lists(HEADER, max_size=8), st.sampled_from(["http", "websocket"]), st.sampled_from(["*", "10.0.0.0/24"]))
def test_whatever_is_said_the_scope_stays_one_that_a_server_makes(
    headers: list[tuple[str, str]], kind: str, allowed: str
) -> None:
    scope = told(headers, kind=kind, allowed=allowed)
    host, port = scope["client"]
    assert str(ipaddress.ip_address(host)) == host
    assert 0 <= port <= 65_535
    assert scope["scheme"] in ({"http", "https"} if kind == "http" else {"ws", "wss"})
    name, port = scope["server"]
    assert 0 < len(name) <= 253
    assert 0 <= port <= 65_535
