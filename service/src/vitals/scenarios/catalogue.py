"""The scenarios as data: what each does, how much it sends and how long, and the alerts that it must bring about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from vitals.errors import StackError
from vitals.scenarios.traffic.plan import Bodies, Labels
from vitals.scenarios.verdict import Expectation
from vitals.settings.options import AlertWindows

Disturbance = Literal["a slow model", "no Elasticsearch"]

SLOW_EXAMPLE = "iris-forest"
"""The example model that is really slow."""

_LONG: Mapping[AlertWindows, float] = {"demo": 45.0, "production": 1200.0}
"""Longer than the expected alerts take to be sure; with the production windows, the slowest wait for ten minutes."""


@dataclass(frozen=True)
class Scenario:
    """One scenario; `users` send `rate` requests a second together."""

    name: str
    does: str
    fires: frozenset[str] = frozenset()
    follows: frozenset[str] = frozenset()
    """What may fire too: it depends on the model, or on the machine."""
    in_examples: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Of `follows`, what does fire with the model of this name; then no other may."""
    restart: frozenset[str] = frozenset()
    """What may fire while the scenario restarts the service, where that takes long."""
    bodies: Bodies = "held-out"
    labels: Labels = "true"
    users: int = 5
    rate: float = 10.0
    seconds: Mapping[AlertWindows, float] = field(default_factory=lambda: _LONG)
    disturbance: Disturbance | None = None
    failures: float = 0.0
    """The share of requests that may be answered in another way than they should be."""

    def expectation(self, model: str) -> Expectation:
        """The alerts for the served model of this name."""
        if model in self.in_examples:
            return Expectation(self.fires | self.in_examples[model], restart=self.restart)
        return Expectation(self.fires, self.follows, self.restart)


_OF_A_SHIFT = frozenset({"PredictionDrift", "ConceptDriftEstimated"})
"""No labels come back in these scenarios, so nothing is known of the accuracy but the model's own confidence."""

_ALL = (
    Scenario(
        "normal",
        "Held-out rows in their real proportions; their true labels come back. Nothing may fire.",
    ),
    Scenario(
        "high-load",
        "The same rows, as fast as a small machine can take them.",
        follows=frozenset({"ServiceLatencyBudgetBurn"}),
        users=40,
        rate=200.0,
        failures=0.01,
    ),
    Scenario(
        "covariate-drift-one",
        "One feature's values move to the far end of their range; no label comes back.",
        fires=frozenset({"FeatureDrift"}),
        follows=_OF_A_SHIFT,
        in_examples={"iris": frozenset()},
        bodies="one feature shifted",
        labels="none",
    ),
    Scenario(
        "covariate-drift-all",
        "All features move: numbers by three standard deviations, out of the range that the reference had.",
        fires=frozenset({"FeatureDrift", "DataQuality"}),
        follows=_OF_A_SHIFT,
        in_examples={"iris": frozenset({"PredictionDrift"})},
        bodies="all features shifted",
        labels="none",
    ),
    Scenario(
        "error-storm",
        "Three requests of four are wrong: types, missing and extra keys, empty bodies, no JSON.",
        fires=frozenset({"ServiceRefusingRequests"}),
        bodies="mostly wrong",
        rate=20.0,
    ),
    Scenario(
        "concept-drift",
        "The inputs stay, the true values change: each class becomes another one, numbers are mirrored at their mean.",
        fires=frozenset({"ConceptDrift"}),
        labels="another class or value",
    ),
    Scenario(
        "slow-model",
        f"The service is restarted with the example {SLOW_EXAMPLE}, which is slow, and afterwards with its previous model.",
        fires=frozenset({"ServiceLatencyBudgetBurn"}),
        restart=frozenset({"ServiceAbsent", "TelemetryAbsent"}),
        users=10,
        disturbance="a slow model",
    ),
    Scenario(
        "backend-outage",
        "Elasticsearch is stopped for the duration, and started again; requests must not be affected.",
        fires=frozenset({"CollectorExportFailing", "CollectorQueueFilling"}),
        seconds={"demo": 90.0, "production": 1800.0},
        disturbance="no Elasticsearch",
    ),
)

SCENARIOS: dict[str, Scenario] = {scenario.name: scenario for scenario in _ALL}


def scenario(name: str) -> Scenario:
    """The scenario of this name; raises StackError with those that there are."""
    if name not in SCENARIOS:
        raise StackError(f"There is no scenario {name!r}: there are {', '.join(SCENARIOS)}.")
    return SCENARIOS[name]
