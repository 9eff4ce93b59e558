"""A Docker Engine of the tests' own: its data in a scratch folder, its API on a unix socket, the host's network unchanged."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from .packaged import KEYRING, Release, in_its_own_usr, put_client

_STARTS_WITHIN_SECONDS = 60
_STOPS_WITHIN_SECONDS = 60

_PATH = "/usr/sbin:/usr/bin"
"""Where the engine finds containerd and runc: its own, not what the caller may have elsewhere."""


def why_not() -> str:
    """What keeps a Docker Engine from running here; empty if nothing does."""
    lacking = [name for name in ("debootstrap", "dpkg-deb", "unshare") if shutil.which(name) is None]
    lacking += [] if KEYRING.exists() else [str(KEYRING)]
    if lacking:
        return f"no {', '.join(lacking)}: on Debian and Ubuntu `apt-get install debootstrap debian-archive-keyring`"
    if os.geteuid() != 0:
        return "a Docker Engine of the test's own, and debootstrap, have to be started by root"
    return ""


class DockerEngine:
    """A running engine."""

    def __init__(self, folder: Path, release: Release, root: Path) -> None:
        self.folder = folder
        self.release = release
        self.host = f"unix://{folder / 'docker.sock'}"
        self.log = folder / "dockerd.log"
        self.containers = folder / "data" / "containers"
        put_client(root, folder / "bin", folder / "client" / "cli-plugins")

    def plug_in(self, compose: Path) -> None:
        """Make a docker-compose binary the client's `docker compose`."""
        shutil.copy(compose, self.folder / "client" / "cli-plugins" / "docker-compose")

    def environment(self) -> dict[str, str]:
        """What a client of this engine needs; nothing of the caller's own Docker settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DOCKER_", "COMPOSE_", "BUILDX_"))}
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        # An engine without buildx has the builder that is part of it.
        builder = {} if self.release.containerd_store else {"DOCKER_BUILDKIT": "0"}
        return {**kept, **builder, "PATH": path, "DOCKER_HOST": self.host, "DOCKER_CONFIG": str(self.folder / "client")}

    def docker(self, *arguments: str, timeout: float = 600, stdin: int | None = None) -> str:
        """Run the client; gives what it printed. Fails the test with what it said when it fails."""
        said = subprocess.run(
            ["docker", *arguments],
            env=self.environment(),
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert said.returncode == 0, f"docker {' '.join(arguments)}\n{said.stdout[-3000:]}\n{said.stderr[-3000:]}"
        return said.stdout


@contextmanager
def running_engine(release: Release, root: Path) -> Iterator[DockerEngine]:
    """Start the engine that is unpacked in `root` and, whatever happens, leave nothing of it: no process, mount, network or file.

    It changes no firewall rule and forwards no packet: containers reach one another and loopback, and nothing outside.
    Skips the test where the engine can't start, with its own last word.
    """
    folder = Path(tempfile.mkdtemp(prefix="vitals-docker-", dir="/var/tmp"))
    engine = DockerEngine(folder, release, root)
    settings = folder / "daemon.json"
    settings.write_text(json.dumps(_settings(engine)))
    with engine.log.open("wb") as told:
        daemon = subprocess.Popen(
            in_its_own_usr(root, "/usr/sbin/dockerd", "--config-file", str(settings)),
            env={**os.environ, "PATH": _PATH},
            stdout=told,
            stderr=told,
            start_new_session=True,
        )
    try:
        _wait_until_it_answers(engine, daemon)
        yield engine
    finally:
        _end(engine, daemon)


def _settings(engine: DockerEngine) -> dict[str, Any]:
    return {
        "hosts": [engine.host],
        "pidfile": f"{engine.folder}/dockerd.pid",
        "data-root": f"{engine.folder}/data",
        "exec-root": f"{engine.folder}/exec",
        "bridge": "none",
        **dict.fromkeys(("iptables", "ip6tables", "ip-masq", "ip-forward"), False),
        **({"features": {"containerd-snapshotter": True}} if engine.release.containerd_store else {}),
    }


def _wait_until_it_answers(engine: DockerEngine, daemon: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
    while True:
        asked = subprocess.run(["docker", "version"], env=engine.environment(), capture_output=True, check=False, timeout=30)
        if asked.returncode == 0:
            return
        if daemon.poll() is not None or time.monotonic() > deadline:
            said = engine.log.read_text(errors="replace").splitlines()
            pytest.skip(f"no Docker Engine can run here: {said[-1] if said else 'dockerd said nothing'}")
        time.sleep(0.2)


def _end(engine: DockerEngine, daemon: subprocess.Popen[bytes]) -> None:
    if daemon.poll() is None:
        _remove_containers_and_networks(engine.environment())
        daemon.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            daemon.wait(_STOPS_WITHIN_SECONDS)
    for process in _of(engine.folder):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    daemon.kill()
    daemon.wait()
    for mount in sorted(_mounts_below(engine.folder), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)
    shutil.rmtree(engine.folder, ignore_errors=True)


def _remove_containers_and_networks(environment: Mapping[str, str]) -> None:
    for kind, remove in (("ps --all --quiet", "rm --force --volumes"), ("network ls --quiet --filter type=custom", "network rm")):
        found = subprocess.run(["docker", *kind.split()], env=environment, capture_output=True, text=True, check=False).stdout
        if found.split():
            subprocess.run(["docker", *remove.split(), *found.split()], env=environment, capture_output=True, check=False)


def _of(folder: Path) -> list[psutil.Process]:
    """What the engine started and left: each has the scratch folder in its command line."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and any(str(folder) in argument for argument in process.cmdline()):
                found.append(process)
    return found


def _mounts_below(folder: Path) -> list[str]:
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [mount for mount in mounts if mount.startswith(f"{folder}/")]
