"""Every verb of the command, in the order of `vitals --help`."""

from __future__ import annotations

from vitals.cli.root import app
from vitals.cli.verbs import (
    backends,
    canary,
    containers,
    doctor,
    engines,
    kibana,
    options,
    profile,
    report,
    scenario,
    service,
    stack,
    trace,
)

_STACK = "The stack"
_SERVICE = "The model service"
_SEE = "Seeing what happened"


@app.command(rich_help_panel=_SEE)
def demo() -> None:
    """Start the stack, send the example model's held-out rows, and follow one request through every store."""
    from vitals.cli.verbs.demo import demo as run  # scikit-learn takes a second to import

    run()


app.command(rich_help_panel=_SEE)(trace.trace)
app.command(rich_help_panel=_SEE)(doctor.doctor)
app.command(rich_help_panel=_SEE)(report.report)
app.add_typer(scenario.app, name="scenario", rich_help_panel=_SEE)

app.command(rich_help_panel=_STACK)(stack.up)
app.command(rich_help_panel=_STACK)(stack.down)
app.command(rich_help_panel=_STACK)(stack.restart)
app.command(rich_help_panel=_STACK)(stack.status)
app.command(rich_help_panel=_STACK)(stack.credentials)
app.command(rich_help_panel=_STACK)(engines.engines)
app.add_typer(backends.backends, name="backends", rich_help_panel=_STACK)
app.command("setup-elasticsearch", hidden=True)(stack.setup_elasticsearch)
app.command("setup-kibana", hidden=True)(kibana.setup_kibana)
app.command("canary", hidden=True)(canary.canary)
app.command("init", hidden=True)(containers.init)
app.command("wait-for", hidden=True)(containers.wait_for)

app.command(rich_help_panel=_SERVICE)(service.serve)
app.command(rich_help_panel=_SERVICE)(profile.profile)
app.command(rich_help_panel=_SERVICE)(profile.train_example)
app.command(rich_help_panel=_SERVICE)(options.options)

__all__ = ["app"]
