"""Verbs that start, stop and show the native stack."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from vitals.checkout import ROOT, described
from vitals.cli.drawing.progress import drawn
from vitals.cli.root import ended_cleanly
from vitals.host.addresses import in_a_container
from vitals.host.processes import stack_of
from vitals.host.secrets import PURPOSES, USERS, Secrets
from vitals.orchestration.groups import Target
from vitals.orchestration.log_files import remarks
from vitals.orchestration.native_stack import NativeStack
from vitals.orchestration.status import components, held_by_others, readiness
from vitals.orchestration.stored_data import stored
from vitals.provisioning.data_owner import left_behind
from vitals.provisioning.elasticsearch_setup import set_up
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings

TargetArgument = Annotated[Target, typer.Argument(help="The whole stack, or one group of it.", show_default=True)]
Volumes = Annotated[
    bool, typer.Option("--volumes", help="Delete the data too; with all, also secrets, logs and the model. Engines stay.")
]
Json = Annotated[bool, typer.Option("--json", help="For other programs.")]


def native_stack() -> NativeStack:
    """The stack of this checkout, with the options of now; raises SettingsError with a sentence for each that is wrong."""
    return NativeStack(StackSettings.load(), Settings.load(), make_model=_train_example)


def _train_example(folder: Path) -> None:
    from vitals.profiling.examples import train_example  # scikit-learn takes a second to import

    train_example(folder)


def start(target: Target = "all") -> None:
    """What `vitals up` does; the example model is trained first where there is none to serve."""
    stack = native_stack()
    _say_whose_data(stack)
    for owner in left_behind(stack.state):
        _say(
            f"The data of {owner.checkout}, which is gone, are in {owner.state}: to go on with them here, set "
            f"VITALS_STATE_DIR={owner.state} in .env."
        )
    for remark in remarks(stack.settings.log_files):
        _say(remark)
    with ended_cleanly(), drawn() as progress:
        started = stack.up(target, progress)
    if not started:
        _say("It runs already, with the options of now; `vitals status` shows where.")


def up(target: TargetArgument = "all") -> None:
    """Start the stack, or a group of it, and wait until it is ready.

    Builds or fetches the engines first where they are not cached yet. What runs already stays, unless its options changed.
    """
    start(target)


def down(target: TargetArgument = "all", volumes: Volumes = False) -> None:
    """Stop the stack, or a group of it, in order; what is buffered is delivered first."""
    stack = native_stack()
    _say_whose_data(stack)
    if volumes:
        _say_what_is_deleted(stack, target)
    with ended_cleanly(), drawn() as progress:
        stopped = stack.down(target, volumes=volumes, progress=progress)
    if not stopped:
        _say("Nothing was running.")


def restart(target: TargetArgument = "all", volumes: Volumes = False) -> None:
    """Stop and start the stack, or a group of it, with the options of now."""
    stack = native_stack()
    _say_whose_data(stack)
    if volumes:
        _say_what_is_deleted(stack, target)
    with ended_cleanly(), drawn() as progress:
        stack.restart(target, volumes=volumes, progress=progress)


def _say_whose_data(stack: NativeStack) -> None:
    """Before anything is done with them. Raises WrongCheckout where they are another checkout's."""
    owner = stack.owner()
    owner.must_not_be_another()
    if owner.sentence:
        _say(owner.sentence)


def _say_what_is_deleted(stack: NativeStack, target: Target) -> None:
    """Before it is. Raises WrongCheckout where nothing says that the data are this checkout's."""
    stack.owner().must_be_known()
    there = stored(stack.state, target)
    if there:
        _say(f"Deleting the data of {described(ROOT)}: {', '.join(there)} in {stack.state}.")
    else:
        _say(f"There are no data of {described(ROOT)} to delete in {stack.state}.")


def _say(sentence: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(sentence)


def status(target: TargetArgument = "all", as_json: Json = False) -> None:
    """Show where each component is and whether it is ready; status 0 if all that was asked for are, else 1."""
    settings = StackSettings.load()
    asked = components(settings, Settings.load(), target)
    others = {} if in_a_container() else held_by_others(asked, stack_of(settings.vitals_state_dir))
    ready = {name: is_ready and name not in others for name, is_ready in readiness(asked).items()}
    if as_json:
        told = {
            one.name: one.told(ready[one.name]) | ({"held_by": others[one.name]} if one.name in others else {}) for one in asked
        }
        typer.echo(json.dumps(told, indent=2))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for component in asked:
            is_ready = "[green]ready    [/]" if ready[component.name] else "[red]not ready[/]"
            more = "".join(f"  {name} {escape(value)}" for name, value in component.more.items())
            whose = f"  [red]held by {escape(others[component.name])}[/]" if component.name in others else ""
            console.print(f"{component.name:<14} {is_ready}  {component.url}{whose}[dim]{more}[/]")
    raise typer.Exit(0 if all(ready.values()) else 1)


def credentials(
    show: Annotated[bool, typer.Option("--show", help="Print the passwords themselves.")] = False, as_json: Json = False
) -> None:
    """Show the users of Elasticsearch and the files that hold their passwords.

    Those of containers are in a volume: `docker compose run --rm init credentials --show`; Grafana's admin is among them.
    """
    secrets = Secrets(StackSettings.load().vitals_state_dir / "secrets")
    rows: dict[str, dict[str, str]] = {user: {"password_file": str(secrets.file(user)), "for": PURPOSES[user]} for user in USERS}
    if show:
        for user in USERS:
            rows[user]["password"] = secrets.password(user)
    if secrets.grafana_file.exists():
        rows["Grafana's admin"] = {"password_file": str(secrets.grafana_file), "for": "people in Grafana: everything"}
        if show:
            rows["Grafana's admin"]["password"] = secrets.grafana_file.read_text().strip()
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    if not show:
        secrets.password("reader")  # says so where there are none yet
    console = Console(highlight=False, soft_wrap=True)
    for name, row in rows.items():
        console.print(f"[bold]{name:<15}[/] {escape(row['password'] if show else row['password_file'])}  [dim]{row['for']}[/]")


def setup_elasticsearch() -> None:
    """Put the index templates and remove what is too old: the stack's one-shot, run by process-compose and by compose."""
    settings = StackSettings.load()
    secrets = Secrets(Path(os.environ.get("SECRETS_DIR") or settings.vitals_state_dir / "secrets"))
    url = os.environ.get("ELASTICSEARCH_URL") or f"http://127.0.0.1:{settings.elasticsearch_port}"
    done = set_up(url, secrets.password("admin"), settings)
    changed = {"put": done.templates, "rolled over": done.rolled_over, "deleted": done.deleted}
    typer.echo("; ".join(f"{what}: {', '.join(names)}" for what, names in changed.items() if names) or "Nothing had to change.")
