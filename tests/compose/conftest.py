"""compose.yaml for real: a Docker Engine of the tests' own, stand-in images, and everything but Grafana and Kibana running."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from vitals.checkout import ROOT
from vitals.lookup.clients import Stores
from vitals.settings.images import ContainerSettings
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings
from vitals_dev.overflowing_iris import make_overflowing_iris

from ..ports import free_ports
from ..stack.conftest import Stack
from .engine import DockerEngine, running_engine, why_not
from .images import BASE, build_official, engines_cache
from .packaged import chosen_release, unpacked

WITHOUT = {"grafana", "kibana", "kibana-setup"}
"""Official images only: there is nothing to make stand-ins of."""

PROJECT = "vitalstest"
OUR_IMAGE = str(ContainerSettings.model_fields["vitals_image"].default)


class Containers(Stack):
    """The running containers, and what tests do with them."""

    def __init__(self, engine: DockerEngine, state: Path, options: Mapping[str, str]) -> None:
        super().__init__(state, {**options, "VITALS_STATE_DIR": str(state)})
        self.engine = engine
        self.options = {**engine.environment(), **options}

    def run(self, *command: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a command with this stack's options and engine; no option comes from a .env of the checkout."""
        return subprocess.run(command, env=self.options, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)

    def compose(self, *arguments: str, timeout: float = 300) -> str:
        """`docker compose`; gives what it printed."""
        done = self.run("docker", "compose", *arguments, timeout=timeout)
        assert done.returncode == 0, f"{arguments}\n{done.stdout[-4000:]}\n{done.stderr[-6000:]}"
        return done.stdout

    def services(self) -> list[str]:
        """Those of compose.yaml that can run here."""
        return [name for name in self.compose("config", "--services").split() if name not in WITHOUT]

    def states(self) -> dict[str, dict[str, Any]]:
        """Each service's container as `docker compose ps` tells it."""
        lines = self.compose("ps", "--all", "--format", "json").splitlines()
        return {one["Service"]: one for one in map(json.loads, lines)}

    def logs_of(self, **terms: str) -> list[dict[str, Any]]:
        """Documents of the containers' own logs by fields of their resource."""
        query = [{"term": {f"resource.attributes.{name.replace('_', '.')}": value}} for name, value in terms.items()]
        return self.documents("logs-containers.otel-default", {"bool": {"filter": query}})


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerEngine]:
    """The engine, with every image; skips where none can run."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    cache = StackSettings.load().vitals_cache_dir
    release = chosen_release()
    with running_engine(release, unpacked(release, cache / "test-engines")) as engine:
        _, for_tests = engines_cache()
        engine.plug_in(for_tests.binary("docker-compose"))
        build_official(engine, cache / "test-images")
        yield engine


@pytest.fixture(scope="session")
def options(engine: DockerEngine) -> dict[str, str]:
    """The options of the tests' stack: ports of its own, where its engine keeps logs, and how the service's image is built."""
    names = sorted(name for name in StackSettings.model_fields if name.endswith("_port"))
    ports = dict(zip((name.upper() for name in names), map(str, free_ports(len(names))), strict=True))
    # The engine forwards nothing, so the build uses the host's network to reach the package index.
    network = engine.folder / "network-of-the-build.yaml"
    network.write_text("services: {init: {build: {network: host}}}\n")
    return {
        **ports,
        "COMPOSE_FILE": f"{ROOT / 'compose.yaml'}{os.pathsep}{network}",
        "PYTHON_IMAGE": BASE,
        "COMPOSE_PROJECT_NAME": PROJECT,
        "COMPOSE_ENV_FILES": os.devnull,
        "DOCKER_CONTAINERS_DIR": str(engine.containers),
    }


@pytest.fixture(scope="session")
def stack(engine: DockerEngine, options: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    """The running stack."""
    for name in (*Settings.model_fields, *StackSettings.model_fields, *ContainerSettings.model_fields):
        if name.upper() not in options and name != "vitals_cache_dir":
            os.environ.pop(name.upper(), None)
    state = tmp_path_factory.mktemp("containers")
    stack = Containers(engine, state, options)
    model = tmp_path_factory.mktemp("model") / "iris"
    make_overflowing_iris(model)
    try:
        # As on a machine's first `up`, the image that six services share is not there yet, and all of them are created at once.
        assert engine.docker("images", "--quiet", OUR_IMAGE) == ""
        stack.compose("up", "--no-start", *stack.services(), timeout=900)
        # A model that a request can break, in place of the example that `init` makes.
        stack.compose("up", "init")
        copy = ("run", "--rm", "--volume", f"{model}:/overflowing:ro", "--entrypoint", "/bin/sh", "init")
        stack.compose(*copy, "-c", "cp /overflowing/* /var/lib/vitals/model/")
        stack.compose("up", "--detach", *stack.services(), timeout=600)
        stack.compose("up", "--detach", "--wait", "service", "alertmanager", timeout=300)
        (state / "secrets").mkdir()
        shown = json.loads(stack.compose("run", "--rm", "init", "credentials", "--show", "--json"))
        for user, row in shown.items():
            (state / "secrets" / Path(row["password_file"]).name).write_text(row["password"])
            assert user in ("admin", "writer", "reader", "kibana", "analyst", "Grafana's admin")
        stack.stores = Stores(stack.settings)
        yield stack
    except BaseException:
        print(stack.run("docker", "compose", "logs", "--tail", "30").stdout)
        raise
    finally:
        stack.compose("down", "--volumes", "--remove-orphans")
        left = engine.docker("ps", "--all", "--quiet") + engine.docker("volume", "ls", "--quiet")
        left += engine.docker("network", "ls", "--quiet", "--filter", "type=custom")
        assert left == "", left
