"""An exception that is logged when its request is over still leads to the request's trace."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.trace import SpanContext, TraceFlags

from vitals.telemetry.requests.exception_origin import note, origin

HERE = SpanContext(0xA, 0xB, is_remote=False, trace_flags=TraceFlags(1))
THERE = SpanContext(0xC, 0xD, is_remote=False, trace_flags=TraceFlags(0))


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    code: int


class Stubborn(Exception):
    def __setattr__(self, *_: object) -> None:
        raise RuntimeError("no")

    def __getattribute__(self, name: str) -> Any:
        if name == "__raised_in_span__":
            raise RuntimeError("no")
        return super().__getattribute__(name)


class Slotted(Exception):
    __slots__ = ("code",)


@pytest.mark.parametrize("one", [ValueError("x"), KeyError(), Frozen(1), Stubborn(), Slotted(), ExceptionGroup("g", [OSError()])])
def test_the_first_to_say_so_is_right(one: Exception) -> None:
    assert origin(one) is None
    note(one, HERE)
    note(one, THERE)
    found = origin(one)
    assert found is not None
    assert (found.trace_id, found.span_id, found.trace_flags) == (0xA, 0xB, 1)


def test_no_span_is_no_origin() -> None:
    one = ValueError()
    note(one, SpanContext(0, 0, is_remote=False))
    assert origin(one) is None


def _raised_from(how: str) -> BaseException:
    first = OSError()
    note(first, HERE)
    match how:
        case "group":
            return ExceptionGroup("all", [KeyError(), ExceptionGroup("some", [first])])
        case "cause":
            try:
                raise ValueError from first
            except ValueError as second:
                return second
        case "context":
            try:
                try:
                    raise first
                finally:
                    raise ValueError
            except ValueError as second:
                return second
        case "suppressed":
            try:
                try:
                    raise first
                except OSError:
                    raise ValueError from None
            except ValueError as second:
                return second
    raise AssertionError(how)


@pytest.mark.parametrize("how", ["group", "cause", "context", "suppressed"])
def test_what_came_from_it_has_its_origin(how: str) -> None:
    found = origin(_raised_from(how))
    assert found is not None
    assert found.trace_id == 0xA


def test_a_chain_that_never_ends_is_left() -> None:
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = other, one
    assert origin(one) is None


def test_another_process_gets_the_exception() -> None:
    one = ValueError("x")
    note(one, HERE)
    assert pickle.loads(pickle.dumps(one)).args == ("x",)  # noqa: S301 - our own


PROGRAM = """
import asyncio, gc, json, logging, sys, threading, time, urllib.error, urllib.request
import uvicorn
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse
from opentelemetry import _logs, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from starlette.middleware.base import BaseHTTPMiddleware
from vitals.telemetry import instrument
from vitals.telemetry.requests.exception_origin import note

sent = InMemoryLogRecordExporter()
provider = LoggerProvider()
provider.add_log_record_processor(SimpleLogRecordProcessor(sent))
_logs.set_logger_provider(provider)
app = FastAPI()
instrument(app)

async def through(request, call_next):
    return await call_next(request)

if "behind" in sys.argv:
    app.add_middleware(BaseHTTPMiddleware, dispatch=through)

def broken():
    raise ValueError("background")

@app.get("/background")
async def background(tasks: BackgroundTasks):
    tasks.add_task(broken)

@app.get("/route")
async def route():
    raise ValueError("route")

@app.get("/stream")
async def stream():
    async def parts():
        yield b"x"
        raise ValueError("stream")
    return StreamingResponse(parts())

@app.get("/forgotten")
async def forgotten():
    async def work():
        try:
            raise ValueError("forgotten")
        except ValueError as wrong:
            note(wrong, trace.get_current_span().get_span_context())
            raise
    asyncio.ensure_future(work())
    await asyncio.sleep(0)
    return {}

server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="on"))
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.01)
port = server.servers[0].sockets[0].getsockname()[1]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
asked = {}
for path in ("background", "route", "stream", "forgotten"):
    try:
        answer = opener.open(f"http://127.0.0.1:{port}/{path}")
        asked[path] = answer.headers["traceresponse"].split("-")[1]
        answer.read()
    except urllib.error.HTTPError as wrong:
        asked[path] = wrong.headers["traceresponse"].split("-")[1]
    except Exception:
        pass
    time.sleep(0.1)
    gc.collect()
logs = [one.log_record for one in sent.get_finished_logs()]
server.should_exit = True
thread.join()
told = [(one.attributes["exception.stacktrace"].split("ValueError: ")[-1].split()[0], f"{one.trace_id:032x}", one.body.split()[0])
        for one in logs if "exception.stacktrace" in one.attributes]
print(json.dumps([asked, told]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("behind", [[], ["behind"]], ids=["plain", "behind BaseHTTPMiddleware"])
def test_what_a_server_logs_after_the_request_has_its_trace(behind: list[str]) -> None:
    nothing = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *behind],
        env={**os.environ, **nothing},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    asked, told = json.loads(done.stdout.splitlines()[-1])  # uvicorn writes its access log there, too
    assert {(what, "Task" if what == "forgotten" else "Exception") for what in asked} == {(what, body) for what, _, body in told}
    assert {what: trace_id for what, trace_id, _ in told} == asked
