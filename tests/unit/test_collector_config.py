"""Which of the Collector's files belong to which choice of backends."""

from __future__ import annotations

import pytest

from vitals.backends.collector_config import FOLDER, arguments, available, config_files
from vitals.errors import SettingsError
from vitals.settings.stack import StackSettings


@pytest.fixture(autouse=True)
def no_options_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    for option in ("METRICS_BACKEND", "LOGS_BACKEND", "TRACES_BACKEND", "LOG_FILES"):
        monkeypatch.delenv(option, raising=False)


def test_the_defaults_name_files_that_exist() -> None:
    files = config_files(StackSettings.load())
    assert [str(file.relative_to(FOLDER)) for file in files] == [
        "config.yaml",
        "backends/metrics/prometheus.yaml",
        "backends/logs/elasticsearch.yaml",
        "backends/traces/elasticsearch+jaeger.yaml",
        "inputs/alerts.yaml",
        "inputs/engine-logs.yaml",
    ]
    assert all(file.exists() for file in files)


def test_in_containers_the_logs_are_the_containers() -> None:
    assert config_files(StackSettings.load(), own_logs="container-logs")[-1] == FOLDER / "inputs" / "container-logs.yaml"


def test_log_files_add_their_input() -> None:
    assert config_files(StackSettings.load(log_files="/var/log/*.log"))[-1] == FOLDER / "inputs" / "log-files.yaml"


def test_arguments_are_pairs() -> None:
    settings = StackSettings.load()
    assert arguments(settings)[::2] == ["--config"] * 6
    assert arguments(settings)[1::2] == [str(file) for file in config_files(settings)]


def test_each_backend_that_does_not_exist_gets_a_sentence_that_lists_those_that_do() -> None:
    with pytest.raises(SettingsError) as raised:
        config_files(StackSettings.load(logs_backend="loky", traces_backend="../logs/elasticsearch"))
    logs, traces = raised.value.sentences
    assert logs.startswith("LOGS_BACKEND is wrong: there is no backend 'loky' for logs; there are ")
    assert logs.endswith(f"{', '.join(available('logs'))}.")
    assert "elasticsearch+jaeger" in traces
