"""A canary that the service does not trace: said with the variable's name, and not counted as lost."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator

import httpx2 as httpx
import pytest
from opentelemetry.sdk.metrics import MeterProvider

from vitals.canary import canary, traced_request
from vitals.doctor import Running
from vitals.doctor.checks import variables
from vitals.host.processes import wait_until
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings

from .canary_doubles import World, a_world

ROUTE = canary.ROUTE


@pytest.fixture
def world() -> Iterator[World]:
    with a_world() as world:
        yield world


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRACES_SAMPLER", "TRACES_SAMPLER_ARG", "PYTHON_EXCLUDED_URLS", "PYTHON_FASTAPI_EXCLUDED_URLS", "SDK_DISABLED"):
        monkeypatch.delenv(f"OTEL_{name}", raising=False)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"OTEL_PYTHON_FASTAPI_EXCLUDED_URLS": "health"}, "OTEL_PYTHON_FASTAPI_EXCLUDED_URLS excludes it"),
        ({"OTEL_PYTHON_EXCLUDED_URLS": "metrics,health/.*"}, "OTEL_PYTHON_EXCLUDED_URLS excludes it"),
        ({"OTEL_SDK_DISABLED": "true"}, "OTEL_SDK_DISABLED is true"),
        ({}, "OTEL_PYTHON_EXCLUDED_URLS of the service"),
        ({"OTEL_PYTHON_FASTAPI_EXCLUDED_URLS": "", "OTEL_PYTHON_EXCLUDED_URLS": "health"}, "of the service is why"),
    ],
)
def test_an_answer_without_a_trace_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, world: World, variables: dict[str, str], told: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    world.service.answer = lambda _: (200, {"trace_id": None, "instance": None, "answered": 1})
    with pytest.raises(ValueError, match=told):
        canary.Service(world.service.url).ask()


@pytest.mark.parametrize(
    ("header", "sampled"),
    [
        (f"00-{'1' * 32}-{'2' * 16}-01", True),
        (f"00-{'1' * 32}-{'2' * 16}-00", False),
        (f"00-{'1' * 32}-{'2' * 16}-03", True),
        ("", True),
        ("what", True),
    ],
)
def test_the_answer_says_whether_it_is_sampled(header: str, sampled: bool) -> None:
    assert traced_request.is_sampled(header) is sampled


@pytest.mark.parametrize(
    ("sampler", "asks"),
    [
        ("parentbased_traceidratio", True),
        ("parentbased_always_off", True),
        ("parentbased_always_on", False),
        ("traceidratio", False),
        ("always_off", False),
        (None, False),
    ],
)
def test_a_sampler_that_heeds_its_caller_is_asked_to_keep_it(
    monkeypatch: pytest.MonkeyPatch, sampler: str | None, asks: bool
) -> None:
    if sampler:
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    headers = traced_request.parent()
    assert bool(headers) is asks
    if asks:
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", headers["traceparent"])


def test_stores_of_spans_are_not_asked_for_what_is_dropped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.1")
    asked: list[str] = []

    def look(store: str) -> canary.Look:
        return lambda _: asked.append(store) or True

    stop = threading.Event()
    one = canary.Asked("1" * 32, "a", 1, 0.0, sampled=False)
    meter = MeterProvider(shutdown_on_exit=False).get_meter("test")
    places: list[canary.Place] = ["jaeger", "elasticsearch spans", "elasticsearch logs", "prometheus"]
    thread = threading.Thread(
        target=canary.run,
        args=(lambda: one, {place: look(place) for place in places}, meter),
        kwargs={"interval_seconds": 0.01, "stop": stop},
    )
    with caplog.at_level(logging.WARNING, "vitals.canary"):
        thread.start()
        assert wait_until(lambda: len(asked) > 10, 10)
        stop.set()
        thread.join(10)
    assert set(asked) == {"elasticsearch logs", "prometheus"}
    [said] = [one.getMessage() for one in caplog.records]
    assert "OTEL_TRACES_SAMPLER is traceidratio, OTEL_TRACES_SAMPLER_ARG 0.1" in said


@pytest.mark.parametrize(
    ("given", "severities", "told"),
    [
        ({}, ["ok"], "No OTEL_"),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, ["warning"], "OTEL_TRACES_SAMPLER is always_off"),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "1.0"}, ["ok"], ""),
        ({"OTEL_PYTHON_EXCLUDED_URLS": ".*"}, ["warning"], f"OTEL_PYTHON_EXCLUDED_URLS excludes {ROUTE}"),
        ({"OTEL_TRACES_SAMPLER": "foo"}, ["wrong"], "OTEL_TRACES_SAMPLER is wrong"),
    ],
)
def test_the_doctor_names_it(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], severities: list[str], told: str) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    found = variables.look(Running(StackSettings.load(), Settings.load()))
    assert [one.severity for one in found] == severities
    assert told in found[0].sentence


def test_the_service_answers_what_it_is_asked(world: World) -> None:
    """The double has no such header: an answer without one is looked for everywhere."""
    assert canary.Service(world.service.url).ask().sampled
    assert httpx.get(f"{world.service.url}{ROUTE}", trust_env=False).status_code == 200
