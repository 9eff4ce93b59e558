"""A Docker Engine of the tests' own: its data in a scratch folder, its API on a unix socket, the host's network unchanged."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

_STARTS_WITHIN_SECONDS = 60
_STOPS_WITHIN_SECONDS = 60


def why_not() -> str:
    """What keeps a Docker Engine from running here; empty if nothing does."""
    lacking = [name for name in ("dockerd", "docker", "debootstrap", "iptables") if shutil.which(name) is None]
    if lacking:
        return f"{', '.join(lacking)} not installed: on Debian and Ubuntu `apt-get install docker.io debootstrap iptables`"
    if os.geteuid() != 0:
        return "a Docker Engine of the test's own, and debootstrap, have to be started by root"
    return ""


class DockerEngine:
    """A running engine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = f"unix://{folder / 'docker.sock'}"
        self.log = folder / "dockerd.log"
        self.containers = folder / "data" / "containers"

    def plug_in(self, compose: Path) -> None:
        """Make a docker-compose binary the client's `docker compose`."""
        plugins = self.folder / "client" / "cli-plugins"
        plugins.mkdir(parents=True)
        shutil.copy(compose, plugins / "docker-compose")

    def environment(self) -> dict[str, str]:
        """What a client of this engine needs; nothing of the caller's own Docker settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DOCKER_", "COMPOSE_", "BUILDX_"))}
        # The builder that is part of the engine: the other is a plugin, which need not be there.
        return {**kept, "DOCKER_HOST": self.host, "DOCKER_CONFIG": str(self.folder / "client"), "DOCKER_BUILDKIT": "0"}

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
def running_engine() -> Iterator[DockerEngine]:
    """Start an engine and, whatever happens, leave nothing of it: no process, mount, network or file.

    It changes no firewall rule and forwards no packet: containers reach one another and loopback, and nothing outside.
    Skips the test where the engine can't start, with its own last word.
    """
    folder = Path(tempfile.mkdtemp(prefix="vitals-docker-", dir="/var/tmp"))
    engine = DockerEngine(folder)
    with engine.log.open("wb") as told:
        daemon = subprocess.Popen(
            [
                *("dockerd", "--host", engine.host, "--pidfile", folder / "dockerd.pid"),
                *("--data-root", folder / "data", "--exec-root", folder / "exec"),
                *("--bridge=none", "--iptables=false", "--ip-masq=false", "--ip-forward=false"),
            ],
            stdout=told,
            stderr=told,
            start_new_session=True,
        )
    try:
        _wait_until_it_answers(engine, daemon)
        yield engine
    finally:
        _end(engine, daemon)


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
