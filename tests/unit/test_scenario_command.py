"""`vitals scenario` as a command: what it lists, what it refuses with a sentence, and that its disturbances are undone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from vitals.errors import StackError
from vitals.host.progress import Silent
from vitals.scenarios import disturbances
from vitals.scenarios.catalogue import SCENARIOS, scenario
from vitals.scenarios.disturbances import serving, without_elasticsearch
from vitals.scenarios.run import Outcome, complaint
from vitals.scenarios.traffic.plan import Told
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings

from ..own_code import OWN_CODE


def vitals(tmp_path: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    env = {**kept, **OWN_CODE, "VITALS_ENV_FILE": os.devnull, "VITALS_STATE_DIR": str(tmp_path / "state"), **variables}
    return subprocess.run(
        [sys.executable, "-m", "vitals.cli", "scenario", *words], env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("windows", ["demo", "production"])
def test_the_list_has_every_scenario(tmp_path: Path, windows: str) -> None:
    told = json.loads(vitals(tmp_path, "list", "--json", ALERT_WINDOWS=windows).stdout)
    assert [one["name"] for one in told] == list(SCENARIOS)
    assert {one["name"]: one["seconds"] for one in told} == {name: one.seconds[windows] for name, one in SCENARIOS.items()}
    for_people = vitals(tmp_path, "list").stdout
    assert all(name in for_people for name in SCENARIOS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "variables", "sentence"),
    [
        (["chaos"], {}, "There is no scenario 'chaos'"),
        (["normal", "--duration", "soon"], {}, "'soon' is not a duration; write it as 90s, 20m or 1h30m"),
        (["normal", "--duration", "25h"], {}, "at most 24 h"),
        (["normal", "--expect"], {"METRICS_BACKEND": "none"}, "METRICS_BACKEND is none"),
        (["backend-outage"], {"LOGS_BACKEND": "none", "TRACES_BACKEND": "jaeger"}, "nothing is sent there"),
    ],
)
def test_what_can_not_be_run_is_a_sentence_before_anything_starts(
    tmp_path: Path, words: list[str], variables: dict[str, str], sentence: str
) -> None:
    done = vitals(tmp_path, "run", *words, **variables)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "state").exists()


def test_answers_that_are_not_as_they_should_be_are_a_complaint() -> None:
    fine = Told(requests=100, answered={"2xx": 100})
    one_failed = Told(requests=100, answered={"2xx": 99, "5xx": 1}, failures={"answered 503 instead of 2xx": 1})
    two_failed = Told(requests=100, answered={"2xx": 98}, failures={"timed out": 2})
    normal, load = scenario("normal"), scenario("high-load")
    assert complaint(normal, fine) is None
    assert (
        complaint(normal, one_failed) == "1 of 100 requests were not answered as they should be (answered 503 instead of 2xx: 1)."
    )
    assert complaint(load, one_failed) is None
    assert complaint(load, two_failed) is not None
    assert complaint(load, Told()) == "The service answered nothing."
    assert not Outcome("normal", "iris", 0.0, fine, None, "wrong").met
    assert Outcome("normal", "iris", 0.0, fine, None, None).met


class Stack:
    """What was asked of a NativeStack."""

    asked: list[str]

    def __init__(self, settings: Any, service: Any, env: Any) -> None:
        self.settings, self.service, self.env = settings, service, env

    def restart(self, target: str, **_: Any) -> None:
        self.asked.append(f"restart {target} {self.env.get('MODEL_DIR')} {self.service.model_dir}")

    def up(self, target: str, _: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)  # an impatient second Ctrl-C
        self.asked.append(f"up {target} {self.env.get('MODEL_DIR')}")

    def down(self, target: str, **_: Any) -> None:
        self.asked.append(f"down {target}")
        if self.env.get("BROKEN"):
            raise StackError("can't stop")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    monkeypatch.setattr(Stack, "asked", asked, raising=False)
    monkeypatch.setattr(disturbances, "NativeStack", Stack)
    return asked


def stack(**env: str) -> Any:
    return Stack(StackSettings.load(), Settings.load(), env)


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, StackError, None])
def test_the_model_is_the_old_one_again_however_it_ends(asked: list[str], raised: type[BaseException] | None) -> None:
    before = signal.getsignal(signal.SIGINT)  # a job in the background ignores it

    def run() -> None:
        with serving(stack(), Path("/slow"), Silent()):
            if raised:
                raise raised

    if raised:
        with pytest.raises(raised):
            run()
    else:
        run()
    assert asked == ["restart service /slow /slow", "up service None"]
    assert signal.getsignal(signal.SIGINT) is before


def test_elasticsearch_is_started_again_also_where_stopping_failed(asked: list[str]) -> None:
    with without_elasticsearch(stack(), Silent()):
        assert asked == ["down elk"]
    assert asked == ["down elk", "up elk None"]
    with pytest.raises(StackError, match="can't stop"), without_elasticsearch(stack(BROKEN="1"), Silent()):
        pytest.fail("not reached")
    assert asked[2:] == ["down elk", "up elk None"]


def test_an_outage_of_what_is_not_used_is_refused(asked: list[str]) -> None:
    unused = SimpleNamespace(settings=StackSettings.load(logs_backend="none", traces_backend="jaeger"))
    with pytest.raises(StackError, match="nothing is sent there"), without_elasticsearch(unused, Silent()):
        pytest.fail("not reached")
    assert asked == []
