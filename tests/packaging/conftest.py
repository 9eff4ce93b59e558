"""The package as it is published: built once, and installed from the package index's files into environments of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from vitals.checkout import ROOT


@dataclass(frozen=True)
class Built:
    """The files to publish."""

    sdist: Path
    wheel: Path


@dataclass(frozen=True)
class Environment:
    """A virtual environment with the package, and an empty folder to work in."""

    folder: Path
    work: Path

    @property
    def package(self) -> Path:
        """Where the package is installed."""
        [found] = self.folder.glob("lib/python*/site-packages/vitals")
        return found

    def run(self, *command: str, env: dict[str, str] | None = None, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment in its folder, with nothing of the caller's Python."""
        kept = {name: value for name, value in (env or os.environ).items() if name not in ("PYTHONPATH", "VITALS_ENV_FILE")}
        path = self.folder / "bin" / command[0]
        return subprocess.run(
            [path, *command[1:]], cwd=self.work, env=kept, capture_output=True, text=True, timeout=timeout, check=False
        )


def build(source: Path, to: Path, *targets: str) -> None:
    """Build with hatchling as it is installed here: no isolation, so nothing is fetched."""
    wanted = [part for target in targets for part in ("--target", target)]
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--directory", to, *wanted],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """What PACKAGES names, as `make package` does: what is tested is what is published. Without it, built anew."""
    folder = Path(os.environ.get("PACKAGES") or tmp_path_factory.mktemp("dist"))
    if not any(folder.glob("*.whl")):
        build(ROOT, folder, "sdist", "wheel")
    [sdist], [wheel] = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Built(sdist, wheel)


@pytest.fixture(scope="session")
def pins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The versions of requirements/dev.txt: the package itself says what it needs, this only in which version."""
    text = (ROOT / "requirements" / "dev.txt").read_text()
    file = tmp_path_factory.mktemp("pins") / "pins.txt"
    file.write_text("\n".join(map("".join, re.findall(r"^([\w.-]+)(?:\[\w+\])?(==[^\\\n]+)", text, re.MULTILINE))))
    return file


def installed(built: Built, pins: Path, folder: Path, *extras: str) -> Environment:
    """A new environment with the wheel and what it requires, by pip, which knows the user's package index."""
    wanted = f"vitals-otel[{','.join(extras)}] @ {built.wheel.resolve().as_uri()}"
    python = folder / "environment" / "bin" / "python"
    for command in (
        [sys.executable, "-m", "venv", folder / "environment"],
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint", pins, wanted],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    (folder / "empty").mkdir()
    return Environment(folder / "environment", folder / "empty")


@pytest.fixture(scope="session")
def base(built: Built, pins: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """With no extra."""
    return installed(built, pins, tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def full(built: Built, pins: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """With what `vitals up` needs."""
    return installed(built, pins, tmp_path_factory.mktemp("full"), "serve", "stack")
