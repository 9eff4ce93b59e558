"""Prometheus's rules: as their templates make them, the same in both profiles of windows, and each alert proved with promtool."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from vitals.checkout import ROOT
from vitals.errors import StackError
from vitals.orchestration.groups import GROUPS
from vitals.orchestration.native_stack import NativeStack
from vitals.provisioning import prometheus_files
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings
from vitals_rules.generated import PROFILES, RULES, files, write

ALERTS = {
    "ServiceErrorBudgetBurn", "ServiceLatencyBudgetBurn", "ServiceRefusingRequests", "ServiceAbsent", "TelemetryAbsent",
    "FeatureDrift", "PredictionDrift", "DataQuality", "ConceptDrift", "ConceptDriftEstimated",
    "CollectorQueueFilling", "CollectorExportFailing", "TelemetryDropped", "SeriesGrowing",
    "HostCpuBusy", "HostMemoryLow", "HostDiskFilling",
}  # fmt: skip
TESTS = sorted((RULES / "tests").glob("*.yml"))
HOURS = ("quality",)
"""Those whose alerts look back over hours: promtool evaluates each minute of them."""
DURATION = re.compile(r"\b\d+(?:ms|[smhd])\b")


def rules(text: str) -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(text)["groups"]:
        yield from group["rules"]


def alerts(profile: str = "production") -> list[dict[str, Any]]:
    return [rule for text in files(profile).values() for rule in rules(text) if "alert" in rule]


def masked(text: str) -> str:
    """The same for every window, and for the one number that belongs to a window: how much a queue has to grow in it."""
    return re.sub(r"> \de\d\b", "> GROWTH", DURATION.sub("WINDOW", text))


@pytest.mark.parametrize("profile", PROFILES)
def test_the_rules_are_as_their_templates_make_them(profile: str) -> None:
    """`make rules` writes them anew."""
    assert {file.name: file.read_text() for file in (RULES / profile).glob("*.yml")} == files(profile)


@pytest.mark.parametrize("profile", PROFILES)
def test_objectives_are_of_what_users_ask_for(profile: str) -> None:
    """Neither health checks nor the stack's own canaries: those are not posted."""
    selectors = re.findall(r"http_server_request_duration_seconds_\w+\{([^}]*)\}", "".join(files(profile).values()))
    assert selectors
    assert all('http_request_method="POST"' in selector for selector in selectors)


def test_both_profiles_are_the_same_rules_but_for_the_windows() -> None:
    production, demo = (files(profile) for profile in PROFILES)
    assert production.keys() == demo.keys()
    for name, text in production.items():
        for one, other in zip(rules(text), rules(demo[name]), strict=True):
            assert {key: masked(str(value)) for key, value in one.items()} == {
                key: masked(str(value)) for key, value in other.items()
            }
        assert text != demo[name]


def test_the_runbooks_can_be_anywhere(tmp_path: Path) -> None:
    write(tmp_path, "https://wiki.example/runbooks/")
    [rule] = [rule for rule in rules((tmp_path / "demo" / "drift.yml").read_text()) if rule.get("alert") == "FeatureDrift"]
    assert rule["annotations"]["runbook_url"] == "https://wiki.example/runbooks/FeatureDrift.md"


def test_every_alert_says_what_it_is() -> None:
    assert {alert["alert"] for alert in alerts()} == ALERTS
    for alert in alerts():
        assert alert["labels"]["severity"] in ("critical", "warning", "info")
        assert alert["labels"]["scope"] in ("service", "model", "pipeline", "host")
        assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
        assert "keep_firing_for" in alert
        assert "{{ $value" in alert["annotations"]["description"] or alert["alert"] == "TelemetryAbsent"
        runbook = ROOT / alert["annotations"]["runbook_url"]
        assert runbook.name == f"{alert['alert']}.md"
        text = runbook.read_text()
        assert text.startswith(f"# {alert['alert']}\n")
        headings = re.findall(r"^## (.*)", text, re.MULTILINE)
        assert headings == ["What it means", "First looks", "Likely causes", "What to do", "Silence"]


def test_every_alert_is_in_the_document() -> None:
    text = (ROOT / "docs" / "alerts.md").read_text()
    assert set(re.findall(r"\(runbooks/(\w+)\.md\)", text)) == ALERTS
    assert {file.stem for file in (ROOT / "docs" / "runbooks").glob("*.md")} == ALERTS


def test_every_alert_is_tested_silent_and_firing_with_its_text() -> None:
    silent: set[str] = set()
    firing: set[tuple[str, str]] = set()
    for file in TESTS:
        for test in yaml.safe_load(file.read_text())["tests"]:
            for check in test.get("alert_rule_test", []):
                if not check["exp_alerts"]:
                    silent.add(check["alertname"])
                for expected in check["exp_alerts"]:
                    assert set(expected["exp_annotations"]) == {"summary", "description", "runbook_url"}
                    assert "<no value>" not in str(expected)
                    firing.add((check["alertname"], expected["exp_labels"]["severity"]))
    assert silent == ALERTS
    assert firing == {(alert["alert"], alert["labels"]["severity"]) for alert in alerts()}


@pytest.mark.parametrize("profile", PROFILES)
def test_prometheus_takes_the_rules(engine: Callable[[str], Path], profile: str) -> None:
    said = subprocess.run(
        [engine("promtool"), "check", "rules", "--lint=all", "--lint-fatal", *sorted((RULES / profile).glob("*.yml"))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize(
    "file", [pytest.param(file, id=file.stem, marks=[pytest.mark.slow] if file.stem in HOURS else []) for file in TESTS]
)
def test_each_alert_fires_at_its_time_and_not_before(engine: Callable[[str], Path], file: Path) -> None:
    said = subprocess.run([engine("promtool"), "test", "rules", file], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_native_stack_gets_the_rules_of_the_chosen_windows_only(tmp_path: Path) -> None:
    environment = {name: str(port) for name, port in StackSettings.load().ports().items()}
    for profile in ("demo", "production"):
        (tmp_path / "rules").mkdir(exist_ok=True)
        (tmp_path / "rules" / "of-an-earlier-release.yml").write_text("groups: []\n")
        prometheus_files.prepare(tmp_path, environment, profile)  # type: ignore[arg-type]  # a str of PROFILES
        assert {file.name: file.read_text() for file in (tmp_path / "rules").iterdir()} == files(profile)


def test_other_windows_are_for_prometheus_alone(tmp_path: Path) -> None:
    """So `vitals up` starts only its group anew."""
    stacks = [
        NativeStack(StackSettings.load(alert_windows=profile, vitals_state_dir=tmp_path), Settings.load(), env={})
        for profile in PROFILES
    ]
    differ = {name for name in GROUPS if len({stack._digest(name, {}) for stack in stacks}) > 1}
    assert differ == {"prom-graf"}


def test_a_checkout_without_rules_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "prometheus.yml").touch()
    monkeypatch.setattr(prometheus_files, "SOURCES", tmp_path)
    with pytest.raises(StackError, match="make rules"):
        prometheus_files.prepare(tmp_path / "state", {}, "demo")
