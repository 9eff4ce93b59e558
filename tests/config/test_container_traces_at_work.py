"""Stack traces of containers are one record each, and no line is lost or stored twice; seen on the real Collector."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from vitals.checkout import ROOT
from vitals.settings.stack import StackSettings

from .container_lines import LINES_MAX, line_of_a_container, line_start_pattern
from .test_collector_at_work import records_in

INPUT = ROOT / "otel-collector" / "inputs" / "container-logs.yaml"

PYTHON = """\
ERROR:    Exception in ASGI application
Traceback (most recent call last):
  File "/app/a.py", line 1, in load
    return {"a": 1}["b"]
           ~~~~~~~~^^^^^
KeyError: 'b'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/a.py", line 3, in run
    raise Unavailable("<no> \\ model") from None
app.models.Unavailable: <no> \\ model"""
GROUP = """\
WARNING two failed
Exception Group Traceback (most recent call last):
  | ExceptionGroup: both (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: 1
    +------------------------------------"""
JAVA = """\
2026-11-30 10:00:00 ERROR c.e.Orders - not taken
java.lang.IllegalStateException: closed
\tat com.example.Orders.take(Orders.java:12)
\t... 12 more
Caused by: java.io.IOException: Broken pipe
\tat java.base/sun.nio.ch.Net.write(Native Method)
\tSuppressed: java.lang.RuntimeException
\t\tat com.example.A.b(A.java:1)"""
NODE = """\
TypeError: Cannot read properties of undefined (reading 'x')
    at Object.<anonymous> (/app/a.js:1:13)
    at node:internal/main/run_main_module:36:49"""
GO = """\
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x48f6a1]

goroutine 1 [running]:
main.(*server).serve(0x0)
\t/app/main.go:12 +0x21
created by net/http.(*Server).Serve in goroutine 7
\t/usr/local/go/src/net/http/server.go:3285 +0x4b4

goroutine 18 [select]:
main.wait({0x1, 0x2})
\t/app/wait.go:3 +0x1d"""
ALONE = (
    "INFO:     started",
    'INFO:     127.0.0.1 - "GET / HTTP/1.1" 200',
    "ValueError: said, not raised",
    '{"level":"error"}',
    "}",
    "main.f(1)",
)
"""Lines that are records by themselves, wherever they stand but right after a traceback's indented lines."""

BEGINNINGS = [
    *("", " ", "\t", "\x1b[0m", '"', "\\", "ä", "{", "}", "f("),
    "Traceback (most recent call last):",
    "Caused by: ",
    "a.b.CError: ",
    "goroutine 1 [x]:",
]


