"""The stack of compose.yaml at work: the native stack's golden path, the containers' own logs, and how it starts and ends."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import time

import httpx2 as httpx
import psutil
import pytest

from vitals.checkout import ROOT
from vitals.host.secrets import USERS

from ..config.composed import collector_grace
from ..faults.engines import queued
from ..ports import free_ports
from ..stack.conftest import ROW, eventually
from ..stack.test_one_request import (  # noqa: F401 - collected here too: the same tests, against containers
    test_a_failed_request_is_a_span_a_log_a_metric_and_a_problem,
    test_an_incoming_trace_id_is_kept_in_every_store,
)
from .conftest import OUR_IMAGE, PROJECT, Containers
from .engine import DockerEngine

pytestmark = pytest.mark.timeout(1500)  # the first time a base system is fetched

KILLED = 128 + signal.SIGKILL
ONE_SHOTS = {"init", "elasticsearch-setup", "collector-ready"}


def test_images_are_kept_where_the_engine_was_told_to_keep_them(engine: DockerEngine) -> None:
    told = engine.docker("info", "--format", "{{json .DriverStatus}}")
    assert ("io.containerd.snapshotter" in told) is engine.release.containerd_store


def test_all_of_ours_run_on_the_one_image_that_the_first_up_built(stack: Containers) -> None:
    services = json.loads(stack.compose("config", "--format", "json"))["services"]
    ours = [name for name in stack.services() if services[name]["image"] == OUR_IMAGE]
    states = stack.states()
    images = {name: stack.engine.docker("inspect", "--format", "{{.Image}}", states[name]["ID"]) for name in ours}
    built = stack.engine.docker("image", "inspect", "--format", "{{.Id}}", OUR_IMAGE)
    assert images == dict.fromkeys(("init", "elasticsearch-setup", "collector-ready", "service", "canary"), built)


def test_everything_runs_and_says_that_it_is_well(stack: Containers) -> None:
    states = stack.states()
    assert states.keys() == set(stack.services())
    assert {name for name, state in states.items() if state["State"] == "exited"} == ONE_SHOTS
    assert {states[name]["ExitCode"] for name in ONE_SHOTS} == {0}
    asked = states.keys() - ONE_SHOTS - {"collector"}
    eventually(lambda: {stack.states()[name]["Health"] for name in asked}, lambda found: found == {"healthy"}, within=60)


def test_prometheus_finds_every_engine_and_the_alertmanager(stack: Containers) -> None:
    jobs = {"collector", "prometheus", "jaeger", "node", "alertmanager"}
    eventually(
        lambda: {json.loads(labels)["job"]: value for labels, value in stack.query("up").items()},
        lambda up: up == dict.fromkeys(jobs, 1.0),
        within=60,
    )
    found = stack.stores.prometheus.get("/api/v1/alertmanagers").json()["data"]["activeAlertmanagers"]
    assert [one["url"] for one in found] == ["http://alertmanager:9093/api/v2/alerts"]


def test_the_hosts_figures_are_the_hosts(stack: Containers) -> None:
    """Processors and memory, which a container does not hide; nothing that the Collector could not read."""
    cores, memory = psutil.cpu_count(), psutil.virtual_memory().total
    eventually(lambda: stack.total("system_cpu_logical_count"), lambda found: found == cores, within=60)
    eventually(lambda: stack.total("system_memory_limit_bytes"), lambda found: found == memory, within=60)
    eventually(lambda: stack.total("node_memory_MemTotal_bytes"), lambda found: found == memory, within=60)
    counted = '{{__name__=~"otelcol_scraper_{}_metric_points(_total)?"}}'
    eventually(lambda: stack.total(counted.format("scraped")), within=60, why="the Collector counts what it read")
    assert stack.total(counted.format("errored")) == 0


def test_a_request_is_followed_from_a_container_too(stack: Containers) -> None:
    trace_id = stack.predict().json()["trace_id"]
    shown = stack.compose("run", "--rm", "init", "trace", trace_id, "--wait", "30", "--json")
    assert json.loads(shown)["missing"] == []


def test_the_doctor_sees_the_engines_from_a_container(stack: Containers) -> None:
    """Its status is 0, or compose would fail."""
    told = json.loads(stack.compose("run", "--rm", "init", "doctor", "--json"))
    found = {one["check"]: one for one in told["findings"]}
    assert told["well"]
    assert {check for check, one in found.items() if one["severity"] == "skipped"} == {"ports", "collector log"}
    assert found["components"]["sentence"].startswith("All 7 are ready")
    assert "elasticsearch" in found["clocks"]["sentence"]


def test_the_canary_measures_every_store_and_has_one_password(stack: Containers) -> None:
    eventually(
        lambda: {json.loads(labels)["store"] for labels in stack.query("sum by (store) (vitals_freshness_seconds_count)")},
        lambda stores: stores == {"prometheus", "jaeger", "elasticsearch spans", "elasticsearch logs"},
        within=60,
        why="each store has its first canary",
    )
    listing = "import os; print(*os.listdir('/var/lib/vitals/secrets'))"
    assert stack.compose("exec", "-T", "canary", "python", "-c", listing).split() == ["elasticsearch-reader-password"]


def test_every_containers_log_is_there_with_its_name_but_not_the_collectors(stack: Containers) -> None:
    expected = {name for name in stack.services() if name not in ("collector", "collector-ready")}
    names = {
        service: {document["resource"]["attributes"]["container.name"] for document in documents}
        for service in expected
        if (documents := eventually(lambda service=service: stack.logs_of(service_name=service), why=f"{service}'s log"))  # type: ignore[misc]
    }
    assert names == {service: {f"{PROJECT}-{service}-1"} for service in expected}
    assert stack.logs_of(service_name="collector") == []
    levels = {document.get("severity_text") for document in stack.logs_of(service_name="elasticsearch")}
    assert {"INFO", "WARN"} <= levels


def test_a_stack_trace_is_one_record(stack: Containers) -> None:
    """As Docker itself writes the lines. It stands behind the service's last line where that was written just before."""
    mark = secrets.token_hex(8)
    program = f"""
import traceback
try:
    int({mark!r} + "x")
except ValueError:
    with open("/proc/1/fd/2", "w") as log:
        traceback.print_exc(file=log)
"""
    stack.compose("exec", "-T", "service", "python", "-c", program)
    texts = eventually(
        lambda: [text for one in stack.logs_of(service_name="service") if mark in (text := one["body"]["text"])], why="its trace"
    )
    first, *rest = texts[0][texts[0].index("Traceback (") :].split("\n")
    assert len(texts) == 1
    assert first == "Traceback (most recent call last):"
    assert rest[0].startswith('  File "<string>", line 4')
    assert rest[-1].startswith("ValueError: invalid literal")


