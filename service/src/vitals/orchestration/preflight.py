"""Everything that can be known to go wrong, said before anything starts: one sentence for each thing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from vitals.backends.backend_table import idle_ports
from vitals.backends.collector_config import config_files
from vitals.engines.java import OLDEST, find_jdk, seen_jdks
from vitals.engines.recipes import Recipe
from vitals.errors import PreflightError, SettingsError
from vitals.host.ports import belongs_to, described, in_use, listeners
from vitals.orchestration.groups import GROUPS, GroupName
from vitals.provisioning import elasticsearch_files
from vitals.settings.sizes import GIB
from vitals.settings.stack import StackSettings

OLDEST_GO = (1, 25)


@dataclass(frozen=True)
class Needs:
    """The limits that the machine is held to, in bytes; the defaults were measured."""

    disk_to_build: int = 6 * GIB
    disk_to_run: int = 3 * GIB // 2


def check(
    settings: StackSettings,
    *,
    missing: Sequence[Recipe],
    to_start: Sequence[GroupName],
    stack: str,
    running: Sequence[GroupName] = (),
    env: Mapping[str, str] = os.environ,
    needs: Needs = Needs(),
) -> None:
    """Raise PreflightError with a sentence for each thing that `missing` engines and groups `to_start` lack.

    `stack` is our own stack's mark: its processes may hold the ports. `running`: groups that have their memory already.
    """
    sentences = [*_tools(missing, env), *_disk(settings, bool(missing), needs)]
    if "elk" in to_start:
        sentences += _java(settings, env)
        sentences += _other_user(settings, env)
    if "collector" in to_start:
        sentences += _backends(settings)
    sentences += _ports(settings, to_start, stack)
    sentences += _memory([group for group in to_start if group not in running])
    if sentences:
        raise PreflightError(sentences)


def _tools(missing: Sequence[Recipe], env: Mapping[str, str]) -> list[str]:
    sentences = []
    path = env.get("PATH", "")
    built = [recipe.name for recipe in missing if recipe.kind != "maven"]
    fetched = [recipe.name for recipe in missing if recipe.kind == "maven"]
    if built:
        go = shutil.which("go", path=path)
        wanted = f"Go {'.'.join(map(str, OLDEST_GO))} or later (https://go.dev/dl)"
        if go is None:
            sentences.append(f"go is not on PATH: install {wanted}; it builds {_listed(built)}, once.")
        elif (version := _go_version(go, env)) < OLDEST_GO:
            found = ".".join(map(str, version)) or "of an unknown version"
            sentences.append(f"{go} is {found}: install {wanted}; it builds {_listed(built)}, once.")
    if fetched and shutil.which("mvn", path=path) is None:
        sentences.append(f"mvn is not on PATH: install Maven (https://maven.apache.org); it fetches {_listed(fetched)}, once.")
    return sentences


def _go_version(go: str, env: Mapping[str, str]) -> tuple[int, ...]:
    """The installed Go's own version: GOTOOLCHAIN=local keeps it from fetching another to answer."""
    try:
        said = subprocess.run(
            [go, "version"],
            env={**env, "GOTOOLCHAIN": "local"},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    version = re.search(r"\bgo(\d+)\.(\d+)", said)
    return (int(version[1]), int(version[2])) if version else ()


def _java(settings: StackSettings, env: Mapping[str, str]) -> list[str]:
    chosen = settings.vitals_java_home
    if find_jdk(chosen, env):
        return []
    seen = list(dict.fromkeys(jdk.lack for jdk in seen_jdks(chosen, env)))
    looked = f"; found were: {_listed(seen)}" if seen else ""
    where = "VITALS_JAVA_HOME is no such folder" if chosen else "set VITALS_JAVA_HOME in .env if it is in an unusual place"
    return [f"Elasticsearch needs a full JDK {OLDEST} or later: install one ({where}){looked}."]


def _other_user(settings: StackSettings, env: Mapping[str, str]) -> list[str]:
    """As root: Elasticsearch runs as nobody, who must be able to reach the JDK, the engine and its data."""
    if elasticsearch_files.owner() is None:
        return []
    if shutil.which("setpriv", path=env.get("PATH", "")) is None:
        return [
            "Elasticsearch refuses to run as root, and setpriv (package util-linux), which would start it as nobody, "
            "is not on PATH: install it, or start the stack as another user."
        ]
    jdk = find_jdk(settings.vitals_java_home, env)
    folders = {"VITALS_CACHE_DIR": settings.vitals_cache_dir, "VITALS_STATE_DIR": settings.vitals_state_dir}
    if jdk:
        folders["the JDK"] = jdk.home
    return [
        f"{name} ({folder}) can't be reached by the user nobody, whom Elasticsearch runs as where root starts it: "
        "choose another folder, or let others pass through its parents (chmod o+x)."
        for name, folder in folders.items()
        if not _reachable(folder)
    ]


def _reachable(folder: Path) -> bool:
    nearest = _existing(folder)
    asked = subprocess.run([*elasticsearch_files.run_as(), "test", "-x", str(nearest)], cwd="/", check=False, capture_output=True)
    return asked.returncode == 0


def _backends(settings: StackSettings) -> list[str]:
    try:
        config_files(settings)
    except SettingsError as wrong:
        return list(wrong.sentences)
    return []


def _ports(settings: StackSettings, to_start: Sequence[GroupName], stack: str) -> list[str]:
    ports = settings.ports()
    idle = idle_ports(settings)
    wanted = {name: ports[name] for group in to_start for name in GROUPS[group].ports if name not in idle}
    taken = {name: port for name, port in wanted.items() if in_use(port)}
    if not taken:
        return []
    holders = listeners()
    return [
        f"{name} {port} is in use by {described(holders.get(port))}: change it in .env or stop what uses it."
        for name, port in taken.items()
        if not belongs_to(holders.get(port), stack)
    ]


def _memory(to_start: Sequence[GroupName]) -> list[str]:
    wanted = sum(GROUPS[group].memory_bytes for group in to_start)
    available = psutil.virtual_memory().available
    if available >= wanted:
        return []
    return [
        f"{_listed(to_start)} want {wanted / GIB:.1f} GiB of memory, {available / GIB:.1f} GiB are available: "
        "end something else, or start fewer groups, as in `vitals up prom-graf`."
    ]


def _disk(settings: StackSettings, building: bool, needs: Needs) -> list[str]:
    wanted = {settings.vitals_state_dir: needs.disk_to_run}
    if building:
        wanted[settings.vitals_cache_dir] = needs.disk_to_build
    sentences = []
    for folder, least in wanted.items():
        free = shutil.disk_usage(_existing(folder)).free
        if free < least:
            purpose = "building the engines takes" if folder == settings.vitals_cache_dir else "the stack's data want"
            sentences.append(
                f"{folder} is on a disk with {free / GIB:.1f} GiB free, and {purpose} about {least / GIB:.1f} GiB: make room."
            )
    return sentences


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
