"""Alertmanager takes its configuration and each example; alerts go where they should, and consequences are left out."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from vitals.checkout import ROOT
from vitals.provisioning import alertmanager_files
from vitals.settings.stack import StackSettings

FOLDER = ROOT / "prom-graf" / "alertmanager"
EXAMPLES = sorted(FOLDER.glob("examples/*.yml"))
ALERTS = {
    *("ServiceErrorBudgetBurn", "ServiceLatencyBudgetBurn", "ServiceRefusingRequests", "ServiceAbsent", "TelemetryAbsent"),
    *("FeatureDrift", "PredictionDrift", "DataQuality", "ConceptDrift", "ConceptDriftEstimated"),
    *("CollectorQueueFilling", "CollectorExportFailing", "TelemetryDropped", "SeriesGrowing"),
    *("HostCpuBusy", "HostMemoryLow", "HostDiskFilling"),
}


def configuration() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / "alertmanager.yml").read_text())
    return content


def merged(example: Path) -> dict[str, Any]:
    """alertmanager.yml with an example, as that says: a receiver of a known name is replaced, routes go before the last."""
    ours, theirs = configuration(), yaml.safe_load(example.read_text())
    assert theirs.keys() <= {"route", "receivers"}
    added = theirs.get("route", {}).get("routes", [])
    ours["route"]["routes"][-1:-1] = added
    names = {receiver["name"] for receiver in theirs["receivers"]}
    ours["receivers"] = [one for one in ours["receivers"] if one["name"] not in names] + theirs["receivers"]
    return ours


@pytest.fixture
def amtool(engine: Callable[[str], Path]) -> Callable[..., str]:
    def run(*arguments: str | Path) -> str:
        said = subprocess.run([engine("amtool"), *arguments], capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stdout + said.stderr
        return said.stdout

    return run


def test_it_is_taken(amtool: Callable[..., str]) -> None:
    assert "2 receivers" in amtool("check-config", FOLDER / "alertmanager.yml")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_fits_in(amtool: Callable[..., str], tmp_path: Path, example: Path) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(merged(example)))
    amtool("check-config", file)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_takes_its_secrets_from_files(example: Path) -> None:
    named = {
        value
        for receiver in yaml.safe_load(example.read_text())["receivers"]
        for name, value in _leaves(receiver)
        if name.endswith("_file")
    }
    assert named
    assert all(value.startswith("../receivers/") for value in named)
    text = example.read_text()
    assert all(value.removeprefix("../") in text.partition("receivers:\n")[0] for value in named), "its opening says which"


def _leaves(value: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, key)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in _leaves(inner, name)]
    return [(name, str(value))]


@pytest.mark.parametrize(
    ("example", "labels", "receivers"),
    [
        (None, ("alertname=FeatureDrift", "severity=warning"), {"history", "people"}),
        ("slack", ("alertname=FeatureDrift", "severity=warning"), {"history", "people"}),
        ("email", ("alertname=ServiceAbsent", "severity=critical"), {"history", "on-call", "people"}),
        ("email", ("alertname=FeatureDrift", "severity=warning"), {"history", "people"}),
        ("webhook", ("alertname=ConceptDrift", "severity=critical"), {"history", "retraining", "people"}),
        ("webhook", ("alertname=HostCpuBusy", "severity=warning"), {"history", "people"}),
    ],
)
def test_where_an_alert_goes(
    amtool: Callable[..., str], tmp_path: Path, example: str | None, labels: tuple[str, ...], receivers: set[str]
) -> None:
    file = tmp_path / "alertmanager.yml"
    chosen = merged(FOLDER / "examples" / f"{example}.yml") if example else configuration()
    file.write_text(yaml.safe_dump(chosen))
    told = amtool("config", "routes", "test", f"--config.file={file}", *labels).strip()
    assert set(told.split(",")) == receivers


def test_the_history_has_one_alert_in_a_notification_and_people_have_groups() -> None:
    route = configuration()["route"]
    history, people = route["routes"]
    assert (history["receiver"], history["group_by"], history["continue"]) == ("history", ["..."], True)
    assert people == {"receiver": "people"}
    assert route["group_by"] == ["alertname", "job", "ml_model_name"]


def test_what_inhibits_and_what_is_inhibited_are_alerts_that_exist() -> None:
    named = {
        name
        for rule in configuration()["inhibit_rules"]
        for matcher in (*rule["source_matchers"], *rule["target_matchers"])
        if matcher.startswith("alertname")
        for name in matcher.split('"')[1].split("|")
    }
    assert named <= ALERTS
    everywhere = [rule for rule in configuration()["inhibit_rules"] if not rule.get("equal")]
    assert [rule["source_matchers"] for rule in everywhere] == [['alertname = "TelemetryAbsent"', 'signal = "all"']]


def test_the_labels_that_the_routes_and_inhibitions_go_by_are_those_of_the_rules() -> None:
    files = sorted((ROOT / "prom-graf" / "prometheus" / "rules" / "production").glob("*.yml"))
    rules = [rule for file in files for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]
    alerts = [rule for rule in rules if "alert" in rule]
    assert {rule["alert"] for rule in alerts} == ALERTS
    assert {rule["labels"]["severity"] for rule in alerts} <= {"critical", "warning", "info"}
    assert {rule["labels"]["scope"] for rule in alerts} <= {"service", "model", "pipeline", "host"}
    [all_signals] = [rule for rule in alerts if rule["alert"] == "TelemetryAbsent" and "signal" in rule["labels"]]
    assert all_signals["labels"]["signal"] == "all"
    burns = {rule["labels"]["severity"] for rule in alerts if rule["alert"] == "ServiceErrorBudgetBurn"}
    assert burns == {"critical", "warning"}


def test_natively_it_is_the_same_file_and_its_paths_lead_to_the_stacks_secrets(tmp_path: Path) -> None:
    port = StackSettings.load().alerts_port
    alertmanager_files.prepare(tmp_path / "alertmanager", port)
    folder = tmp_path / "alertmanager"
    assert (folder / "alertmanager.yml").read_text() == (FOLDER / "alertmanager.yml").read_text()
    [webhook] = next(one for one in configuration()["receivers"] if one["name"] == "history")["webhook_configs"]
    assert (folder / webhook["url_file"]).read_text() == f"http://127.0.0.1:{port}/alerts\n"
    assert (FOLDER / webhook["url_file"]).read_text() == f"http://collector:{port}/alerts\n"
    token = folder / webhook["http_config"]["authorization"]["credentials_file"]
    assert token.resolve() == tmp_path / "secrets" / "alerts-token"
    assert (tmp_path / "receivers").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
