"""Verbs that only containers run: compose's one-shots."""

from __future__ import annotations

import os
import pwd
import time
from pathlib import Path
from typing import Annotated

import httpx2 as httpx
import typer

from vitals.errors import StackError
from vitals.host.secrets import Owner
from vitals.provisioning import containers
from vitals.settings.stack import StackSettings

_USER = "vitals"
_POLL_SECONDS = 0.2


def init() -> None:
    """Make passwords, Elasticsearch's users and the example model in their volumes; what is there stays."""
    state = StackSettings.load().vitals_state_dir
    folders = ("secrets", "prediction-key", "reader-password", "elasticsearch-users", "model", "jaeger")
    volumes = containers.Volumes(*(state / name for name in folders))
    lacking = [path for path in vars(volumes).values() if not path.is_dir()]
    if lacking or os.geteuid() != 0:
        raise StackError("`vitals init` is compose's one-shot: it wants its volumes mounted, and to be root.")
    user = pwd.getpwnam(_USER)

    def make_model(folder: Path) -> None:
        from vitals.profiling.examples import train_example  # scikit-learn takes a second to import

        train_example(folder)

    made = containers.prepare(volumes, Owner(user.pw_uid, user.pw_gid), make_model)
    typer.echo(f"Made: {', '.join(made)}." if made else "Everything is there already.")


def wait_for(
    url: Annotated[str, typer.Argument(help="An address that answers 200 once what is behind it is ready.")],
    seconds: Annotated[float, typer.Option(min=1, help="How long to wait at most.")] = 120,
) -> None:
    """Wait until a health check answers: for an engine whose image has nothing to ask it with."""
    deadline = time.monotonic() + seconds
    last = "it did not answer"
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(url, timeout=3, trust_env=False)
        except httpx.HTTPError as wrong:
            last = str(wrong) or type(wrong).__name__
        else:
            if answer.is_success:
                return
            last = f"it answered {answer.status_code}"
        time.sleep(_POLL_SECONDS)
    raise StackError(f"{url} was not ready within {seconds:.0f} s: {last}.")
