"""What Kibana is told, checked against a stand-in of its documented HTTP API: Kibana itself does not run here."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vitals.errors import StackError
from vitals.provisioning import kibana_setup
from vitals.provisioning.kibana_setup import Done, set_up

from .kibana_double import Kibana, serving

GRAFANA = "http://127.0.0.1:3000"
DATA_VIEWS = {"vitals-logs", "vitals-traces", "vitals-alerts", "vitals-containers", "vitals-story"}
SEARCHES = {
    "vitals-errors",
    "vitals-slow-predictions",
    "vitals-low-confidence",
    "vitals-failed-validations",
    "vitals-trace-story",
    "vitals-alert-history",
}


class Told:
    """Progress, collected; `on_note` is called at each note."""

    def __init__(self, on_note: Callable[[], object] = lambda: None) -> None:
        self.lines: list[str] = []
        self._on_note = on_note

    def start(self, *_: object) -> None:
        self.lines.append("start")

    def note(self, _: str, text: str) -> None:
        self.lines.append(text)
        self._on_note()

    def done(self, *_: object) -> None:
        self.lines.append("done")

    def failed(self, *_: object) -> None:
        self.lines.append("failed")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kibana_setup, "_POLL_SECONDS", 0.02)


def _set_up(kibana: Kibana, **options: Any) -> Done:
    return set_up(kibana.url, options.pop("password", "made-up"), grafana=GRAFANA, retention="7d", **options)


def _ids(kibana: Kibana, *types: str) -> set[str]:
    return {name for kind, name in kibana.objects if kind in types}


def test_gives_kibana_all_of_it_in_calls_that_it_takes() -> None:
    with serving(Kibana()) as kibana:
        done = _set_up(kibana)
    assert kibana.calls == [
        "GET /api/status",
        *["POST /api/data_views/data_view"] * len(DATA_VIEWS),
        "POST /api/saved_objects/_import?overwrite=true",
        "POST /api/data_views/default",
    ]
    assert set(kibana.data_views) == set(done.data_views) == DATA_VIEWS
    assert _ids(kibana, "search") == SEARCHES
    assert _ids(kibana, "dashboard") == {"vitals-overview"}
    assert _ids(kibana, "search", "lens", "dashboard") == set(done.objects)
    assert kibana.default == "vitals-logs"


@pytest.mark.slow
def test_a_second_run_changes_nothing_and_a_chosen_default_stays() -> None:
    with serving(Kibana()) as kibana:
        _set_up(kibana)
        kibana.default = "someone-elses"
        before = json.dumps([kibana.data_views, list(kibana.objects.values())])
        _set_up(kibana)
    assert json.dumps([kibana.data_views, list(kibana.objects.values())]) == before
    assert kibana.default == "someone-elses"


@pytest.mark.slow
def test_waits_until_kibana_works_and_says_how_it_is() -> None:
    told = Told()
    with serving(Kibana(not_ready_for=3)) as kibana:
        _set_up(kibana, progress=told)
    assert kibana.calls[:4] == ["GET /api/status"] * 4
    assert told.lines == ["start", "it is unavailable", "done"]


def test_waits_for_a_kibana_that_does_not_listen_yet() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    listening, finished = threading.Event(), threading.Event()
    told = Told(on_note=listening.set)

    def later() -> None:
        listening.wait(10)
        with serving(Kibana(), port):
            finished.wait(10)

    thread = threading.Thread(target=later)
    thread.start()
    try:
        set_up(f"http://127.0.0.1:{port}", "made-up", grafana=GRAFANA, retention="7d", progress=told)
    finally:
        listening.set()
        finished.set()
        thread.join()
    assert "refused" in told.lines[1]
    assert told.lines[-1] == "done"


def test_a_kibana_that_never_works_is_named_after_the_deadline() -> None:
    told = Told()
    with (
        serving(Kibana(not_ready_for=10_000)) as kibana,
        pytest.raises(StackError, match=rf"Kibana at {kibana.url} was not ready within 0 s: it is unavailable\."),
    ):
        _set_up(kibana, deadline_seconds=0.1, progress=told)
    assert not kibana.data_views
    assert told.lines[-1] == "failed"


def test_a_wrong_password_is_said_to_be_one() -> None:
    with serving(Kibana()) as kibana, pytest.raises(StackError, match="refuses the password of its user analyst"):
        _set_up(kibana, password="another")


def test_a_user_without_the_role_is_told_which_one() -> None:
    with (
        serving(Kibana(forbidden=True)) as kibana,
        pytest.raises(StackError, match=r"the user needs the role kibana_admin.*unauthorized for user"),
    ):
        _set_up(kibana)


def test_a_partial_import_names_what_failed_and_why() -> None:
    failing = {
        "vitals-errors": {"type": "missing_references", "references": [{"type": "index-pattern", "id": "vitals-logs"}]},
        "vitals-overview": {"type": "unknown", "message": "migration failed", "statusCode": 500},
    }
    with serving(Kibana(fail_objects=failing)) as kibana, pytest.raises(StackError) as refused:
        _set_up(kibana)
    sentence = str(refused.value)
    assert "Kibana took 15 of 17 saved objects" in sentence
    assert "search vitals-errors: missing_references (index-pattern vitals-logs)" in sentence
    assert "dashboard vitals-overview: unknown migration failed" in sentence


@pytest.mark.slow
def test_a_kibana_that_goes_silent_does_not_hold_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kibana_setup, "_REQUEST_SECONDS", 0.3)
    path = "/api/saved_objects/_import"
    with serving(Kibana(silent_on=path)) as kibana, pytest.raises(StackError, match=rf"did not answer POST {path} within"):
        _set_up(kibana)


def test_what_kibana_refuses_is_told_in_its_own_words(tmp_path: Path) -> None:
    folder = tmp_path / "data-views"
    folder.mkdir()
    (folder / "wrong.json").write_text('{"id": "wrong", "title": "logs-*", "no_such_key": 1}')
    with (
        serving(Kibana()) as kibana,
        pytest.raises(StackError, match=r"refused POST /api/data_views/data_view with 400: .*no_such_key"),
    ):
        _set_up(kibana, folder=tmp_path)


@pytest.mark.slow
def test_the_verb_takes_address_and_secrets_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "elasticsearch-analyst-password").write_text("from-a-file\n")
    with serving(Kibana(password="from-a-file")) as kibana:
        ended = subprocess.run(
            [Path(sys.executable).with_name("vitals"), "setup-kibana"],
            env={
                **os.environ,
                "VITALS_ENV_FILE": os.devnull,
                "SECRETS_DIR": str(tmp_path),
                "KIBANA_URL": kibana.url,
                "GRAFANA_PUBLIC_URL": "http://grafana.example:3000/",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (ended.returncode, ended.stdout) == (0, "Kibana has 5 data views and 17 saved objects of ours.\n"), ended.stderr
    link = kibana.data_views["vitals-logs"]["fieldFormats"]["trace_id"]["params"]["urlTemplate"]
    assert link.startswith("http://grafana.example:3000/explore?")
