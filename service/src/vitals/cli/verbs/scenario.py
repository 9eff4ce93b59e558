"""`vitals scenario`: traffic and trouble on purpose, and the alerts that each must bring about."""

from __future__ import annotations

import dataclasses
import json
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from opentelemetry.sdk.resources import OTELResourceDetector
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vitals.backends.backend_table import unused_places
from vitals.cli.drawing.progress import drawn
from vitals.cli.root import ended_cleanly
from vitals.cli.verbs.stack import native_stack, start
from vitals.errors import StackError
from vitals.orchestration.status import components
from vitals.scenarios.alert_watcher import Watch
from vitals.scenarios.alerts import Alerts
from vitals.scenarios.catalogue import SCENARIOS, SLOW_EXAMPLE, Scenario
from vitals.scenarios.catalogue import scenario as named
from vitals.scenarios.disturbances import can_be_missed
from vitals.scenarios.run import Amount, Outcome
from vitals.scenarios.run import run as run_scenario
from vitals.scenarios.traffic.plan import LONGEST_SECONDS, MOST_A_SECOND, MOST_USERS
from vitals.scenarios.traffic.traffic_process import can_send
from vitals.scenarios.verdict import Line
from vitals.scenarios.windows import burnt, forgotten_after, silent_after
from vitals.settings.durations import seconds
from vitals.settings.options import AlertWindows
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings

app = typer.Typer(no_args_is_help=True, help="Send traffic that fires certain alerts, and check that exactly those fire.")

_TERMINAL_EVERY, _PLAIN_EVERY = 1.0, 10.0

Json = Annotated[bool, typer.Option("--json", help="For other programs.")]
Duration = Annotated[
    str | None,
    typer.Option(help="How long to send, such as 90s or 20m; by default a time that fits ALERT_WINDOWS.", show_default=False),
]
Expect = Annotated[
    bool,
    typer.Option("--expect", help="Wait for quiet, then check that exactly the expected alerts fire; status 1 if not."),
]
Users = Annotated[int | None, typer.Option(min=1, max=MOST_USERS, help="Clients that send at once.", show_default=False)]
Rate = Annotated[
    float | None, typer.Option(min=0.1, max=MOST_A_SECOND, help="Requests a second, of all clients.", show_default=False)
]
Shifted = Annotated[
    str | None,
    typer.Option(help="What covariate-drift-one shifts; without it, the first feature that can drift.", show_default=False),
]


@app.command("list")
def show(as_json: Json = False) -> None:
    """List the scenarios: what each does, and the alerts that must fire."""
    windows = StackSettings.load().alert_windows
    if as_json:
        typer.echo(json.dumps([_as_data(one, windows) for one in SCENARIOS.values()], indent=2))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("scenario", "what happens", "must fire", "takes"):
        table.add_column(heading, no_wrap=heading == "scenario", justify="right" if heading == "takes" else "left")
    for one in SCENARIOS.values():
        must = "\n".join(sorted(one.fires)) or "nothing"
        table.add_row(f"[bold]{one.name}[/]", escape(one.does), must, f"{one.seconds[windows]:.0f} s")
    Console(highlight=False).print(table)


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="One of `vitals scenario list`.", show_default=False)],
    duration: Duration = None,
    expect: Expect = False,
    users: Users = None,
    rate: Rate = None,
    feature: Shifted = None,
    as_json: Json = False,
) -> None:
    """Run a scenario against this checkout's stack; start the stack if it isn't running.

    Whatever the scenario did to the stack is undone when it ends, also when it is interrupted.
    """
    scenario = named(name)
    settings = StackSettings.load()
    amount = Amount(
        users=users or scenario.users,
        rate=rate or scenario.rate,
        seconds=_seconds(duration) if duration else scenario.seconds[settings.alert_windows],
        feature=feature,
    )
    if expect and (why := unused_places(settings).get("prometheus")):
        raise StackError(f"--expect asks Prometheus for the alerts, and {why}")
    if scenario.disturbance == "no Elasticsearch":
        can_be_missed(settings)
    can_send()
    start()
    [service] = [one for one in components(settings, Settings.load(), "service") if one.name == "service"]
    with closing(Alerts(f"http://127.0.0.1:{settings.prometheus_port}")) as alerts, ended_cleanly(), drawn() as progress:
        every = _TERMINAL_EVERY if Console(stderr=True).is_terminal else _PLAIN_EVERY
        watch = _watch(alerts, settings.alert_windows, every) if expect else None
        outcome = run_scenario(
            scenario,
            amount,
            native_stack(),
            service.url,
            make_slow_example=_make_slow_example,
            watch=watch,
            progress=progress,
            every_seconds=every,
        )
    if as_json:
        told = dataclasses.asdict(outcome) | {"traffic": outcome.traffic.model_dump(), "met": outcome.met}
        typer.echo(json.dumps(told, indent=2))
    else:
        _print(outcome)
    raise typer.Exit(0 if outcome.met else 1)


