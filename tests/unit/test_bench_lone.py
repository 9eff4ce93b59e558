"""The yardstick of a lone request is a counter of the SDK, although telemetry is off in that process."""

from __future__ import annotations

import os
from typing import Any

import pytest
from opentelemetry.sdk.metrics import Counter

from benchmarks import lone_request


@pytest.mark.parametrize("disabled", [None, "true", "false"])
def test_the_yardstick_is_no_counter_that_does_nothing(monkeypatch: pytest.MonkeyPatch, disabled: str | None) -> None:
    added: list[Any] = []
    monkeypatch.setattr(Counter, "add", lambda _, *amount: added.append(amount))
    if disabled is None:
        monkeypatch.delenv("OTEL_SDK_DISABLED", raising=False)
    else:
        monkeypatch.setenv("OTEL_SDK_DISABLED", disabled)
    lone_request.counter_of_the_sdk()()
    assert added == [(1, {"http.request.method": "GET"})]
    assert os.environ.get("OTEL_SDK_DISABLED") == disabled
