"""Where the configuration files are, and what is told and written because of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from vitals.checkout import INSTALLED, ROOT, described, still_there
from vitals.configuration import CONFIGURATION, runbook
from vitals.engines.builds import _writable_copy
from vitals.provisioning.prometheus_files import SOURCES, with_runbooks
from vitals.settings import env_file


def test_in_a_checkout_the_files_are_the_checkouts() -> None:
    assert (INSTALLED, CONFIGURATION) == (False, ROOT)
    assert (ROOT / runbook("ServiceAbsent")).is_file()
    assert described(ROOT) == f"the checkout {ROOT}"


def test_where_it_is_installed_they_are_the_packages(tmp_path: Path) -> None:
    site_packages = tmp_path / "site-packages"
    package = site_packages / "vitals"
    (package / "share").mkdir(parents=True)
    for name in ("checkout.py", "configuration.py"):
        (package / name).write_bytes((ROOT / "service" / "src" / "vitals" / name).read_bytes())
    (package / "__init__.py").touch()
    program = (
        "from vitals.checkout import *; from vitals.configuration import *\nprint(INSTALLED, ROOT, CONFIGURATION, runbook('A'))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], env={"PYTHONPATH": str(site_packages)}, capture_output=True, text=True, check=True
    )
    share = package / "share"
    assert done.stdout.split() == ["True", str(site_packages), str(share), f"{share}/docs/runbooks/A.md"]
    assert still_there(site_packages)
    assert described(site_packages) == f"the installation in {site_packages}"
    assert not still_there(tmp_path)


@pytest.mark.parametrize("place", ["/opt/an environment: #1/share", "/opt/share"])
@pytest.mark.parametrize("profile", ["demo", "production"])
def test_rules_name_the_runbooks_where_they_are(profile: str, place: str) -> None:
    for file in sorted((SOURCES / "rules" / profile).glob("*.yml")):
        text = file.read_text()
        assert with_runbooks(text) == text
        before, after = yaml.safe_load(text), yaml.safe_load(with_runbooks(text, lambda alert: f"{place}/{alert}.md"))
        for old, new in zip(before["groups"], after["groups"], strict=True):
            for one, other in zip(old["rules"], new["rules"], strict=True):
                if "alert" in one:
                    assert other["annotations"].pop("runbook_url") == f"{place}/{one['alert']}.md"
                    assert one["annotations"].pop("runbook_url") == f"docs/runbooks/{one['alert']}.md"
                assert one == other


def test_a_recipe_that_may_not_be_written_to_can_be_built(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe"
    (recipe / "builder").mkdir(parents=True)
    (recipe / "builder" / "go.mod").touch(mode=0o444)
    for folder in (recipe / "builder", recipe):
        folder.chmod(0o555)
    copy = _writable_copy(recipe, tmp_path / "copy")
    paths = [copy, *copy.rglob("*")]
    assert len(paths) == 3
    assert all(path.stat().st_mode & 0o200 for path in paths)


@pytest.mark.parametrize(("line", "told"), [("DATABASE_URL=x", 0), ("PORT=1", 0), ("SERVICE_POTR=8001", 1)])
def test_a_shared_env_file_holds_other_programs_options(
    line: str, told: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = line.partition("=")[0]
    monkeypatch.setenv(name, "as it was")
    (tmp_path / ".env").write_text(f"{line}\n")
    assert len(env_file.load(tmp_path / ".env", shared=True)) == told
    assert len(env_file.load(tmp_path / ".env")) == 1
