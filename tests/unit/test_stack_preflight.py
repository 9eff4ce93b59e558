"""What is said before anything starts: real sockets, real folders, and a PATH of made-up tools."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from vitals.engines.java import find_jdk
from vitals.engines.recipes import load_recipes
from vitals.errors import PreflightError
from vitals.host.ports import in_use
from vitals.orchestration import preflight
from vitals.orchestration.groups import GROUPS
from vitals.settings.stack import StackSettings

from ..ports import free_ports

RECIPES = list(load_recipes().values())


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users can pass through, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def tool(folder: Path, name: str, says: str = "") -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho '{says}'\n")
    (folder / name).chmod(0o755)


def jdk(folder: Path, version: str = "25.0.3", modules: str = "java.base jdk.jdi") -> Path:
    (folder / "bin").mkdir(parents=True)
    tool(folder / "bin", "java")
    (folder / "release").write_text(f'JAVA_VERSION="{version}"\nMODULES="{modules}"\n')
    return folder


def settings(folder: Path, **more: object) -> StackSettings:
    names = [name for name in StackSettings.model_fields if name.endswith("_port")]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    return StackSettings.load(**{"vitals_cache_dir": folder / "cache", "vitals_state_dir": folder / "state", **ports, **more})


def sentences(settings: StackSettings, env: dict[str, str], **more: object) -> list[str]:
    asked = {"missing": [], "to_start": [], "stack": "none", **more}
    try:
        preflight.check(settings, env=env, **asked)  # type: ignore[arg-type]  # the keywords are put together above
    except PreflightError as told:
        return list(told.sentences)
    return []


def test_nothing_is_said_where_everything_is_there(folder: Path) -> None:
    jdk(folder / "jdk")
    tool(folder / "bin", "go", "go version go1.25.0 linux/amd64")
    tool(folder / "bin", "mvn")
    env = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "JAVA_HOME": str(folder / "jdk")}
    assert sentences(settings(folder), env, missing=RECIPES, to_start=list(GROUPS)) == []


def test_each_missing_tool_is_named_with_what_it_is_for(folder: Path) -> None:
    (folder / "bin").mkdir()
    go, mvn = sentences(settings(folder), {"PATH": str(folder / "bin")}, missing=RECIPES)
    assert go.startswith("go is not on PATH: install Go 1.25 or later")
    assert "prometheus" in go
    assert mvn.startswith("mvn is not on PATH: install Maven")
    assert mvn.endswith("it fetches elasticsearch, once.")


def test_a_tool_is_not_asked_for_when_its_engines_are_cached(folder: Path) -> None:
    assert sentences(settings(folder), {"PATH": str(folder)}) == []


def test_an_old_go_is_refused(folder: Path) -> None:
    tool(folder / "bin", "go", "go version go1.24.9 linux/amd64")
    tool(folder / "bin", "mvn")
    [old] = sentences(settings(folder), {"PATH": str(folder / "bin")}, missing=RECIPES)
    assert old.startswith(f"{folder / 'bin' / 'go'} is 1.24: install Go 1.25 or later")


@pytest.mark.parametrize(
    ("version", "modules", "lack"),
    [("17.0.15", "java.base jdk.jdi", "is version 17"), ("21.0.1", "java.base", "lacks the module jdk.jdi")],
)
def test_a_jdk_that_does_not_fit_is_named(folder: Path, version: str, modules: str, lack: str) -> None:
    home = jdk(folder / "jdk", version, modules)
    said = sentences(settings(folder, vitals_java_home=home), dict(os.environ), to_start=["elk"])
    assert len(said) == 1
    assert said[0].startswith("Elasticsearch needs a full JDK 21 or later")
    assert f"{home} " in said[0]
    assert lack in said[0]


def test_the_jdk_is_looked_for_in_order(folder: Path) -> None:
    old = jdk(folder / "old", "17.0.1")
    on_path = jdk(folder / "on-path", "21.0.1")
    usual = jdk(folder / "jvm" / "usual", "22")
    mac = jdk(folder / "macos" / "some.jdk" / "Contents" / "Home", "23")
    places = (folder / "jvm", folder / "macos")
    env = {"JAVA_HOME": str(old), "PATH": str(on_path / "bin")}

    def found(chosen: Path | None, env: dict[str, str], places: tuple[Path, ...] = places) -> Path | None:
        jdk = find_jdk(chosen, env, places)
        return jdk.home if jdk else None

    assert found(None, env) == on_path
    assert found(None, {"PATH": ""}) == usual
    assert found(None, {"PATH": ""}, places[1:]) == mac
    assert found(old, env) is None
    assert found(None, {"JAVA_HOME": str(mac), **{"PATH": str(on_path / "bin")}}) == mac


def test_a_port_in_use_is_named_with_who_uses_it(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert in_use(port)
        [taken] = sentences(settings(folder, prometheus_port=port), dict(os.environ), to_start=["prom-graf"])
    assert taken.startswith(f"PROMETHEUS_PORT {port} is in use by ")
    assert f"(process {os.getpid()})" in taken
    assert taken.endswith("change it in .env or stop what uses it.")
    assert not in_use(port)


def test_a_port_of_another_group_does_not_matter(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        chosen = settings(folder, prometheus_port=other.getsockname()[1])
        assert sentences(chosen, dict(os.environ), to_start=["service"]) == []


def test_a_port_on_all_addresses_is_in_use_too() -> None:
    with socket.create_server(("", 0)) as other:
        assert in_use(other.getsockname()[1])


def test_an_unknown_backend_lists_those_that_exist(folder: Path) -> None:
    [wrong] = sentences(settings(folder, traces_backend="elastic"), dict(os.environ), to_start=["collector"])
    assert wrong.startswith("TRACES_BACKEND is wrong")
    assert "elasticsearch+jaeger" in wrong


def test_too_small_a_disk_is_said(folder: Path) -> None:
    needs = preflight.Needs(disk_to_build=1 << 60, disk_to_run=1 << 60)
    run, build = sentences(
        settings(folder), {"PATH": os.environ["PATH"]}, missing=[one for one in RECIPES if one.kind != "maven"], needs=needs
    )
    assert f"{folder / 'state'} is on a disk with" in run
    assert "building the engines takes about" in build


def test_too_little_memory_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hungry = {name: type(group)(group.name, group.ports, 1 << 50, group.data) for name, group in GROUPS.items()}
    monkeypatch.setattr(preflight, "GROUPS", hungry)
    [little] = sentences(settings(folder), dict(os.environ), to_start=["prom-graf"])
    assert little.startswith("prom-graf want 1048576.0 GiB of memory")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts Elasticsearch as another user")
class TestAsRoot:
    def test_folders_that_nobody_can_reach_are_named(self, folder: Path) -> None:
        (folder / "closed").mkdir(mode=0o700)
        home = jdk(folder / "jdk")
        chosen = settings(folder / "closed", vitals_java_home=home)
        said = sentences(chosen, dict(os.environ), to_start=["elk"])
        assert [one.split(" ")[0] for one in said] == ["VITALS_CACHE_DIR", "VITALS_STATE_DIR"]
        assert "can't be reached by the user nobody" in said[0]

    def test_setpriv_is_asked_for(self, folder: Path) -> None:
        home = jdk(folder / "jdk")
        [lack] = sentences(settings(folder, vitals_java_home=home), {"PATH": str(folder)}, to_start=["elk"])
        assert "setpriv (package util-linux)" in lack
