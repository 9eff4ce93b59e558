"""A copy of a checkout, with its environment and its .env, never acts on the original's code, data or processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vitals.host.processes import MARK, end_all, marked, wait_until
from vitals.settings.stack import StackSettings

from ..ports import free_ports
from .checkout_copies import clean_environment, copied, run, small_checkout, with_environment, with_own_environment

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Once run, so that each copy has the compiled modules."""
    checkout = with_environment(small_checkout(tmp_path_factory.mktemp("checkouts") / "the original"))
    env = clean_environment(checkout.parent, VITALS_STATE_DIR=str(checkout.parent / "state"))
    assert vitals(checkout, env, "down").returncode == 0
    return checkout


@pytest.fixture
def original(prepared: Path, tmp_path: Path) -> Path:
    """One of the test's own, so that none meets what another left."""
    return with_own_environment(copied(prepared, tmp_path / "the original"))


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    names = StackSettings.load().ports()
    return clean_environment(tmp_path, **dict(zip(names, map(str, free_ports(len(names))), strict=True)))


def vitals(checkout: Path, env: dict[str, str], *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command of the checkout's own environment."""
    return run([checkout / ".venv" / "bin" / "vitals", *words], cwd or checkout, env)


def state_with_data(folder: Path, checkout: Path, env: dict[str, str]) -> Path:
    """Data as the checkout's stack leaves them; `python -c` because no engines are there to start."""
    program = (
        "from pathlib import Path\n"
        "from vitals.provisioning.data_owner import data_owner\nfrom vitals.host.secrets import Secrets\n"
        f"state = Path({str(folder)!r}); data_owner(state).take(); Secrets(state / 'secrets').ensure()"
    )
    done = run([checkout / ".venv" / "bin" / "python", "-c", program], checkout, env)
    assert done.returncode == 0, done.stderr
    return folder


def assert_refused(done: subprocess.CompletedProcess[str], *named: Path) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for one in named:
        assert str(one) in done.stderr


def test_the_command_works_where_it_belongs(original: Path, env: dict[str, str], tmp_path: Path) -> None:
    for cwd in (original / "native", tmp_path):
        assert vitals(original, env, "options", cwd=cwd).returncode == 0
    (tmp_path / "link").symlink_to(original)
    assert vitals(tmp_path / "link", env, "options").returncode == 0
    (tmp_path / "vitals").symlink_to(original / ".venv" / "bin" / "vitals")
    assert run([tmp_path / "vitals", "options"], tmp_path, env).returncode == 0


def test_a_copied_environment_is_refused(original: Path, env: dict[str, str], tmp_path: Path) -> None:
    copy = copied(original, tmp_path / "a copy")
    assert_refused(vitals(copy, env, "down", "--volumes", cwd=tmp_path), copy, original)
    # Its Python, which is a link, takes the copied environment for its own.
    started = run([copy / ".venv" / "bin" / "python", "-m", "vitals.cli", "status"], tmp_path, env)
    assert_refused(started, copy, original)


def test_an_environment_that_is_a_link_to_the_originals_is_refused(original: Path, env: dict[str, str], tmp_path: Path) -> None:
    copy = copied(original, tmp_path / "a copy")
    shutil.rmtree(copy / ".venv")
    (copy / ".venv").symlink_to(original / ".venv")
    assert_refused(vitals(copy, env, "down", cwd=tmp_path), copy, original)


def test_the_originals_command_started_in_the_copy_is_refused(original: Path, env: dict[str, str], tmp_path: Path) -> None:
    """As an activated copy of an environment does: its `activate` names the original's folder."""
    copy = copied(original, tmp_path / "a copy")
    assert_refused(vitals(original, env, "down", "--volumes", cwd=copy / "native"), copy, original)


def test_who_names_the_code_gets_it(original: Path, env: dict[str, str], tmp_path: Path) -> None:
    """A developer's PYTHONPATH is a choice: another checkout's environment for this checkout's code."""
    copy = copied(original, tmp_path / "a copy")
    env = {**env, "PYTHONPATH": str(copy / "service" / "src")}
    assert run([original / ".venv" / "bin" / "vitals", "options"], copy, env).returncode == 0


@pytest.mark.parametrize("words", [("down",), ("restart", "--volumes"), ("up",), ("down", "elk", "--volumes")])
def test_a_copied_env_file_does_not_reach_the_originals_data(
    original: Path, env: dict[str, str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    state = state_with_data(tmp_path / "data of all", original, env)
    (original / ".env").write_text(f"VITALS_STATE_DIR='{state}'\n")
    copy = copied(original, tmp_path / "a copy")
    with_own_environment(copy)
    before = sorted(state.rglob("*"))
    assert_refused(vitals(copy, env, *words), copy, original, state)
    assert sorted(state.rglob("*")) == before


def test_an_example_model_is_not_trained_into_the_originals_data(original: Path, env: dict[str, str], tmp_path: Path) -> None:
    state = state_with_data(tmp_path / "state", original, env)
    copy = copied(original, tmp_path / "a copy")
    with_own_environment(copy)
    assert_refused(vitals(copy, {**env, "VITALS_STATE_DIR": str(state)}, "train-example"), copy, original)
    assert not (state / "model").exists()


@pytest.fixture
def engine(original: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the original's stack, whose folder does not say whose it is: an earlier release started it."""
    found = "from vitals.orchestration.native_stack import NativeStack\n"
    found += "from vitals.settings.service import Settings\nfrom vitals.settings.stack import StackSettings\n"
    found += "print(NativeStack(StackSettings.load(), Settings.load()).ident)"
    state = tmp_path / "state"
    (state / "secrets").mkdir(parents=True)
    env = clean_environment(tmp_path, VITALS_STATE_DIR=str(state))
    told = run([original / ".venv" / "bin" / "python", "-c", found], original, env)
    assert told.returncode == 0, told.stderr
    ident = told.stdout.strip()
    marks = {MARK: f"{ident}:service", "CHECKOUT": str(original)}
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env={**os.environ, **marks})
    try:
        assert wait_until(lambda: len(marked(ident)) == 1, 20)
        yield child
    finally:
        end_all(marked(ident))
        child.wait()


@pytest.mark.parametrize("words", [("down",), ("up",)])
def test_the_originals_running_stack_is_left_alone(
    original: Path, engine: subprocess.Popen[bytes], env: dict[str, str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    copy = copied(original, tmp_path / "a copy")
    with_own_environment(copy)
    env = {**env, "VITALS_STATE_DIR": str(tmp_path / "state")}
    assert_refused(vitals(copy, env, *words), copy, original)
    (tmp_path / "link").symlink_to(tmp_path / "state")
    assert_refused(vitals(copy, {**env, "VITALS_STATE_DIR": str(tmp_path / "link")}, *words), copy, original)
    assert engine.poll() is None


def test_deleting_says_whose_and_where(original: Path, env: dict[str, str], tmp_path: Path) -> None:
    state = state_with_data(tmp_path / "state", original, env)
    (state / "a file of the user's").touch()
    done = vitals(original, {**env, "VITALS_STATE_DIR": str(state)}, "down", "--volumes")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0] == f"Deleting the data of the checkout {original}: secrets in {state}."
    assert {path.name for path in state.iterdir()} == {"a file of the user's", ".lock"}
    # Now the folder is nobody's.
    assert vitals(original, {**env, "VITALS_STATE_DIR": str(state)}, "down", "--volumes").returncode == 2


def test_what_no_checkout_made_is_not_deleted(original: Path, env: dict[str, str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "model").mkdir(parents=True)
    done = vitals(original, {**env, "VITALS_STATE_DIR": str(home)}, "down", "--volumes")
    assert_refused(done, home, original)
    assert (home / "model").is_dir()


def test_the_data_of_a_moved_checkout_can_be_gone_on_with(original: Path, env: dict[str, str], tmp_path: Path) -> None:
    state = state_with_data(tmp_path / "state", original, env)
    moved = original.rename(tmp_path / "moved")
    with_own_environment(moved)
    done = vitals(moved, {**env, "VITALS_STATE_DIR": str(state)}, "down")
    assert done.returncode == 0, done.stderr
    assert f"were made by {original}, which is gone" in done.stderr
    done = vitals(moved, {**env, "VITALS_STATE_DIR": str(state)}, "down", "--volumes")
    assert f"Deleting the data of the checkout {moved}: secrets in {state}." in done.stderr


def test_data_that_were_copied_with_their_checkout_are_the_copys(original: Path, env: dict[str, str], tmp_path: Path) -> None:
    state_with_data(original / "data", original, env)
    copy = copied(original, tmp_path / "a copy")
    with_own_environment(copy)
    done = vitals(copy, {**env, "VITALS_STATE_DIR": "data"}, "down", "--volumes")
    assert done.returncode == 0, done.stderr
    assert f"are a copy of those of {original}" in done.stderr
    assert not (copy / "data" / "secrets").exists()
    assert (original / "data" / "secrets").is_dir()


def test_each_checkout_has_a_state_folder_of_its_own(original: Path, env: dict[str, str], tmp_path: Path) -> None:
    copy = copied(original, tmp_path / "a copy")
    with_own_environment(copy)
    for checkout in (original, copy):
        assert vitals(checkout, env, "down").returncode == 0
    assert len(list((tmp_path / "state" / "vitals").iterdir())) == 2
