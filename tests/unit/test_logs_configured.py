"""However an application configures `logging`, and whenever: what is printed is what is printed without us, and all is sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = '''
import json, logging, logging.config, os, sys
from contextlib import asynccontextmanager
from pathlib import Path
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry import _logs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from vitals.telemetry import instrument

STREAM = {"version": 1, "handlers": {"c": {"class": "logging.StreamHandler"}}}
ROOT = {"root": {"level": "INFO", "handlers": ["c"]}}
INI = """[loggers]
keys=root
[handlers]
keys=c
[formatters]
keys=
[logger_root]
level=INFO
handlers=c
[handler_c]
class=StreamHandler
args=(sys.stderr,)
"""

def ini(folder):
    path = folder / "logging.ini"
    path.write_text(INI)
    logging.config.fileConfig(path, disable_existing_loggers=False)

def silent():
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger().setLevel("INFO")

def queued():
    import queue
    from logging.handlers import QueueHandler
    logging.getLogger().addHandler(QueueHandler(queue.Queue()))
    logging.getLogger().setLevel("INFO")

HOW = {
    "nothing": lambda folder: None,
    "dictConfig": lambda folder: logging.config.dictConfig({**STREAM, **ROOT, "disable_existing_loggers": False}),
    "dictConfig of uvicorn": lambda folder: logging.config.dictConfig(__import__("uvicorn.config").config.LOGGING_CONFIG),
    "own handler, propagates": lambda folder: logging.config.dictConfig(
        {**STREAM, "loggers": {"shop": {"level": "INFO", "handlers": ["c"]}}}),
    "own handler, does not": lambda folder: logging.config.dictConfig(
        {**STREAM, "loggers": {"shop": {"level": "INFO", "handlers": ["c"], "propagate": False}}}),
    "basicConfig": lambda folder: logging.basicConfig(level="INFO"),
    "basicConfig twice, forced": lambda folder: [logging.basicConfig(), logging.basicConfig(level="INFO", force=True)],
    "fileConfig": ini,
    "no handler but the null one": lambda folder: silent(),
    "a queue": lambda folder: queued(),
    "level above": lambda folder: logging.basicConfig(level="ERROR"),
    "root does not hear it": lambda folder: [logging.basicConfig(), logging.getLogger().handlers[0].setLevel("CRITICAL")],
}

class Bad:
    def __str__(self):
        logging.getLogger("shop").warning("logged while it is read")
        raise RuntimeError("bad text")
    __repr__ = __str__

def serve(how, when, watched, folder):
    sent = InMemoryLogRecordExporter()
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(sent))
    _logs.set_logger_provider(provider)
    log = logging.getLogger("shop")

    def configure(now):
        if now == when:
            HOW[how](folder)

    @asynccontextmanager
    async def lifespan(app):
        configure("lifespan")
        log.info("in the lifespan")
        yield
        log.warning("at the end")

    configure("before")
    app = FastAPI(lifespan=lifespan)
    if watched:
        instrument(app)

    @app.get("/")
    def sold():
        configure("request")
        log.info("sold %d", 1)
        log.warning("few left")
        log.warning("%s %s", 1)
        log.warning("bad %s", Bad())
        log.error("extra", extra={"o": Bad()})
        logging.getLogger("uvicorn.error").error("of the server")
        logging.getLogger("uvicorn.access").info("of its access log")
        return {}

    with TestClient(app) as client:
        status = client.get("/").status_code
    logging.getLogger().warning("after all")
    bodies = [one.log_record.body for one in sent.get_finished_logs()]
    (folder / "found.json").write_text(json.dumps([status, bodies]))

folder = Path(sys.argv[1])
for number, (how, when, watched) in enumerate(json.loads(sys.argv[2])):
    here = folder / str(number)
    here.mkdir()
    if os.fork() == 0:
        os.dup2(os.open(here / "stderr", os.O_WRONLY | os.O_CREAT), 2)
        try:
            serve(how, when, watched, here)
        finally:
            sys.stderr.flush()
            os._exit(0)
    os.wait()
print(json.dumps(list(HOW)))
'''

WARNED = [
    "few left",
    "%s %s [not formatted: TypeError: not enough arguments for format string]",
    "bad %s [not formatted: RuntimeError: bad text]",
    "extra",
]
SOLD, SERVER, END = ["sold 1"], ["of the server"], ["at the end"]
HEARD = [*SOLD, *WARNED, *SERVER, *END]
# What is sent where it is configured before the start: `info` only where a level lets it through.
SENT = {
    "nothing": [*WARNED, *SERVER, *END],
    "dictConfig": HEARD,
    "dictConfig of uvicorn": [*WARNED, *SERVER, *END],
    "own handler, propagates": HEARD,
    "own handler, does not": SERVER,
    "basicConfig": HEARD,
    "basicConfig twice, forced": HEARD,
    "fileConfig": HEARD,
    "no handler but the null one": HEARD,
    "a queue": HEARD,
    "level above": ["extra", *SERVER],
    "root does not hear it": [*WARNED, *SERVER, *END],
}
CASES = [(how, when) for how in SENT for when in ("before", "lifespan", "request")]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, bool], tuple[str, int, list[str]]]:
    """What each case printed, answered and sent: each in a process of its own, forked from one that has imported all."""
    folder = tmp_path_factory.mktemp("configured")
    nothing = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    runs = [(*case, watched) for case in CASES for watched in (False, True)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, folder, json.dumps(runs)],
        env={**os.environ, **nothing},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == list(SENT)

    def read(of: Path) -> tuple[str, int, list[str]]:
        printed = (of / "stderr").read_text()
        assert (of / "found.json").exists(), printed
        status, bodies = json.loads((of / "found.json").read_text())
        return printed, status, bodies

    return {run: read(folder / str(number)) for number, run in enumerate(runs)}


# Where no handler of the application hears a record, ours alone can say that its arguments don't fit: as `logging` does.
UNHEARD = ("no handler but the null one", "root does not hear it")


@pytest.mark.slow
@pytest.mark.parametrize(("how", "when"), CASES)
def test_what_is_printed_is_what_is_printed_without_us(found: dict[Any, Any], how: str, when: str) -> None:
    plain, watched = found[how, when, False], found[how, when, True]
    assert watched[1] == 200
    if how in UNHEARD and when != "request":
        assert (plain[0], watched[0].count("--- Logging error ---")) == ("", 2)
    elif how not in UNHEARD:
        ours = "The SDK makes the spans of requests: "  # said once, where the level is INFO
        assert "".join(line for line in watched[0].splitlines(keepends=True) if ours not in line) == plain[0]


@pytest.mark.slow
@pytest.mark.parametrize(("how", "when"), CASES)
def test_all_of_it_is_sent_once(found: dict[Any, Any], how: str, when: str) -> None:
    _, _, sent = found[how, when, True]
    others = ("logged while it is read", "in the lifespan", "of its access log")
    shown = [body for body in sent if body not in others and not body.startswith("HTTP Request: ")]
    assert shown == SENT[how]


def test_access_logs_that_a_server_keeps_to_itself_are_not_sent(found: dict[Any, Any]) -> None:
    assert "of its access log" not in found["dictConfig of uvicorn", "before", True][2]


def test_the_lifespans_own_are_sent_too(found: dict[Any, Any]) -> None:
    for when in ("before", "lifespan"):
        assert found["basicConfig", when, True][2][0] == "in the lifespan"
