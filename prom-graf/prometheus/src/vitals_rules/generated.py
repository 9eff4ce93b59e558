"""Templates and windows become files of rules, one folder a profile."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

RULES = Path(__file__).resolve().parents[2] / "rules"
PROFILES = ("production", "demo")


def write(folder: Path, runbook_base_url: str | None = None) -> list[Path]:
    """Write the rules of every profile below a folder, and give the files; what is there and no longer made is deleted."""
    written = []
    for profile in PROFILES:
        (folder / profile).mkdir(parents=True, exist_ok=True)
        made = files(profile, runbook_base_url)
        for name, text in made.items():
            (folder / profile / name).write_text(text)
            written.append(folder / profile / name)
        for old in (folder / profile).glob("*.yml"):
            if old.name not in made:
                old.unlink()
    return written


def files(profile: str, runbook_base_url: str | None = None) -> dict[str, str]:
    """The files of rules of one profile: name and text.

    Raises jinja2.UndefinedError for a window that windows.toml lacks.
    """
    windows = tomllib.loads((RULES / "windows.toml").read_text())
    return filled({**windows["shared"], **windows[profile]}, profile, runbook_base_url)


def filled(windows: Mapping[str, Any], profile: str, runbook_base_url: str | None = None) -> dict[str, str]:
    """The templates with these windows; the delimiters leave `{{ $labels.x }}` to Prometheus."""
    environment = jinja2.Environment(  # noqa: S701 - YAML, not HTML
        loader=jinja2.FileSystemLoader(RULES / "templates"),
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    base = (runbook_base_url or windows["runbook_base_url"]).rstrip("/")
    environment.globals = {**windows, "runbook": lambda alert: f"{base}/{alert}.md"}
    made = {}
    for template in sorted((RULES / "templates").glob("*.yml")):
        purpose, _, rest = environment.get_template(template.name).render().partition("\n")
        origin = (
            f"# Written by `make rules` from templates/{template.name} and the windows [{profile}] of windows.toml: change those."
        )
        made[template.name] = f"{purpose}\n{origin}\n{rest}"
    return made
