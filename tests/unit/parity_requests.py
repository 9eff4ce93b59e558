"""A program: random requests to two applications, and everything that leaves the process for them, decoded, as JSON.

    python -m tests.unit.parity_requests SEED REQUESTS MODEL_FOLDER

The environment says which path makes it. The clock stands still but for what the routes themselves let pass; ids are named by
the request that they belong to. So two runs of the same seed print the same, whichever path they took.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any


class Clock:
    """Stands still, and goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000_000_000

    def nanoseconds(self) -> int:
        return self.now

    def seconds(self) -> float:
        return self.now / 1e9


CLOCK = Clock()
time.time_ns, time.perf_counter, time.time = CLOCK.nanoseconds, CLOCK.seconds, CLOCK.seconds  # before anything takes them by name

from fastapi import BackgroundTasks, FastAPI, Request, Response  # noqa: E402
from fastapi.responses import JSONResponse, StreamingResponse  # noqa: E402
from google.protobuf.json_format import MessageToDict  # noqa: E402
from opentelemetry import trace  # noqa: E402
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest  # noqa: E402
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest  # noqa: E402
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest  # noqa: E402
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags  # noqa: E402

from vitals.app import create_app  # noqa: E402
from vitals.model.served import load_model  # noqa: E402
from vitals.settings.service import Settings  # noqa: E402
from vitals.telemetry import instrument  # noqa: E402
from vitals.telemetry.delivery.delivery import Delivery  # noqa: E402

MESSAGES: dict[str, Any] = {
    "traces": ExportTraceServiceRequest, "logs": ExportLogsServiceRequest, "metrics": ExportMetricsServiceRequest,
}  # fmt: skip
SENT: dict[str, list[Any]] = {"traces": [], "logs": [], "metrics": []}


def keep(self: Delivery, data: bytes, items: int) -> None:
    """In place of sending: what would be sent."""
    message = MESSAGES[self.signal]()
    message.ParseFromString(data)
    SENT[self.signal].append(message)


def application() -> FastAPI:
    """Routes that do to their span what applications do."""
    app, mounted = FastAPI(), FastAPI()
    instrument(app, service_name="parity")

    def passed() -> None:
        CLOCK.now += CHANCE.randrange(1, 3_000_000_000)

    @app.api_route("/items/{item}", methods=["GET", "POST", "PUT"])
    async def items(item: str, request: Request) -> Any:
        passed()
        return JSONResponse({"item": item}, status_code=CHANCE.choice([200, 201, 302, 404, 500, 503]))

    @app.get("/static")
    async def static() -> Any:
        passed()
        return {}

    @app.get("/threads")
    def threads() -> Any:
        with trace.get_tracer("own").start_as_current_span("in a thread"):
            passed()
        return {}

    @app.get("/touched")
    async def touched() -> Any:
        span = trace.get_current_span()
        for change in CHANCE.sample(CHANGES, CHANCE.randrange(1, len(CHANGES))):
            change(span)
            passed()
        return {}

    @app.get("/raises")
    async def raises() -> Any:
        passed()
        raise ValueError("an ünusual value")

    @app.get("/stream")
    async def stream() -> Any:
        async def parts() -> Any:
            for part in range(3):
                passed()
                yield f"{part}"
                if part == 1 and CHANCE.random() < 0.3:
                    raise RuntimeError("in the middle")

        return StreamingResponse(parts())

    @app.get("/later")
    async def later(tasks: BackgroundTasks) -> Any:
        tasks.add_task(passed)
        return {}

    @app.get("/empty")
    async def empty() -> Any:
        return Response(status_code=204)

    @mounted.get("/inner/{part}")
    async def inner(part: str) -> Any:
        passed()
        return {}

    app.mount("/mounted/{place}", mounted)
    return app


CHANGES: list[Any] = [
    lambda span: span.set_attribute("text", "värde"),
    lambda span: span.set_attributes({"list": [1, 2], "yes": True, "http.route": "/given"}),
    lambda span: span.add_event("seen", {"at": 1.5}),
    lambda span: span.add_link(SpanContext(5, 7, True, TraceFlags(1)), {"why": "test"}),
    lambda span: span.set_status(StatusCode.OK),
    lambda span: span.set_status(StatusCode.ERROR, "on purpose"),
    lambda span: span.update_name("renamed"),
    lambda span: span.record_exception(KeyError("key"), {"more": 1}),
]
PROXIED = [(b"x-forwarded-for", b"203.0.113.7"), (b"x-forwarded-proto", b"https"), (b"x-forwarded-host", b"api.example")]
CHANCE = random.Random(int(sys.argv[1]))  # noqa: S311