def _watch(alerts: Alerts, windows: AlertWindows, every_seconds: float) -> Watch:
    job = _job()
    return Watch(
        alerts,
        job,
        silent_seconds=silent_after(windows),
        forgotten_seconds=forgotten_after(windows),
        burnt=burnt(windows, job),
        note_every_seconds=every_seconds,
    )


def _job() -> str:
    """The service's name as Prometheus has it, by the same variables that the service itself reads."""
    said = OTELResourceDetector().detect().attributes
    name, namespace = str(said.get("service.name") or "vitals"), said.get("service.namespace")
    return f"{namespace}/{name}" if namespace else name


def _make_slow_example(folder: Path) -> None:
    from vitals.profiling.examples import train_example  # scikit-learn takes a second to import

    train_example(folder, SLOW_EXAMPLE)


def _seconds(duration: str) -> float:
    try:
        found = seconds(duration)
    except ValueError:
        raise StackError(f"--duration is wrong: {duration!r} is not a duration; write it as 90s, 20m or 1h30m.") from None
    if not 0 < found <= LONGEST_SECONDS:
        raise StackError(f"--duration is wrong: it is more than 0 s and at most {LONGEST_SECONDS / 3600:.0f} h.")
    return found


def _as_data(scenario: Scenario, windows: AlertWindows) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "does": scenario.does,
        "fires": sorted(scenario.fires),
        "may_follow": sorted(scenario.follows),
        "seconds": scenario.seconds[windows],
        "users": scenario.users,
        "rate": scenario.rate,
    }


def _print(outcome: Outcome) -> None:
    console = Console(highlight=False, soft_wrap=True)
    told = outcome.traffic
    answered = ", ".join(f"{count} {family}" for family, count in sorted(told.answered.items())) or "no answer"
    console.print(
        f"\n[bold]{outcome.scenario}[/] on {outcome.model}: {told.requests} requests in {told.seconds:.0f} s ({answered}), "
        f"{told.labels} labels; p50 {told.p50_ms:.0f} ms, p95 {told.p95_ms:.0f} ms, p99 {told.p99_ms:.0f} ms"
    )
    if outcome.lines is not None:
        console.print(_table(outcome.lines) if outcome.lines else "No alert was active.")
    if outcome.complaint:
        console.print(f"[red]{escape(outcome.complaint)}[/]")
    if outcome.lines is not None:
        console.print("[green]As expected.[/]" if outcome.met else "[red]Not as expected.[/]")


def _table(lines: list[Line]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("alert")
    table.add_column("is")
    for heading in ("pending after", "fired after", "resolved after"):
        table.add_column(heading, justify="right")
    table.add_column("so it")
    for line in lines:
        why = f"[{'green' if line.well else 'red'}]{line.why}[/]"
        about = f" [dim]({escape(', '.join(line.about))})[/]" if line.about else ""
        table.add_row(line.alert, line.role, *map(_time, (line.began, line.fired, line.resolved)), why + about)
    return table


def _time(at: float | None) -> str:
    if at is None:
        return ""
    return "before" if at < 0 else f"{at:.0f} s"
