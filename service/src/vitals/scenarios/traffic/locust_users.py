"""The traffic itself, by Locust, in a process of its own: Locust's gevent changes the standard library for the whole process.

python -m vitals.scenarios.traffic.locust_users PLAN      PLAN is JSON (`plan.Plan`); a line of JSON (Told) every second
"""

# locust first: it changes the standard library, which has to happen before anything else uses it.
from locust import FastHttpUser, constant_throughput, task  # isort: skip
from locust.env import Environment  # isort: skip

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import gevent  # type: ignore[import-untyped]  # it ships no types
from gevent.event import Event  # type: ignore[import-untyped]

from vitals.bundle.folder import read_folder
from vitals.scenarios.traffic.invalid_payloads import bodies
from vitals.scenarios.traffic.plan import Plan, Told
from vitals.scenarios.traffic.rows import HeldOutRow, Label, read_rows, shuffled_turns
from vitals.scenarios.traffic.shifts import other_labels, shift_all, shift_one

PREDICT, LABELS = "/predict", "/labels"
WRONG_SHARE = 0.75
"""Of the requests of an error storm; the rest are as they should be."""

TIMEOUT_SECONDS = 10.0
STOP_SECONDS = 10
_MOST_WAITING_LABELS = 10_000


@dataclass
class Running:
    """What all users of the process share."""

    plan: Plan
    next_row: Callable[[], HeldOutRow]
    true_label: Callable[[Label], Label]
    next_wrong: Callable[[], bytes] | None
    requests: int = 0
    answered: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    labels: int = 0

    def judge(self, response: Any, *, refused: bool) -> bool:
        """Count an answer to a prediction; whether it is what it should be."""
        self.requests += 1
        status = response.status_code
        if not status:
            self.failures[_kind(response.error)] += 1
            return False
        family = f"{status // 100}xx"
        self.answered[family] += 1
        wanted = "4xx" if refused else "2xx"
        if family != wanted:
            self.failures[f"answered {status} instead of {wanted}"] += 1
        return bool(family == wanted)


def _kind(error: Any) -> str:
    """Bounded: how a request can fail to be answered."""
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, ConnectionRefusedError):
        return "refused connection"
    return "broken connection"


class _User(FastHttpUser):
    abstract = True
    running: ClassVar[Running]
    network_timeout = TIMEOUT_SECONDS
    connection_timeout = TIMEOUT_SECONDS


class Client(_User):
    """Asks for predictions, one row after the other, and remembers each answer's id with what is true of the row."""

    def on_start(self) -> None:
        """Users take their turns spread over the pause between two requests of one, instead of all at once."""
        plan = self.running.plan
        gevent.sleep(random.uniform(0, min(plan.users / plan.rate, plan.seconds / 2)))  # noqa: S311 - traffic, not a secret

    @task
    def predict(self) -> None:
        running = self.running
        if running.next_wrong is not None and random.random() < WRONG_SHARE:  # noqa: S311 - traffic, not a secret
            body, headers = running.next_wrong(), {"content-type": "application/json"}
            with self.client.post(PREDICT, data=body.decode(), headers=headers, catch_response=True) as response:
                _settle(response, running.judge(response, refused=True))
            return
        row = running.next_row()
        with self.client.post(PREDICT, json={"features": row.features}, catch_response=True) as response:
            well = running.judge(response, refused=False)
            _settle(response, well)
        if well and running.plan.labels != "none" and len(running.waiting) < _MOST_WAITING_LABELS:
            label = running.true_label(row.label)
            running.waiting.append({"prediction_id": response.json()["prediction_id"], "label": label})


class Labeller(_User):
    """Knows a second later what was true, and posts it back; Locust does not run it, since it may end a user within a request."""

    def label_until(self, over: Event) -> None:
        """Post back what gathers, every second."""
        while not over.wait(1.0):
            self.label()

    def label(self) -> None:
        """Post back what has gathered."""
        running = self.running
        most = running.plan.labels_a_request
        while running.waiting:
            now, running.waiting = running.waiting[:most], running.waiting[most:]
            with self.client.post(LABELS, json={"labels": now}, catch_response=True) as response:
                well = response.status_code == 200
                _settle(response, well)
            if not well:
                running.failures[f"labels answered {response.status_code}"] += 1
                return
            taken = response.json()["accepted"]
            running.labels += taken
            if taken < len(now):
                running.failures["label refused"] += len(now) - taken


def _settle(response: Any, well: bool) -> None:
    if well:
        response.success()
    else:
        response.failure("not as it should be")


def prepare(plan: Plan) -> Running:
    """Read the model's folder and make what the users share; raises ModelError with a sentence."""
    profile = read_folder(plan.folder).profile
    rows = read_rows(plan.folder, profile)
    turns = shuffled_turns(rows, plan.seed)
    if plan.bodies == "one feature shifted":
        turns = map(shift_one(profile, plan.feature), turns)
    elif plan.bodies == "all features shifted":
        turns = map(shift_all(profile), turns)
    other = other_labels(profile, rows)
    drawn = random.Random(plan.seed)  # noqa: S311 - traffic, not a secret
    kinds = list(bodies(profile).values())

    def wrong() -> bytes:
        # Of a row of its own: the rows that are sent as they are keep their proportions.
        return drawn.choice(kinds)(profile, drawn.choice(rows), drawn)

    return Running(
        plan=plan,
        next_row=lambda: next(turns),
        true_label=other if plan.labels == "another class or value" else lambda label: label,
        next_wrong=wrong if plan.bodies == "mostly wrong" else None,
    )


def send(running: Running, tell: Callable[[Told], None]) -> None:
    """Send until the plan's time is over or SIGTERM comes, telling how it goes every second and once at the end."""
    plan = running.plan
    _User.running, _User.host = running, plan.url
    Client.wait_time = constant_throughput(plan.rate / plan.users)
    environment = Environment(user_classes=[Client], stop_timeout=STOP_SECONDS)
    runner = environment.create_local_runner()
    start, over = time.monotonic(), Event()
    gevent.signal_handler(signal.SIGTERM, over.set)

    def told() -> Told:
        seen = environment.stats.get(PREDICT, "POST")
        return Told(
            seconds=time.monotonic() - start,
            requests=running.requests,
            rate=seen.current_rps,
            answered=dict(running.answered),
            failures=dict(running.failures),
            p50_ms=seen.get_response_time_percentile(0.5) or 0.0,
            p95_ms=seen.get_response_time_percentile(0.95) or 0.0,
            p99_ms=seen.get_response_time_percentile(0.99) or 0.0,
            labels=running.labels,
        )

    runner.start(plan.users, spawn_rate=plan.users)
    labeller = Labeller(environment)
    labelling = gevent.spawn(labeller.label_until, over)
    try:
        while not over.is_set() and (left := start + plan.seconds - time.monotonic()) > 0:
            over.wait(min(1.0, left))
            tell(told())
    finally:
        runner.quit()
        over.set()
        labelling.join()
    labeller.label()  # what was answered last
    tell(told())


def main() -> None:
    """Read the plan, send, and tell on stdout; the process ends with the pipe where its reader is gone."""
    running = prepare(Plan.model_validate_json(sys.argv[1]))
    try:
        send(running, lambda told: print(told.model_dump_json(), flush=True))  # noqa: T201 - the pipe to the parent
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
