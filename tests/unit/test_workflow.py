"""The workflow for a forge: it calls the project's own verbs, by actions that can't change, with a token that can only read."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from vitals.checkout import ROOT

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.fixture(params=FILES, ids=lambda file: file.name)
def text(request: pytest.FixtureRequest) -> str:
    return str(request.param.read_text())


def test_actions_are_pinned_by_commit(text: str) -> None:
    used = re.findall(r"uses: (.*)", text)
    assert len(used) == len([step for step in steps(yaml.safe_load(text)) if "uses" in step]) > 0
    assert [one for one in used if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


def test_the_token_can_only_read(text: str) -> None:
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert not [name for name, job in workflow["jobs"].items() if "permissions" in job]
    checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False] * len(workflow["jobs"])


def test_it_runs_verbs_that_there_are(text: str) -> None:
    verbs = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    run = [step["run"] for step in steps(yaml.safe_load(text)) if "run" in step]
    called = [found[1] for line in run if (found := re.fullmatch(r'make ([a-z-]+) PYTHON="\$\(command -v python\)"', line))]
    assert len(called) == len(run)
    assert {"check", "test", "package"} <= set(called) <= verbs


def test_nothing_of_a_pull_request_is_put_into_a_shell(text: str) -> None:
    """Its title and its branch are a stranger's words."""
    assert "pull_request_target" not in text
    assert not [step for step in steps(yaml.safe_load(text)) if "${{" in step.get("run", "")]
