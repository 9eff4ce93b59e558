"""What a report can't be made of, or from: each a sentence that says what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from vitals.bundle.folder import ServedFolder
from vitals.errors import ReportError, StackError
from vitals.report.reading import Events
from vitals.report.rows import LoggedRow

from .logged_double import Kept, event, logged
from .made_reports import HOUR, held_out, iris, made

__all__ = ["held_out", "iris"]


@pytest.mark.parametrize(
    ("kept", "more", "sentence"),
    [
        (lambda *_: Kept(unused={"elasticsearch logs": "nothing is sent there"}), {}, "nothing is sent there"),
        (lambda *_: Kept(), {}, "No prediction of the model iris was logged .* earlier --since"),
        (
            lambda iris, rows: Kept([{k: v for k, v in one.items() if not k.endswith("features")} for one in logged(iris, rows)]),
            {},
            "none of them with its features: set LOG_FEATURES=true",
        ),
        (lambda iris, rows: Kept(logged(iris, rows[:5])), {}, "5 rows can be read back .* wants 10"),
        (
            lambda iris, rows: Kept(logged(iris, rows)),
            {"version": "0123456789ab"},
            "0123456789ab was logged .* there are",
        ),
        (
            lambda iris, rows: Kept([*logged(iris, rows), event(iris, rows[:1], 99, **{"ml.model.version": "newer"})]),
            {},
            "MODEL_DIR holds .* choose --model-version",
        ),
    ],
    ids=["logs elsewhere", "nothing logged", "no features", "too few", "no such version", "a newer version"],
)
def test_what_is_missing_is_a_sentence(
    iris: ServedFolder,
    held_out: list[LoggedRow],
    model_folder: Path,
    kept: Callable[[ServedFolder, list[LoggedRow]], Kept],
    more: Mapping[str, Any],
    sentence: str,
) -> None:
    with pytest.raises(ReportError, match=sentence):
        made(kept(iris, held_out), iris, model_folder, **more)


def test_elasticsearch_away_refusing_or_replaced_is_a_sentence() -> None:
    def asked(transport: httpx.MockTransport) -> None:
        Events(httpx.Client(base_url="http://elasticsearch", transport=transport), "iris").versions(HOUR)

    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(StackError, match="does not answer"):
        asked(httpx.MockTransport(away))
    with pytest.raises(StackError, match="answered 401"):
        asked(httpx.MockTransport(lambda _: httpx.Response(401, text="no")))
    for other in (httpx.Response(200, text="<html>"), httpx.Response(200, json=[]), httpx.Response(200, json={"hits": 1})):
        with pytest.raises(StackError, match="Something other than Elasticsearch"):
            asked(httpx.MockTransport(lambda _, other=other: other))  # type: ignore[misc]
