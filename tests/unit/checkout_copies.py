"""Small checkouts to copy and move: the project's own code, without what a test has no use for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from vitals.checkout import ROOT


def small_checkout(folder: Path) -> Path:
    """The code, the options of the engines, and the Makefile."""
    shutil.copytree(ROOT / "service" / "src", folder / "service" / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "native", folder / "native")
    shutil.copytree(ROOT / "otel-collector", folder / "otel-collector")
    for name in ("pyproject.toml", "Makefile", "compose.yaml"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def with_environment(checkout: Path) -> Path:
    """The checkout with an environment of its own, which leads to its code as `pip install --editable` does."""
    venv.create(checkout / ".venv", symlinks=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    links = checkout / ".venv" / "lib" / version / "site-packages" / "_vitals.pth"
    links.write_text(f"{checkout / 'service' / 'src'}\n{sysconfig.get_paths()['purelib']}\n")
    script = checkout / ".venv" / "bin" / "vitals"
    python = checkout / ".venv" / "bin" / "python"
    # As pip writes it where the path has spaces.
    script.write_text(f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\nfrom vitals.cli import main\nmain()\n")
    script.chmod(0o755)
    return checkout


def with_own_environment(checkout: Path) -> Path:
    """What `make` does in a copy: the environment that came along is gone."""
    shutil.rmtree(checkout / ".venv")
    return with_environment(checkout)


def copied(checkout: Path, to: Path) -> Path:
    """A copy with all that is in it, as `cp -a` makes it."""
    shutil.copytree(checkout, to, symlinks=True)
    return to


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """Nothing of the caller's: neither its options nor its PYTHONPATH."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "LC_ALL": "C.UTF-8", **more}


def run(command: list[str | Path], cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)
