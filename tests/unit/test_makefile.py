"""The environment belongs to the folder it stands in: make makes it anew where it was copied, moved, or lost its Python."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from vitals.checkout import ROOT

from .checkout_copies import clean_environment, copied, run

PYTHON = """#!/bin/sh
# Makes environments whose Python is a link to `runs`, and notes what was asked of it.
echo "$*" >> "$0.log"
case "$1 $2" in
  "-m venv") mkdir -p "$3/bin" && ln -s "$(dirname "$0")/runs" "$3/bin/python" && date +%N > "$3/made" ;;
esac
"""


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """What stands for Python: makes an environment at once, and installs nothing."""
    folder = tmp_path / "pythons"
    folder.mkdir()
    for name, script in (("python", PYTHON), ("runs", "#!/bin/sh\n")):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    return folder / "python"


@pytest.fixture
def original(tmp_path: Path, python: Path) -> Path:
    checkout = tmp_path / "the original, $1 (a 'checkout')"
    (checkout / "requirements").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "requirements/pip.txt", "requirements/dev.txt"):
        shutil.copy(ROOT / name, checkout / name)
    assert made_anew(checkout, python)
    return checkout


def make(checkout: Path, python: Path, *words: str) -> subprocess.CompletedProcess[str]:
    done = run(["make", f"PYTHON={python}", *words], checkout, clean_environment(python.parent))
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def made_anew(checkout: Path, python: Path) -> bool:
    """Whether `make` made the environment; after it, another `make` has nothing to do."""
    said = make(checkout, python).stdout
    assert make(checkout, python).stdout.startswith("make: Nothing to be done")
    assert (checkout / ".venv" / "bin" / "python").exists()
    return "Making the virtual environment" in said


def identity(checkout: Path) -> str:
    return (checkout / ".venv" / "made").read_text()


def test_where_it_was_made_it_stays(original: Path, python: Path, tmp_path: Path) -> None:
    before = identity(original)
    (tmp_path / "link").symlink_to(original)
    assert not made_anew(tmp_path / "link", python)
    (original / "requirements" / "dev.txt").touch()
    assert not made_anew(original, python), "only what it holds is installed anew"
    assert identity(original) == before


def test_a_copied_one_is_made_anew_and_the_originals_stays(original: Path, python: Path, tmp_path: Path) -> None:
    before = identity(original)
    copy = copied(original, tmp_path / "a copy")
    assert made_anew(copy, python)
    assert identity(copy) != before == identity(original)
    assert not made_anew(original, python)


def test_one_that_is_a_link_to_the_originals_is_made_anew_and_the_originals_stays(
    original: Path, python: Path, tmp_path: Path
) -> None:
    before = identity(original)
    copy = copied(original, tmp_path / "a copy")
    shutil.rmtree(copy / ".venv")
    (copy / ".venv").symlink_to(original / ".venv")
    assert made_anew(copy, python)
    assert not (copy / ".venv").is_symlink()
    assert identity(original) == before


def test_a_moved_one_is_made_anew(original: Path, python: Path, tmp_path: Path) -> None:
    assert made_anew(original.rename(tmp_path / "moved"), python)


def test_one_whose_python_is_gone_is_made_anew(original: Path, python: Path) -> None:
    (original / ".venv" / "bin" / "python").unlink()
    (original / ".venv" / "bin" / "python").symlink_to("/no/such/python")
    assert made_anew(original, python)


def test_one_that_was_not_finished_is_made_anew(original: Path, python: Path) -> None:
    (original / ".venv" / ".ready").unlink()
    assert made_anew(original, python)


@pytest.mark.parametrize("verb", ["down", "up", "status", "lint"])
def test_every_verb_makes_it_anew_first(original: Path, python: Path, tmp_path: Path, verb: str) -> None:
    copy = copied(original, tmp_path / "a copy")
    assert "-m venv" in make(copy, python, "--dry-run", verb).stdout
    assert "-m venv" not in make(original, python, "--dry-run", verb).stdout


DOCKER = """#!/bin/sh
# Says what Docker would of containers that were made in the folder that the file beside it names, and notes what was asked of it.
echo "$*" >> "$0.log"
case "$*" in
  *"config --format json"*) echo '{'; echo '  "name": "vitals",' ;;
  "ps "*) cat "$0.folder" ;;
  "volume ls "*) echo vitals_secrets; echo vitals_model ;;
esac
"""


@pytest.fixture
def docker(tmp_path: Path) -> Path:
    folder = tmp_path / "docker"
    folder.mkdir()
    (folder / "docker").write_text(DOCKER)
    (folder / "docker").chmod(0o755)
    return folder / "docker"


@pytest.mark.parametrize("words", [("up",), ("down",), ("restart",), ("down", "VOLUMES=1"), ("down", "VOLUMES=1", "ONLY=elk")])
def test_the_containers_of_another_checkout_are_left_alone(tmp_path: Path, docker: Path, words: tuple[str, ...]) -> None:
    checkouts = [tmp_path / name for name in ("the original", "a copy")]
    for checkout in checkouts:
        checkout.mkdir()
        for name in ("Makefile", "compose.yaml"):
            shutil.copy(ROOT / name, checkout / name)
    original, copy = checkouts
    docker.with_name("docker.folder").write_text(f"{original}\n")
    env = clean_environment(tmp_path)
    env["PATH"] = f"{docker.parent}:{env['PATH']}"

    def asked(checkout: Path) -> tuple[subprocess.CompletedProcess[str], str]:
        docker.with_name("docker.log").write_text("")
        return run(["make", "WITH=compose", *words], checkout, env), docker.with_name("docker.log").read_text()

    done, log = asked(copy)
    assert done.returncode != 0
    assert f"belong to the checkout {original}" in done.stderr
    assert not [line for line in log.splitlines() if line.split("compose")[-1].split()[:1] in (["up"], ["down"])]
    done, log = asked(original)
    assert done.returncode == 0, done.stderr
    assert "compose" in log
    assert ("Deleting the volumes of the project vitals: vitals_secrets vitals_model" in done.stderr) is ("VOLUMES=1" in words)
    shutil.rmtree(original)
    assert asked(copy)[0].returncode == 0, "its checkout is gone"