def test_passwords_that_were_shown_are_in_no_log(stack: Containers) -> None:
    """`docker compose run --rm init credentials --show` was run to get here."""
    for user in USERS:
        password = (stack.state / "secrets" / f"elasticsearch-{user}-password").read_text()
        assert stack.documents("logs-*", {"match_phrase": {"body.text": password}}) == []
    lines = {document["body"]["text"] for document in stack.logs_of(service_name="init")}
    assert "Made: passwords, example model." in lines
    assert lines <= {"Made: passwords, example model.", "Everything is there already."}, "each `up` runs it again"


def test_after_a_restart_of_the_collector_no_line_is_read_twice(stack: Containers) -> None:
    before = stack.logs_of(service_name="elasticsearch-setup")
    assert before
    stack.compose("restart", "collector")
    mark = secrets.token_hex(16)
    httpx.get(f"{stack.url}/{mark}", headers={"traceparent": f"00-{mark}-{secrets.token_hex(8)}-01"})
    stack.follow(mark, lambda view: bool(view.logs), within=60)
    stack.compose("restart", "alertmanager")
    count = len(stack.logs_of(service_name="alertmanager"))
    eventually(lambda: len(stack.logs_of(service_name="alertmanager")), lambda now: now > count, within=60, why="it reads on")
    assert stack.logs_of(service_name="elasticsearch-setup") == before