def scope(number: int) -> dict[str, Any]:
    """One request, somehow."""
    path = CHANCE.choice(
        ["/items/ä", f"/items/{number}", "/static", "/threads", "/touched", "/touched", "/raises", "/stream", "/later", "/empty",
         "/mounted/a/inner/b", "/mounted/a/none", f"/nothing/{number}", "/docs", "/"]
    )  # fmt: skip
    headers = [(b"host", b"model.example:8080"), (b"x-number", str(number).encode())]
    if CHANCE.random() < 0.7:
        headers.append((b"user-agent", CHANCE.choice([b"curl/8", "Gerät".encode("latin-1"), "Gerät".encode(), b"Googlebot/2"])))
    if CHANCE.random() < 0.5:
        made = f"00-{CHANCE.getrandbits(128):032x}-{CHANCE.getrandbits(64):016x}-{CHANCE.choice(['00', '01', '03', '02'])}"
        headers.append((b"traceparent", CHANCE.choice([made, made, made, "00-zz", f"{made}-more"]).encode()))
        if CHANCE.random() < 0.3:
            headers.append((b"tracestate", b"vendor=1,other=2"))
    if CHANCE.random() < 0.2:
        headers.append((b"baggage", b"user=anna"))
    if CHANCE.random() < 0.5:
        headers.append((b"content-length", CHANCE.choice([b"0", b"17", b"123456", b"wrong"])))
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": CHANCE.choice(["1.1", "1.0"]),
        "method": CHANCE.choice(["GET"] * 8 + ["POST", "PUT", "HEAD", "DELETE", "SECRET"]),
        "scheme": CHANCE.choice(["http", "https"]),
        "path": path, "raw_path": path.encode(), "root_path": "", "headers": headers,
        "query_string": CHANCE.choice([b"", b"", b"a=1&b=%20", b"\xe4=\xff"]),
        "client": CHANCE.choice([("10.0.0.1", 40_000), ("10.0.0.2", 0), None]),
        "server": CHANCE.choice([("127.0.0.1", 8000), ("127.0.0.1", 80), ("/run/o.sock", None), None]), "state": {},
    }  # fmt: skip


async def asked(app: Any, one: dict[str, Any], body: bytes = b"") -> None:
    """Serve one request, to whatever end it comes."""

    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return messages.pop() if messages else await asyncio.get_running_loop().create_future()  # the client stays

    async def send(message: Any) -> None:
        pass

    with suppress(ValueError, RuntimeError):  # the server would log it
        await app(one, receive, send)


async def served(app: FastAPI, requests: Any) -> None:
    """Within the application's lifespan."""
    told: asyncio.Queue[Any] = asyncio.Queue()
    said: asyncio.Queue[Any] = asyncio.Queue()
    lifespan = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, told.get, said.put))
    await told.put({"type": "lifespan.startup"})
    assert (await said.get())["type"] == "lifespan.startup.complete"
    await requests
    await told.put({"type": "lifespan.shutdown"})
    await said.get()
    await lifespan


async def plain(requests: int) -> None:
    """Any application."""
    app = application()

    async def all_of_them() -> None:
        for number in range(requests):
            await asked(app, scope(number))

    await served(app, all_of_them())


async def predictions(requests: int, folder: str) -> None:
    """Our service."""
    settings = Settings.load(model_dir=Path(folder))
    app = create_app(settings, model=load_model(Path(folder), allow_pickle=False, threads=1))

    async def all_of_them() -> None:
        names = [feature.name for feature in app.state.vitals.profile.features]
        for number in range(requests):
            rows = [{name: CHANCE.uniform(0.1, 7) for name in names} for _ in range(CHANCE.choice([1, 1, 1, 3]))]
            content: Any = {"features": rows[0]} if len(rows) == 1 else {"instances": rows}
            if CHANCE.random() < 0.1:
                content = {"features": {}}
            body = json.dumps(content).encode()
            length = (b"content-length", str(len(body)).encode())
            path = CHANCE.choice(["/predict", f"{settings.root_path}/predict"])
            one = {**scope(number), "method": "POST", "path": path, "raw_path": path.encode()}
            kept = [header for header in one["headers"] if header[0] != b"content-length"]
            kept += CHANCE.sample(PROXIED, CHANCE.randrange(len(PROXIED) + 1))
            one["headers"] = [*kept, length, (b"content-type", b"application/json")]
            await asked(app, one, body)

    await served(app, all_of_them())


def main() -> None:
    """Print what was sent."""
    _, _, requests, folder = sys.argv
    Delivery.put = keep  # type: ignore[method-assign]
    asyncio.run(predictions(int(requests), folder) if folder != "-" else plain(int(requests)))
    print(json.dumps({kind: [MessageToDict(one) for one in messages] for kind, messages in SENT.items()}))


if __name__ == "__main__":
    main()
