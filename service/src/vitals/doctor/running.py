"""The stack that is looked at: where its parts are, and how they are asked without ever waiting for long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2 as httpx

from vitals.backends import backend_table
from vitals.doctor.finding import Away
from vitals.host.addresses import in_a_container
from vitals.orchestration.groups import SERVERS, GroupName
from vitals.orchestration.native_stack import NativeStack
from vitals.orchestration.status import COMPONENTS, Component, components
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings

ANSWER_SECONDS = 3.0
"""How long one answer may take; an engine that is frozen takes connections and never answers."""


class Running:
    """One stack, seen from outside. Natively its processes, folders and logs too; from a container only what the network has."""

    def __init__(self, settings: StackSettings, service: Settings) -> None:
        self.settings = settings
        self.workers = service.service_workers
        self.components: dict[str, Component] = {one.name: one for one in components(settings, service)}
        self.places = {place for backend in backend_table.in_use(settings) for place in backend.places}
        self.native = None if in_a_container() else NativeStack(settings, service)
        self.state: Path | None = settings.vitals_state_dir if self.native else None

    def group(self, component: str) -> GroupName:
        """The group that a component starts and stops with."""
        return COMPONENTS[component]

    def how_to_start(self, component: str) -> str:
        """The command that starts a component that does not run."""
        return f"`vitals up {_target(self.group(component))}`" if self.native else f"`docker compose up --detach {component}`"

    def how_to_restart(self, component: str) -> str:
        """The command that ends a component and starts it again."""
        return (
            f"`vitals restart {_target(self.group(component))}`"
            if self.native
            else f"`docker compose restart --timeout 15 {component}`"
        )

    def log_of(self, component: str) -> str:
        """Where a component's own words are."""
        return str(self.state / "logs" / f"{component}.log") if self.state else f"`docker compose logs {component}`"

    def get(self, component: str, url: str, **parameters: Any) -> httpx.Response:
        """Ask one of the components; `url` is a path of its usual address, or a whole address.

        Raises Away when it does not answer in time, or answers with an error.
        """
        asked = self.components[component]
        try:
            answer = httpx.get(
                url if "://" in url else asked.url + url,
                params=parameters or None,
                auth=asked.auth,
                timeout=ANSWER_SECONDS,
                trust_env=False,
            )
        except httpx.HTTPError as failed:
            raise Away(f"{component} does not answer ({type(failed).__name__}).") from None
        if answer.is_error:
            raise Away(f"{component} answers {answer.status_code}: {' '.join(answer.text[:200].split())}")
        return answer

    def json(self, component: str, url: str, **parameters: Any) -> Any:
        """Ask for JSON. Raises Away too where the answer is something else."""
        try:
            return self.get(component, url, **parameters).json()
        except ValueError:
            raise Away(f"Something other than {component} answers at its address.") from None

    def query(self, promql: str, seconds_ago: float = 0) -> list[tuple[dict[str, str], float]]:
        """An instant query of Prometheus, as of now or of so long ago: the labels and the value of each series."""
        parameters: dict[str, Any] = {"query": promql}
        if seconds_ago:
            parameters["time"] = self.json("prometheus", "/api/v1/query", query="time()")["data"]["result"][0] - seconds_ago
        result = self.json("prometheus", "/api/v1/query", **parameters)["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in result]


def _target(group: GroupName) -> str:
    """What `vitals up` calls it: some groups have no name of their own there."""
    return "prom-graf" if group in SERVERS else {"collector": "service"}.get(group, group)
