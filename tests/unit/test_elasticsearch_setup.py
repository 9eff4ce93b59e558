"""What the set-up of Elasticsearch decides by itself; what it does to a server is tested on the real one."""

from __future__ import annotations

import socket

import pytest

from vitals.errors import StackError
from vitals.provisioning.elasticsearch_setup import set_up, too_old
from vitals.settings.stack import StackSettings

HOUR = 3600.0


def test_an_index_goes_once_all_that_was_written_to_it_is_too_old() -> None:
    backing = [("first", 0.0), ("second", 10 * HOUR), ("third", 20 * HOUR)]
    assert too_old(backing, retention=10 * HOUR, now=20 * HOUR) == []
    assert too_old(backing, retention=10 * HOUR, now=20 * HOUR + 1) == ["first"]
    assert too_old(backing, retention=10 * HOUR, now=30 * HOUR + 1) == ["first", "second"]


def test_the_index_that_is_written_to_never_goes() -> None:
    assert too_old([("only", 0.0)], retention=HOUR, now=1000 * HOUR) == []
    assert too_old([], retention=HOUR, now=1000 * HOUR) == []


def test_a_server_that_does_not_answer_is_named_after_the_deadline() -> None:
    with socket.socket() as taken_but_silent:
        taken_but_silent.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken_but_silent.getsockname()[1]}"
        with pytest.raises(StackError, match=rf"Elasticsearch at {url} was not ready within 0 s: .*refused"):
            set_up(url, "made-up", StackSettings.load(), deadline_seconds=0)
