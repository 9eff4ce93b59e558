"""The one user of Elasticsearch who may change settings, and the trouble that only this user can make."""

from __future__ import annotations

import httpx2 as httpx

from vitals.host.secrets import Secrets

from .conftest import Stack

_WATERMARKS = "cluster.routing.allocation.disk.watermark"


def administrator(stack: Stack) -> httpx.Client:
    """A client with this user's rights, to be closed by who asked for it."""
    password = Secrets(stack.settings.vitals_state_dir / "secrets").password("admin")
    return httpx.Client(base_url=f"http://127.0.0.1:{stack.settings.elasticsearch_port}", auth=("admin", password), timeout=30)


def ask_for_room(client: httpx.Client, free: str | None) -> None:
    """How much of the disk has to be free; None: as elasticsearch.yml says.

    More than there is makes Elasticsearch block its indices by itself, as on a full disk.
    """
    settings = {f"{_WATERMARKS}.{stage}": free for stage in ("low", "high", "flood_stage")}
    client.put("/_cluster/settings", json={"persistent": settings}).raise_for_status()
