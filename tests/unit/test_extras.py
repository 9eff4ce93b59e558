"""What is installed with the package's base and with each extra is what is imported there, no less and no more."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from vitals.cli.verb_table import MODULES, VERBS, Verb
from vitals.extras import DISTRIBUTION

from ..own_code import OWN_CODE
from .imports_of import closure, come_with, declared, declared_in, modules, needed, owner

LOCUST = "vitals.scenarios.traffic.locust_users"
"""A process of its own: no import leads there."""

EITHER = ("serve", "stack")
"""A verb that names no extra needs one of these."""

ASKED_FOR_FIRST = {f"vitals.profiling.conversion.{name}" for name in ("onnx_conversion", "onnx_tree_gaps")}
"""They run only where skl2onnx can be imported."""

BEFORE_ANY_VERB = tuple(f"vitals.cli.{name}" for name in ("__main__", "all_verbs", "right_checkout", "serving"))


def lacking(modules: set[str], extras: Sequence[str], *, lazy: bool) -> dict[str, set[str]]:
    """What the modules import and the base with the extras does not bring, with the modules that import it."""
    there = come_with(declared(*extras))
    with_onnx = come_with(declared("onnx"))
    found = needed(modules, lazy=lazy)
    return {name: by for name, by in found.items() if name not in there and not (by <= ASKED_FOR_FIRST and name in with_onnx)}


def test_the_base_has_what_instrument_imports() -> None:
    assert lacking(closure("vitals.telemetry", lazy=True), (), lazy=True) == {}


def test_the_base_has_nothing_else() -> None:
    imported = needed(closure("vitals.telemetry", lazy=True), lazy=True)
    assert [name for name in sorted(declared()) if not come_with({name}) & imported.keys()] == []
    ours = {name for name in declared() if not name.startswith("opentelemetry-")}
    assert ours <= imported.keys()


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_verb_starts_with_its_own_extras(verb: Verb) -> None:
    roots = closure("vitals.cli.root", f"vitals.cli.verbs.{verb.module}", lazy=False)
    for extras in [verb.extras] if verb.extras else [(one,) for one in EITHER]:
        assert lacking(roots, extras, lazy=False) == {}


@pytest.mark.parametrize("module", sorted({verb.module for verb in VERBS}))
def test_a_verb_runs_with_its_own_extras(module: str) -> None:
    extras = sorted({extra for verb in VERBS if verb.module == module for extra in verb.extras or EITHER})
    roots = [f"vitals.cli.verbs.{module}", *([LOCUST] if module == "scenario" else [])]
    assert lacking(closure(*roots, lazy=True), extras, lazy=True) == {}


@pytest.mark.parametrize("extra", ["serve", "stack", "report", "scenarios"])
def test_an_extra_has_only_what_its_verbs_import(extra: str) -> None:
    roots = {f"vitals.cli.verbs.{verb.module}" for verb in VERBS if extra in verb.extras} | {"vitals.cli.root"}
    if extra == "scenarios":
        roots.add(LOCUST)
    imported = needed(closure(*roots, lazy=True), lazy=True)
    own = {canonicalize_name(one.name) for one in declared_in(extra)} - {DISTRIBUTION}
    assert own <= imported.keys()


def test_every_module_is_of_the_base_or_of_a_verb() -> None:
    """So nothing escapes these tests but what runs before any verb does."""
    roots = {f"vitals.cli.verbs.{verb.module}" for verb in VERBS} | {"vitals.telemetry", LOCUST}
    assert set(modules()) - closure(*roots, *BEFORE_ANY_VERB, lazy=True) == set()


def test_what_shows_that_an_extra_is_installed_comes_with_it() -> None:
    for extra, named in MODULES.items():
        assert {owner(name) for name in named} <= declared(extra)


def test_an_instrumented_application_loads_nothing_of_models() -> None:
    program = (
        "import sys; from fastapi import FastAPI; from vitals import instrument\n"
        "instrument(FastAPI(), service_name='orders')\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], env=OWN_CODE, capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split())
    assert {"vitals", "fastapi", "opentelemetry"} <= loaded
    assert not loaded & {"numpy", "pandas", "sklearn", "scipy", "onnxruntime", "msgspec", "pydantic_settings", "typer", "httpx2"}


@pytest.fixture(scope="module")
def site_packages() -> Path:
    import fastapi

    return Path(fastapi.__file__).parents[1]


def vitals_without(lacking: Sequence[str], site_packages: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command of a Python that has these packages' distributions not installed."""
    folder.mkdir()
    for path in site_packages.iterdir():
        if path.name not in lacking and path.suffix not in (".pth",):
            (folder / path.name).symlink_to(path)
    program = f"import sys; sys.path += [{str(folder)!r}]; sys.path.insert(0, {OWN_CODE['PYTHONPATH']!r})\n"
    program += "from vitals.cli import main; main()"
    env = {"HOME": str(folder.parent), "LC_ALL": "C.UTF-8", "VITALS_ENV_FILE": "/dev/null"}
    command = [sys.executable, "-S", "-P", "-c", program, *words]
    return subprocess.run(command, cwd=folder.parent, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_of_the_base_alone_says_what_to_install(site_packages: Path, tmp_path: Path) -> None:
    everything = [path.name for path in site_packages.iterdir()]
    for number, words in enumerate([("trace", "7"), ("--help",)]):
        done = vitals_without(everything, site_packages, tmp_path / str(number), *words)
        assert done.returncode == 2
        [line] = done.stderr.splitlines()
        assert "pip install 'vitals-otel[" in line
        if words[0] == "trace":
            assert line.startswith(f"`vitals {words[0]}` needs more than is installed: ")


@pytest.mark.slow
def test_a_verb_without_its_extra_is_listed_and_says_what_to_install(site_packages: Path, tmp_path: Path) -> None:
    lacks = ("sklearn", "skops", "pandas", "msgspec.py", "msgspec")
    done = vitals_without(lacks, site_packages, tmp_path / "a", "up", "elk")
    assert done.returncode == 2
    assert done.stderr == "`vitals up` needs more than is installed: pip install 'vitals-otel[serve,stack]'.\n"
    done = vitals_without(lacks, site_packages, tmp_path / "b", "--help")
    assert done.returncode == 0, done.stderr
    said = {verb.name for verb in VERBS if {"serve", "report", "scenarios"} & set(verb.extras) and not verb.hidden}
    assert done.stdout.count("Needs pip install") == len(said) == 8
    assert "Print every option" in done.stdout
