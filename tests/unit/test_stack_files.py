"""Secrets and the engines' files in the state folder: who may read them, and what a second start changes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import bcrypt
import pytest

from vitals.checkout import ROOT
from vitals.engines.cache import Engines
from vitals.errors import NotRunning, StackError
from vitals.host.secrets import USERS, Secrets, write_atomically
from vitals.orchestration.environment import settings_digest, stack_environment, with_inherited
from vitals.orchestration.groups import GROUPS
from vitals.provisioning import elasticsearch_files, prometheus_files
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings


@pytest.fixture
def settings(tmp_path: Path) -> StackSettings:
    return StackSettings.load(vitals_state_dir=tmp_path / "state", vitals_cache_dir=tmp_path / "cache")


@pytest.fixture
def distribution(tmp_path: Path) -> Path:
    (tmp_path / "server" / "config").mkdir(parents=True)
    for name in ("jvm.options", "log4j2.properties"):
        (tmp_path / "server" / "config" / name).write_text("of this version\n")
    return tmp_path / "server"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "state" / "secrets")
    secrets.ensure()
    first = {user: secrets.password(user) for user in USERS}
    assert len(set(first.values())) == len(USERS)
    assert min(map(len, first.values())) >= 32
    assert mode(secrets.folder) == 0o700
    assert {mode(secrets.file(user)) for user in USERS} == {0o600}
    for file in (secrets.alerts_token, secrets.prediction_key):
        assert len(file.read_bytes()) >= 32
        assert mode(file) == 0o600
    key = secrets.prediction_key.read_bytes()
    secrets.file("reader").unlink()
    secrets.ensure()
    assert secrets.password("reader") != first["reader"]
    assert secrets.password("admin") == first["admin"]
    assert secrets.prediction_key.read_bytes() == key, "earlier predictions would get no labels"


def test_without_secrets_the_command_says_how_they_come_to_be(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="first `vitals up`"):
        Secrets(tmp_path).password("reader")


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, "old")
    with pytest.raises(TypeError):
        write_atomically(path, None)  # type: ignore[arg-type]  # makes the write fail half-way
    assert path.read_text() == "old"
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.slow
def test_elasticsearch_gets_its_users_roles_and_heap(settings: StackSettings, distribution: Path) -> None:
    secrets = Secrets(settings.vitals_state_dir / "secrets")
    secrets.ensure()
    config = elasticsearch_files.prepare(settings, distribution, secrets) / "config"
    users = dict(line.split(":") for line in (config / "users").read_text().split())
    assert set(users) == set(USERS)
    for user in USERS:
        assert users[user].startswith("$2a$")
        assert bcrypt.checkpw(secrets.password(user).encode(), users[user].encode())
    roles = dict(line.split(":") for line in (config / "users_roles").read_text().split())
    own = {role for role in roles if role not in ("superuser", "kibana_system", "kibana_admin")}
    assert set(",".join(roles.values()).split(",")) == set(USERS)
    assert roles["telemetry_reader"] == "reader,analyst"
    defined = (ROOT / "elk" / "elasticsearch" / "roles.yml").read_text()
    assert all(f"\n{role}:\n" in defined for role in own)
    [options] = (config / "jvm.options.d").iterdir()
    assert options.suffix == ".options", "Elasticsearch reads no others"
    assert "-Xmx512m" in options.read_text()
    assert (config / "jvm.options").read_text() == "of this version\n"
    assert mode(config / "users") == 0o600
    assert mode(config) == 0o700


@pytest.mark.slow
def test_a_second_start_keeps_the_hashes_and_the_keystore(settings: StackSettings, distribution: Path) -> None:
    secrets = Secrets(settings.vitals_state_dir / "secrets")
    secrets.ensure()
    config = elasticsearch_files.prepare(settings, distribution, secrets) / "config"
    (config / "elasticsearch.keystore").write_text("its own")
    before = (config / "users").read_text()
    elasticsearch_files.prepare(settings, distribution, secrets)
    assert (config / "users").read_text() == before
    assert (config / "elasticsearch.keystore").read_text() == "its own"
    write_atomically(secrets.file("writer"), "changed", mode=0o600)
    elasticsearch_files.prepare(settings, distribution, secrets)
    assert (config / "users").read_text() != before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts Elasticsearch as another user")
def test_as_root_elasticsearchs_folders_are_given_to_another_user(settings: StackSettings, distribution: Path) -> None:
    secrets = Secrets(settings.vitals_state_dir / "secrets")
    secrets.ensure()
    home = elasticsearch_files.prepare(settings, distribution, secrets)
    owner = elasticsearch_files.owner()
    assert owner is not None
    assert {path.stat().st_uid for path in [home, *home.rglob("*")]} == {owner.uid}
    assert secrets.folder.stat().st_uid == 0


def test_prometheus_targets_get_their_ports(tmp_path: Path, settings: StackSettings) -> None:
    environment = {name: str(port) for name, port in settings.ports().items()}
    prometheus_files.prepare(tmp_path / "prometheus", environment, settings.alert_windows)
    targets = (tmp_path / "prometheus" / "targets" / "native.yml").read_text()
    assert f'"127.0.0.1:{settings.prometheus_port}"' in targets
    assert "${" not in targets
    assert (tmp_path / "prometheus" / "prometheus.yml").is_file()


def test_a_variable_that_no_option_sets_is_named() -> None:
    with pytest.raises(StackError, match=r"\$\{NO_SUCH\}"):
        prometheus_files.filled("${NO_SUCH}", {})


def ours(settings: StackSettings, service: Settings | None = None, **inherited: str) -> dict[str, str]:
    engines = Engines(settings.vitals_cache_dir)
    return stack_environment(settings, service or Settings.load(), engines, Path("/jdk"), inherited)


def test_the_environment_has_every_port_and_folder(settings: StackSettings) -> None:
    environment = ours(settings)
    assert {name: environment[name] for name in settings.ports()} == {name: str(port) for name, port in settings.ports().items()}
    assert environment["QUEUE_DIR"] == str(settings.vitals_state_dir / "collector" / "queue")
    assert environment["PREDICTION_KEY_FILE"] == str(settings.vitals_state_dir / "secrets" / "prediction-key")
    assert ours(settings, PREDICTION_KEY_FILE="/etc/key")["PREDICTION_KEY_FILE"] == "/etc/key"
    assert environment["JAEGER_TTL"] == "168h"
    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4317"
    assert environment["COLLECTOR_CONFIG"].count("--config") == 6
    assert all(isinstance(value, str) for value in environment.values())


def test_every_variable_of_the_compose_file_is_set(settings: StackSettings) -> None:
    import re

    text = (ROOT / "native" / "process-compose.yaml").read_text()
    wanted = {name for name in re.findall(r"\$\{(\w+)\}", text) if name.isupper()}
    assert wanted - ours(settings).keys() == set()


def test_the_protocol_chooses_the_collectors_port(settings: StackSettings) -> None:
    over_http = ours(settings, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
    assert over_http["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4318"
    elsewhere = ours(settings, OTEL_EXPORTER_OTLP_ENDPOINT="http://other:4317")
    assert elsewhere["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://other:4317"


def test_what_would_turn_process_compose_away_is_not_passed_on() -> None:
    inherited = {"PC_PORT_NUM": "1", "COMPOSE_SHELL": "fish", "PATH": "/bin", "LOGS_RETENTION": "1d"}
    assert with_inherited({"LOGS_RETENTION": "7d"}, inherited) == {"PATH": "/bin", "LOGS_RETENTION": "7d"}


def test_an_option_that_is_empty_is_not_passed_on() -> None:
    assert with_inherited({}, {"QUEUE_BYTES": "", "LOKI_URL": "", "PATH": "/bin", "OTHER": ""}) == {"PATH": "/bin", "OTHER": ""}


def test_what_the_service_reads_starts_no_engine_anew(settings: StackSettings) -> None:
    environment = ours(settings)
    for name in ("elk", "prom-graf"):
        assert settings_digest(environment, {"LOG_LEVEL": "DEBUG", "OTEL_X": "1"}, name) == settings_digest(environment, {}, name)


def test_the_digest_changes_with_options_and_not_with_the_rest(settings: StackSettings) -> None:
    environment = ours(settings)
    first = settings_digest(environment, {"HOME": "/a", "LOGS_RETENTION": "7d"}, "service")
    assert settings_digest(environment, {"HOME": "/b"}, "service") == first
    assert settings_digest(environment, {"LOG_LEVEL": "DEBUG"}, "service") != first
    assert settings_digest(environment, {"OTEL_SDK_DISABLED": "true"}, "service") != first
    changed = StackSettings.load(**{**settings.model_dump(), "logs_retention": "3d"})
    assert settings_digest(ours(changed), {}, "service") != first


def test_an_option_that_one_group_reads_starts_no_other_anew(settings: StackSettings) -> None:
    marked = StackSettings.read_by("collector")
    assert {"METRICS_BACKEND", "LOGS_BACKEND", "TRACES_BACKEND", "QUEUE_BYTES", "CANARY_INTERVAL", "LOG_FILES"} == marked
    environment = ours(settings)
    for name in marked:
        other = {**environment, name: "other"}
        differ = {group for group in GROUPS if settings_digest(other, {}, group) != settings_digest(environment, {}, group)}
        assert differ == {"collector"}


def test_the_size_of_queues_reaches_the_collector_only_where_it_is_set(settings: StackSettings) -> None:
    changed = StackSettings.load(**{**settings.model_dump(), "queue_bytes": 5_000_000})
    assert "QUEUE_BYTES" not in ours(settings)
    assert ours(changed)["QUEUE_BYTES"] == "5000000"
    assert settings_digest(ours(settings), {}, "collector") != settings_digest(ours(changed), {}, "collector")
    assert settings_digest(ours(settings), {}, "service") == settings_digest(ours(changed), {}, "service")


@pytest.mark.parametrize(
    "option", ["metrics_backend", "logs_backend", "traces_backend", "loki_url", "mimir_url", "otlp_backend_endpoint", "logs_file"]
)
def test_another_backend_is_a_matter_of_the_collector_alone(settings: StackSettings, option: str, tmp_path: Path) -> None:
    other = "none" if option.endswith("_backend") else str(tmp_path)
    changed = StackSettings.load(**{**settings.model_dump(), option: other})
    anew = [name for name in GROUPS if settings_digest(ours(settings), {}, name) != settings_digest(ours(changed), {}, name)]
    assert anew == ["collector"]


def test_a_target_that_is_scraped_is_there_only_while_its_backend_is_chosen(settings: StackSettings, tmp_path: Path) -> None:
    target = tmp_path / "prometheus" / "collected" / "native.yml"
    for backend, there in (("prometheus", False), ("prometheus-scrape", True), ("none", False)):
        changed = StackSettings.load(**{**settings.model_dump(), "metrics_backend": backend})
        prometheus_files.prepare(tmp_path / "prometheus", ours(changed), changed.alert_windows)
        assert target.exists() is there


def test_a_path_with_spaces_stays_one_argument(tmp_path: Path) -> None:
    assert shutil.which("sh")
    settings = StackSettings.load(vitals_state_dir=tmp_path / "a b", vitals_cache_dir=tmp_path / "c d")
    assert ours(settings)["OTELCOL"].startswith(str(tmp_path / "c d"))