def test_the_collector_ends_within_its_grace_while_elasticsearch_is_away(stack: Containers) -> None:
    """It does not heed SIGTERM then: it is killed once the grace is over, and what it held is on disk."""
    grace = int(collector_grace().removesuffix("s"))
    stack.compose("stop", "elasticsearch")
    ids = [stack.predict().json()["trace_id"] for _ in range(20)]
    eventually(lambda: queued(stack, "elasticsearch/logs"), within=60, why="something waits for Elasticsearch")
    begun = time.monotonic()
    stack.compose("stop", "collector")
    took = time.monotonic() - begun
    assert stack.states()["collector"]["ExitCode"] == KILLED
    assert grace - 1 <= took <= grace + 10, "the rest is Docker's"
    stack.compose("up", "--detach", "--wait", "elasticsearch")
    stack.compose("up", "--detach", "--wait", "collector", "service")
    query = {"bool": {"filter": [{"terms": {"trace_id": ids}}, {"term": {"event_name": "ml.prediction"}}]}}
    eventually(
        lambda: sorted(one["trace_id"] for one in stack.documents("logs-generic.otel-default", query)),
        lambda found: found == sorted(ids),
        within=60,
        why="each is stored, once",
    )


def test_sigterm_drains_the_service(stack: Containers) -> None:
    ids = [stack.predict().json()["trace_id"] for _ in range(50)]
    stack.compose("stop", "service")
    assert stack.states()["service"]["ExitCode"] == 0
    eventually(
        lambda: {one["trace_id"] for one in stack.documents("logs-generic.otel-default", {"terms": {"trace_id": ids}})},
        lambda found: found == set(ids),
        why="what was buffered is sent",
    )
    stack.compose("up", "--detach", "--wait", "service")


def test_what_is_confined_can_do_no_more(stack: Containers) -> None:
    for service in ("service", "canary", "collector", "jaeger", "prometheus"):
        [container] = stack.compose("ps", "--quiet", service).split()
        pid = stack.engine.docker("inspect", "--format", "{{.State.Pid}}", container).strip()
        status = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status").read().splitlines())  # noqa: PTH123, SIM115
        assert int(status["CapEff"], 16) == 0
        assert int(status["NoNewPrivs"]) == 1
        assert (status["Uid"].split()[0] == "0") is (service == "collector")


def test_a_second_up_changes_nothing(stack: Containers) -> None:
    before = {name: state["ID"] for name, state in stack.states().items()}
    stack.compose("up", "--detach", *stack.services())
    assert {name: state["ID"] for name, state in stack.states().items()} == before
    assert stack.predict().status_code == 200


def test_the_makefile_covers_containers_by_side_and_with_their_data(stack: Containers) -> None:
    def make(*arguments: str) -> None:
        done = stack.run("make", "WITH=compose", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr

    def volumes() -> set[str]:
        return set(stack.engine.docker("volume", "ls", "--quiet").split())

    everything = volumes()
    make("restart", "ONLY=service")
    assert stack.predict().status_code == 200
    make("down", "ONLY=service", "VOLUMES=1")
    assert everything - volumes() == {f"{PROJECT}_collector"}
    running = {name for name, state in stack.states().items() if state["State"] == "running"}
    assert running == {"elasticsearch", "prometheus", "jaeger", "node_exporter", "alertmanager"}
    make("up", "ONLY=service")
    stack.follow(stack.predict().json()["trace_id"])


def test_a_side_alone_starts_and_ends_alone(stack: Containers) -> None:
    """The service's, which is whole here: beside the running stack, as a project of its own, without a store to send to."""
    names = [name for name in stack.options if name.endswith("_PORT")]
    options = {**stack.options, **dict(zip(names, map(str, free_ports(len(names))), strict=True))}
    project = ("docker", "compose", "--project-name", f"{PROJECT}-alone", "--profile", "service")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [*project, *arguments], env=options, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        run("up", "--detach")
        run("up", "--detach", "--wait", "service")
        answer = httpx.post(f"http://127.0.0.1:{options['SERVICE_PORT']}/predict", json={"features": ROW}, timeout=30)
        assert answer.json()["prediction"] == "setosa"
        assert set(run("ps", "--services").split()) == {"collector", "service", "canary"}
    finally:
        run("down", "--volumes")
    assert f"{PROJECT}-alone" not in stack.engine.docker("ps", "--all", "--format", "{{.Names}}")
    assert stack.predict().status_code == 200
