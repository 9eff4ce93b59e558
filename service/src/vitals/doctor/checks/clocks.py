"""Whether every engine's clock agrees with ours: by the header Date, and to the millisecond where an engine tells it so."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx2 as httpx

from vitals.doctor.finding import Away, Finding
from vitals.doctor.running import ANSWER_SECONDS, Running

MOST_SECONDS = 2.0
"""Apart by more than that is wrong: a request's records would not lie beside each other, and freshness could not be measured."""

_NAME = "clocks"
_HEADER_SECONDS = 1.0
"""The header has whole seconds: it may be so much later; the model service's, made once a second, twice that."""


@dataclass(frozen=True)
class Told:
    """A time that an engine told, how much later it may have been, and ours before and after. In seconds, since the epoch."""

    engine: str
    time: float
    slack: float
    before: float
    after: float

    @property
    def apart(self) -> float:
        """How far the clocks are apart at the least, positive where the engine's is ahead."""
        if self.time > self.after:
            return self.time - self.after
        if self.time + self.slack < self.before:
            return self.time + self.slack - self.before
        return 0.0


def look(running: Running) -> list[Finding]:
    """A finding for each clock that is apart, or one for all. Raises Away when nobody tells the time."""
    with ThreadPoolExecutor(len(running.components)) as side_by_side:
        answers = list(side_by_side.map(lambda name: ask(running, name), running.components))
    heard = [told for told in answers if told]
    if not heard:
        raise Away("No engine tells the time.")
    return judged(heard)


def ask(running: Running, name: str) -> Told | None:
    """What time a component says it is; None where it does not say."""
    before = time.time()
    try:
        if name == "prometheus":
            exact = float(running.json(name, "/api/v1/query", query="time()")["data"]["result"][0])
            return Told(name, exact, 0.001, before, time.time())
        if name == "elasticsearch":
            # It has no such header.
            nodes = running.json(name, "/_nodes/stats/fs", filter_path="nodes.*.timestamp")["nodes"]
            return Told(name, next(iter(nodes.values()))["timestamp"] / 1000, 0.001, before, time.time())
        # Whatever it answers: an error has the header too.
        answer = httpx.get(running.components[name].health_url, timeout=ANSWER_SECONDS, trust_env=False)
        after = time.time()
        slack = _HEADER_SECONDS * (2 if name == "service" else 1)
        return Told(name, parsedate_to_datetime(answer.headers["date"]).timestamp(), slack, before, after)
    except (Away, httpx.HTTPError, LookupError, ValueError, TypeError):
        return None


def judged(heard: list[Told]) -> list[Finding]:
    """A finding for each clock that is apart by more than 2 s, or one that none is, with the furthest, in seconds."""
    wrong = [told for told in heard if abs(told.apart) > MOST_SECONDS]
    if not wrong:
        furthest = round(max(abs(told.apart) for told in heard), 3)
        return [
            Finding(
                _NAME,
                "ok",
                f"The clocks of {', '.join(told.engine for told in heard)} agree with this one.",
                {"furthest_apart": furthest},
            )
        ]
    return [_apart(told) for told in wrong]


def _apart(told: Told) -> Finding:
    way = "ahead of" if told.apart > 0 else "behind"
    sentence = (
        f"The clock of {told.engine} is at least {abs(told.apart):.1f} s {way} this one: put both right by NTP (`timedatectl`, "
        "`chronyc tracking`). Until then its times lie beside the others', and Prometheus may refuse samples."
    )
    return Finding(_NAME, "wrong", sentence, {"engine": told.engine, "seconds_apart": round(told.apart, 3)})
