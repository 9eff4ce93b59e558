"""The verbs of the command, in the order of `vitals --help`: where each is, and the extras of the package that it needs.

Nothing but the standard library is imported here, so that a verb whose extra is missing can say so.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from vitals.errors import ExtraMissing
from vitals.extras import install

Extras = tuple[str, ...]

SERVICE: Extras = ("serve",)
STACK: Extras = ("stack",)
BOTH: Extras = ("serve", "stack")

MODULES: dict[str, tuple[str, ...]] = {
    "serve": (
        "dotenv",
        "msgspec",
        "numpy",
        "pandas",
        "psutil",
        "pydantic_settings",
        "rich",
        "sklearn",
        "skops",
        "typer",
        "uvicorn",
    ),
    "stack": ("bcrypt", "dotenv", "httpx2", "jinja2", "psutil", "pydantic_settings", "rich", "typer"),
}
"""By extra, the modules that show whether it is installed. What `report` and `scenarios` add is looked for where it is used."""


@dataclass(frozen=True)
class Verb:
    """`function` of a module of `vitals.cli.verbs`; a `group` has verbs of its own. `extras` are what to install for it;
    where there are none, any that has the command itself will do.
    """

    name: str
    module: str
    panel: str
    extras: Extras
    function: str = ""
    group: bool = False
    hidden: bool = False

    @property
    def attribute(self) -> str:
        """The name in the module."""
        return self.function or self.name.replace("-", "_")

    @property
    def sentence(self) -> str:
        """What to say where an extra of it is missing; empty where all are installed."""
        missing = [extra for extra in self.extras if not installed(extra)]
        if not missing:
            return ""
        return f"`vitals {self.name}` needs more than is installed: {install(*self.extras)}."


_SEE, _STACK, _SERVICE = "Seeing what happened", "The stack", "The model service"

VERBS = (
    Verb("demo", "demo", _SEE, BOTH),
    Verb("trace", "trace", _SEE, STACK),
    Verb("doctor", "doctor", _SEE, STACK),
    Verb("report", "report", _SEE, ("report",)),
    Verb("scenario", "scenario", _SEE, ("scenarios",), function="app", group=True),
    Verb("up", "stack", _STACK, BOTH),
    Verb("down", "stack", _STACK, STACK),
    Verb("restart", "stack", _STACK, BOTH),
    Verb("status", "stack", _STACK, STACK),
    Verb("credentials", "stack", _STACK, STACK),
    Verb("engines", "engines", _STACK, STACK),
    Verb("backends", "backends", _STACK, STACK, group=True),
    Verb("setup-elasticsearch", "stack", _STACK, STACK, hidden=True),
    Verb("setup-kibana", "kibana", _STACK, STACK, hidden=True),
    Verb("canary", "canary", _STACK, STACK, hidden=True),
    Verb("init", "containers", _STACK, BOTH, hidden=True),
    Verb("wait-for", "containers", _STACK, STACK, hidden=True),
    Verb("serve", "service", _SERVICE, SERVICE),
    Verb("profile", "profile", _SERVICE, SERVICE),
    Verb("train-example", "profile", _SERVICE, SERVICE),
    Verb("options", "options", _SERVICE, ()),
)


@functools.cache
def installed(extra: str) -> bool:
    """Whether the modules of an extra are there. `report` and `scenarios` are the other two and more."""
    modules = MODULES.get(extra) or MODULES["serve"] + MODULES["stack"]
    return all(find_spec(module) is not None for module in modules)


def must_be_runnable(arguments: Sequence[str]) -> None:
    """Raise ExtraMissing where an extra that the verb of these arguments needs, or the command itself, is not installed."""
    asked = arguments[0] if arguments else ""
    for verb in VERBS:
        if verb.name == asked and verb.sentence:
            raise ExtraMissing(verb.sentence)
    if not any(map(installed, MODULES)):
        raise ExtraMissing(
            "The vitals command needs more than is installed: "
            f"{install(*SERVICE)} serves models, {install(*STACK)} has the verbs of the stack."
        )