@pytest.fixture
def follow(run_collector: Callable[..., Any], wait_for: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Have the Collector read the file of one container, and give the texts of the records that it made of it."""
    file = tmp_path / "containers" / "0a1b" / "0a1b-json.log"
    file.parent.mkdir(parents=True)
    options = {"CONTAINERS_DIR": str(tmp_path / "containers"), "COMPOSE_PROJECT_NAME": "mine"}

    def read(content: str, last: str) -> list[dict[str, Any]]:
        with file.open("a") as more:
            more.write(content)
        with run_collector(
            StackSettings.load(metrics_backend="none"), ["logs/elasticsearch"], "container-logs", **options
        ) as one:
            got = wait_for(lambda: (got := records_in(one.got("logs/elasticsearch"))) and last in text_of(got[-1]) and got)
        return list(got)

    return read


def text_of(record: dict[str, Any]) -> str:
    return str(record["body"]["stringValue"])


def written(*records: str, stream: str = "stderr") -> str:
    return "".join(line_of_a_container(line, stream=stream) for record in records for line in record.split("\n"))


def test_the_pattern_is_its_parts_put_together() -> None:
    receiver = yaml.safe_load(INPUT.read_text())["receivers"]["file_log/containers"]
    assert receiver["multiline"] == {"line_start_pattern": line_start_pattern()}


def test_a_stack_trace_is_one_record_and_what_is_none_is_not(follow: Callable[..., Any]) -> None:
    records = [ALONE[0], PYTHON, *ALONE, GROUP, *ALONE, JAVA, *ALONE, NODE, *ALONE, GO, *ALONE]
    got = follow(written(*records, "the last"), "the last")
    assert [text_of(one) for one in got] == [*records, "the last"]
    levels = {text_of(one): one.get("severityText") for one in got}
    assert [levels[trace] for trace in (PYTHON, GROUP, JAVA, NODE, GO)] == ["ERROR", "WARN", "ERROR", None, None]
    assert {one["resource"]["container.name"] for one in got} == {"mine-service-1"}


@pytest.fixture
def lines_of_images() -> dict[str, str | None]:
    """A line as each image's server writes it, and its level."""
    return {
        '{"@timestamp":"2026-11-30T10:00:00.000Z", "log.level": "WARN", "message":"low disk", "ecs.version": "1.2.0"}': "WARN",
        "[2026-11-30T10:00:00.000+00:00][ERROR][plugins.reporting] no chromium": "ERROR",
        "[2026-11-30T10:00:00.000+00:00][INFO ][http.server.Kibana] running at http://0.0.0.0:5601": "INFO",
        'time=2026-11-30T10:00:00.000Z level=WARN source=main.go:1 msg="slow"': "WARN",
        '{"level":"info","ts":"2026-11-30T10:00:00.000Z","caller":"app/a.go:1","msg":"ready"}': "INFO",
        'logger=provisioning.plugins t=2026-11-30T10:00:00.000Z level=error msg="no such folder"': "ERROR",
        'level=warn ts=2026-11-30T10:00:00.000Z caller=a.go:1 msg="late"': "WARN",
        '{"ts":"2026-11-30T10:00:00.000Z","level":"error","caller":"lib/a.go:1","msg":"late"}': "ERROR",
        "INFO:     Uvicorn running on http://0.0.0.0:8000": "INFO",
    }


def test_what_each_image_writes_has_its_level(follow: Callable[..., Any], lines_of_images: dict[str, str]) -> None:
    got = follow(written(*lines_of_images, "the last"), "the last")
    assert {text_of(one): one.get("severityText") for one in got[:-1]} == lines_of_images


@pytest.mark.slow
def test_a_line_of_the_other_stream_ends_a_record_and_joins_none(follow: Callable[..., Any]) -> None:
    lines = JAVA.split("\n")
    other = "\tindented, of the other"
    content = written(*lines[:3]) + written(other, stream="stdout") + written(*lines[3:], "the last")
    joined = ["\n".join(lines[:3]), other, "\n".join(lines[3:]), "the last"]
    assert [text_of(one) for one in follow(content, "the last")] == joined


def test_the_time_is_the_first_lines(follow: Callable[..., Any]) -> None:
    first, *rest = written(NODE).splitlines(keepends=True)
    got = follow(first.replace("07:00:00.5Z", "06:00:00.5Z") + "".join(rest) + written("the last"), "the last")
    assert [one["timeUnixNano"][:9] for one in got] == ["176724720", "176725080"]


NEVER_ENDING = {
    "java": ["java.lang.StackOverflowError", *(f"\tat a.B.c(B.java:{number})" for number in range(1_024))],
    "headings": [f"a.b.CException: {number}" for number in range(500)],
    "python": ["Traceback (most recent call last):", *(f'  File "a.py", line {number}\n    a()' for number in range(500))],
    "go": ["SIGQUIT: quit", *(f"goroutine {number} [select]:\nmain.f({number})\n\t/a.go:1 +0x1d\n" for number in range(300))],
}


@pytest.mark.slow
@pytest.mark.parametrize("lines", NEVER_ENDING.values(), ids=NEVER_ENDING)
def test_a_trace_that_never_ends_is_several_records_and_all_of_it_is_there(follow: Callable[..., Any], lines: list[str]) -> None:
    got = [text_of(one) for one in follow(written(*lines, "the last"), "the last")]
    assert [line for text in got for line in text.split("\n") if line] == [
        line for text in (*lines, "the last") for line in text.split("\n") if line
    ]
    assert len(got) > 2
    assert all(text.count("\n") <= 2 * LINES_MAX for text in got)
    assert got[0].count("\n") >= LINES_MAX


@pytest.mark.slow
def test_long_lines_are_as_docker_cut_them(follow: Callable[..., Any]) -> None:
    part = "<" * 16_384
    content = written("INFO x") + "".join(line_of_a_container(f"    {part}", end="") for _ in range(40)) + written("the last")
    got = follow(content.replace("<", "\\u003c"), "the last")
    assert text_of(got[0]) == "INFO x\n" + "\n".join([f"    {part}"] * 40)[: 65_536 - 7]
    assert len(got) == 2


@pytest.mark.slow
def test_what_a_crash_left_of_a_line_costs_no_other_line(follow: Callable[..., Any]) -> None:
    torn = line_of_a_container("    torn")[:60]
    assert [text_of(one) for one in follow(written(NODE) + torn, "run_main")] == [NODE]
    got = follow(written("on the torn line") + written(GROUP, "the last"), "the last")
    assert [text_of(one) for one in got][-2:] == [GROUP, "the last"]


@pytest.mark.slow
def test_lines_that_docker_did_not_write_cost_no_line_beside_them(follow: Callable[..., Any]) -> None:
    noise = (
        "no JSON\n",
        "\n",
        '{"a":1}\n',
        '  {"log":"x"}\n',
        "\0\0\0\n",
        '{"log":"a{"log":"b\\n","stream":"stderr","time":"Z"}\n',
    )
    got = follow("".join(written(NODE) + line for line in noise) + written("the last"), "the last")
    assert [text_of(one) for one in got] == [NODE] * len(noise) + ["the last"]


@pytest.mark.slow
def test_every_line_of_any_file_is_there_once_and_in_its_order(follow: Callable[..., Any]) -> None:
    chance = random.Random(15)  # noqa: S311 - the same lines each time
    told: dict[str, list[str]] = {"stderr": [], "stdout": []}
    content = []
    for number in range(1_500):
        stream = chance.choice(["stderr"] * 5 + ["stdout"])
        text = f"{chance.choice(BEGINNINGS)}<{number}>{'x' * chance.choice([0, 10, 300])}"
        told[stream].append(f"<{number}>")
        content.append(line_of_a_container(text, stream=stream, end=chance.choice(["\n", "\n", "\r\n"])))
        if chance.random() < 0.1:
            content.append(line_of_a_container("", stream=stream))
    got = follow("".join(content) + written("the last"), "the last")
    for stream, expected in told.items():
        of_stream = [text_of(one) for one in got if json.dumps(one["attributes"]).find(stream) > 0]
        assert re.findall(r"<\d+>", "\n".join(of_stream)) == expected
    assert 500 < len(got) < 1_200, "many lines were joined"


@pytest.mark.slow
@pytest.mark.parametrize("lines_before", [1, 5, 12])
def test_kill_9_in_the_midst_of_a_trace_costs_and_doubles_no_line(
    run_collector: Callable[..., Any], wait_for: Callable[..., Any], tmp_path: Path, lines_before: int
) -> None:
    traced, other = (tmp_path / "containers" / name / f"{name}-json.log" for name in ("traced", "other"))
    for file in (traced, other):
        file.parent.mkdir(parents=True)
    settings = StackSettings.load(metrics_backend="none")
    options = {"CONTAINERS_DIR": str(tmp_path / "containers"), "COMPOSE_PROJECT_NAME": "mine"}
    held = {"file_log/containers": {"force_flush_period": "1h"}}  # what is held when it ends is so by no chance of time
    first, second = PYTHON.split("\n")[:lines_before], PYTHON.split("\n")[lines_before:]

    traced.write_text(written("before", *first))
    other.write_text(written("it was read", "after that"))
    with run_collector(settings, ["logs/elasticsearch"], "container-logs", held, **options) as collector:
        got = wait_for(lambda: (got := records_in(collector.got("logs/elasticsearch")))[1:] and got)
    assert sorted(text_of(one) for one in got) == ["before", "it was read"]
    for file, text in ((traced, (*second, "after")), (other, ("the last",))):
        with file.open("a") as more:
            more.write(written(*text))
    with run_collector(settings, ["logs/elasticsearch"], "container-logs", **options) as collector:
        again = wait_for(lambda: (got := records_in(collector.got("logs/elasticsearch")))[3:] and got)
    assert sorted(text_of(one) for one in again) == sorted([PYTHON, "after", "after that", "the last"])


@pytest.mark.slow
def test_a_trace_that_comes_in_halves_is_two_records(
    run_collector: Callable[..., Any], wait_for: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "containers" / "a" / "a-json.log"
    file.parent.mkdir(parents=True)
    options = {"CONTAINERS_DIR": str(tmp_path / "containers"), "COMPOSE_PROJECT_NAME": "mine"}
    lines = PYTHON.split("\n")
    file.write_text(written(*lines[:4]))
    with run_collector(StackSettings.load(metrics_backend="none"), ["logs/elasticsearch"], "container-logs", **options) as one:
        wait_for(lambda: records_in(one.got("logs/elasticsearch")))
        with file.open("a") as more:
            more.write(written(*lines[4:], "the last"))
        got = wait_for(lambda: (got := records_in(one.got("logs/elasticsearch"))) and text_of(got[-1]) == "the last" and got)
    assert "\n".join(text_of(one) for one in got) == f"{PYTHON}\nthe last"
    assert text_of(got[0]) == "\n".join(lines[:4])
