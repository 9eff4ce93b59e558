"""The verb that gives Kibana its data views, searches and dashboard: compose's one-shot."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from vitals.cli.drawing.progress import drawn
from vitals.host.secrets import Secrets
from vitals.lookup.links import Links
from vitals.provisioning.kibana_setup import USER, set_up
from vitals.settings.stack import StackSettings


def setup_kibana() -> None:
    """Give Kibana the data views, searches and dashboard of elk/kibana; what it already has of them is replaced."""
    settings = StackSettings.load()
    links = Links(settings)
    secrets = Secrets(Path(os.environ.get("SECRETS_DIR") or settings.vitals_state_dir / "secrets"))
    with drawn() as progress:
        done = set_up(
            os.environ.get("KIBANA_URL") or links.kibana,
            secrets.password(USER),
            grafana=(os.environ.get("GRAFANA_PUBLIC_URL") or links.grafana).rstrip("/"),
            retention=settings.traces_retention,
            progress=progress,
        )
    typer.echo(f"Kibana has {len(done.data_views)} data views and {len(done.objects)} saved objects of ours.")
