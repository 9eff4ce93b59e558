"""What compose's one-shots do to volumes, and how containers are told from the native stack."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import bcrypt
import pytest

from vitals.engines.recipes import load_recipes
from vitals.host.secrets import USERS, Owner, Secrets
from vitals.lookup.clients import Stores
from vitals.provisioning.containers import (
    ALERTMANAGER_USER,
    ELASTICSEARCH_USER,
    GRAFANA_USER,
    JAEGER_USER,
    KIBANA_USER,
    ROOT_GROUP,
    ROOT_USER,
    Volumes,
    prepare,
)
from vitals.settings.stack import StackSettings

from ..own_code import OWN_CODE

pytestmark = pytest.mark.slow

VITALS = Path(sys.executable).with_name("vitals")
OURS = Owner(10500, 10500)


def vitals(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**OWN_CODE, "PATH": os.environ["PATH"], "VITALS_STATE_DIR": str(state), "VITALS_ENV_FILE": os.devnull}
    return subprocess.run([VITALS, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    folders = [tmp_path / name for name in ("secrets", "key", "reader", "users", "model", "jaeger")]
    for folder in folders:
        folder.mkdir()
    return Volumes(*folders)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others, as `init` does in its container")
def test_each_password_belongs_to_the_user_that_reads_it(volumes: Volumes) -> None:
    made = prepare(volumes, OURS, lambda folder: (folder / "model.json").touch())
    assert made == ["passwords", "example model"]
    secrets = Secrets(volumes.secrets)
    readers = {
        secrets.file("admin"): OURS.uid,
        secrets.file("writer"): ROOT_USER,
        secrets.file("reader"): GRAFANA_USER,
        secrets.file("kibana"): KIBANA_USER,
        secrets.file("analyst"): OURS.uid,
        secrets.grafana_file: GRAFANA_USER,
    }
    assert set(volumes.secrets.iterdir()) == {*readers, secrets.alerts_token}
    token = secrets.alerts_token.stat()
    assert (token.st_uid, token.st_gid, mode(secrets.alerts_token)) == (ALERTMANAGER_USER, ROOT_GROUP, 0o440)
    [key] = volumes.prediction_key.iterdir()
    assert (key.name, key.stat().st_uid, mode(key)) == ("prediction-key", OURS.uid, 0o400)
    assert (volumes.prediction_key.stat().st_uid, mode(volumes.prediction_key)) == (OURS.uid, 0o500)
    assert len(key.read_bytes()) >= 32
    [copy] = volumes.reader_password.iterdir()
    assert (copy.name, copy.read_text()) == ("elasticsearch-reader-password", secrets.password("reader"))
    assert (copy.stat().st_uid, mode(copy)) == (OURS.uid, 0o400)
    assert (volumes.reader_password.stat().st_uid, mode(volumes.reader_password)) == (OURS.uid, 0o500)
    for file, uid in readers.items():
        assert (file.stat().st_uid, file.stat().st_gid, mode(file)) == (uid, OURS.gid, 0o440)
    assert mode(volumes.secrets) == 0o751
    for path, expected in ((volumes.elasticsearch_users, 0o500), (volumes.elasticsearch_users / "users", 0o400)):
        assert (path.stat().st_uid, mode(path)) == (ELASTICSEARCH_USER, expected)
    assert (volumes.jaeger.stat().st_uid, mode(volumes.jaeger)) == (JAEGER_USER, 0o700)
    users = dict(line.split(":", 1) for line in (volumes.elasticsearch_users / "users").read_text().split())
    assert all(bcrypt.checkpw(secrets.password(user).encode(), users[user].encode()) for user in USERS)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others, as `init` does in its container")
def test_a_second_start_changes_nothing(volumes: Volumes) -> None:
    def seen() -> dict[Path, tuple[bytes, int]]:
        untouched = (volumes.secrets, volumes.prediction_key, volumes.reader_password)
        written = (volumes.elasticsearch_users, volumes.model)
        return {file: (file.read_bytes(), file.stat().st_ctime_ns) for folder in untouched for file in folder.iterdir()} | {
            file: (file.read_bytes(), 0) for folder in written for file in folder.iterdir()
        }

    prepare(volumes, OURS, lambda folder: (folder / "model.json").touch())
    before = seen()
    assert prepare(volumes, OURS, lambda _: pytest.fail("there is a model already")) == []
    assert seen() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others, as `init` does in its container")
def test_new_passwords_reach_the_canary(volumes: Volumes) -> None:
    prepare(volumes, OURS, lambda folder: (folder / "model.json").touch())
    secrets = Secrets(volumes.secrets)
    secrets.file("reader").unlink()
    prepare(volumes, OURS, lambda _: None)
    assert (volumes.reader_password / secrets.file("reader").name).read_text() == secrets.password("reader")


def test_init_outside_of_its_container_is_a_sentence(tmp_path: Path) -> None:
    said = vitals(tmp_path, "init")
    assert said.returncode == 2
    assert "compose's one-shot" in said.stderr
    assert not list(tmp_path.iterdir())


def test_without_passwords_the_containers_are_named_too(tmp_path: Path) -> None:
    assert "docker compose run --rm init credentials --show" in vitals(tmp_path, "credentials").stderr


def test_grafanas_password_is_shown_where_there_is_one(tmp_path: Path) -> None:
    Secrets(tmp_path / "secrets").ensure(grafana=True)
    said = vitals(tmp_path, "credentials", "--show").stdout
    assert (tmp_path / "secrets" / "grafana-admin-password").read_text() in said
    assert "analyst" in said


class Health(BaseHTTPRequestHandler):
    """Answers 503 twice, then 200."""

    asked = 0

    def do_GET(self) -> None:
        Health.asked += 1
        self.send_response(200 if Health.asked > 2 else 503)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""


def test_waiting_ends_when_the_health_check_answers(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        said = vitals(tmp_path, "wait-for", f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
    assert (said.returncode, Health.asked) == (0, 3)


def test_waiting_in_vain_is_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        said = vitals(tmp_path, "wait-for", url, "--seconds", "1")
    assert said.returncode == 2
    assert said.stderr.startswith(f"{url} was not ready within 1 s: ")
    assert "Traceback" not in said.stderr


def test_in_a_container_the_stores_are_where_its_variables_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Secrets(tmp_path / "secrets").ensure()
    settings = StackSettings.load(vitals_state_dir=tmp_path)
    monkeypatch.setenv("PROMETHEUS_URL", "http://prometheus:9090")
    monkeypatch.delenv("SECRETS_DIR", raising=False)
    assert str(Stores(settings).prometheus.base_url) == f"http://127.0.0.1:{settings.prometheus_port}"
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path / "secrets"))
    assert str(Stores(settings).prometheus.base_url) == "http://prometheus:9090"


def test_what_only_tests_need_is_not_built_for_the_stack() -> None:
    assert load_recipes(for_tests=True).keys() == {"docker-compose", "victorialogs", "victoriametrics"}
    assert not load_recipes().keys() & load_recipes(for_tests=True).keys()
    assert load_recipes(backends=["victorialogs"]).keys() == load_recipes().keys() | {"victorialogs"}
