"""Dashboard «SLO»: is the promise to clients kept, how much of the error budget is left, and how fast does it burn."""

from __future__ import annotations

from typing import Any

from vitals_dashboards.boards import alerts
from vitals_dashboards.panels import variables
from vitals_dashboards.panels.layout import dashboard
from vitals_dashboards.panels.panel_kinds import query, stat, timeseries
from vitals_dashboards.panels.queries import worst

AVAILABILITY, LATENCY = 0.999, 0.99
"""The objectives: the share of predictions that is not answered with 5xx, and of the others the share within 250 ms."""

FACTORS = {"fast": 14.4, "brisk": 6.0, "steady": 3.0, "slow": 1.0}
"""The rules' pairs of windows, and the burn rate that is an alert where both have it."""

PERIOD = "30d"
POINTS = 120
"""Of a line whose every point looks back over the whole period."""

CHOSEN = 'job=~"$service"'


def slo() -> dict[str, Any]:
    """The whole dashboard."""
    return dashboard(
        "vitals-slo",
        f"Objectives of predictions: {AVAILABILITY:.1%} are not answered with 5xx, {LATENCY:.0%} take at most 250 ms. "
        f"The period is {PERIOD}, or what there is of it: since the first metrics, and as long as METRICS_RETENTION keeps them. "
        "The windows are those of the rules in prom-graf/prometheus/rules.",
        [variables.service()],
        [("Now", _now()), ("Error budget", _budget()), ("Burn rate", _burn()), ("Alerts", _alerts())],
        time="now-6h",
        refresh="30s",
        marks=alerts.firing("service"),
    )


def _of_the_period(part: str, whole: str) -> str:
    """By service. What the rules count at each evaluation is added up: a month of it costs little, however many requests."""
    part, whole = (f"sum_over_time(vitals:{one}:grown{{{CHOSEN}}}[{PERIOD}])" for one in (part, whole))
    return f"{part} / {whole}"


_FAILED_SHARE = _of_the_period("requests:availability_errors", "requests")
_SLOW_SHARE = _of_the_period("requests:slow", "requests:answered")


def _left(bad_share: str, objective: float) -> str:
    return f"1 - {bad_share} / {1 - objective:.6g}"


def _burning(measure: str, window: str, objective: float) -> str:
    """How many times faster than evenly over the period the budget is spent, in one of the rules' windows."""
    return f"{worst(f'vitals:requests:{measure}:ratio_rate_{window}', CHOSEN)} / {1 - objective:.6g}"


def _now() -> list[Any]:
    return [
        stat(
            f"Not failed, {PERIOD}",
            "percentunit",
            f"The share of predictions that were not answered with 5xx. The objective is {AVAILABILITY:.1%}: below it, the "
            "promise is broken for this period.",
            query(f"min(1 - {_FAILED_SHARE})", latest=True),
            warn=(1 + AVAILABILITY) / 2,
            bad=AVAILABILITY,
            decimals=3,
            graph=False,
        ),
        stat(
            "Budget of failures left",
            "percentunit",
            "What is left of the failures that the objective allows. Below 0 it is overspent: mend what fails before anything "
            "else is changed.",
            query(f"min({_left(_FAILED_SHARE, AVAILABILITY)})", latest=True),
            warn=0.5,
            bad=0,
            decimals=1,
            graph=False,
        ),
        stat(
            "Failures: burn rate",
            "none",
            "How many times too fast the budget is spent, in the long fast window: at 1 it lasts for the period exactly. Red: "
            "docs/runbooks/ServiceErrorBudgetBurn.md.",
            query(_burning("availability_errors", "fast_long", AVAILABILITY)),
            warn=1,
            bad=FACTORS["fast"],
            decimals=1,
        ),
        stat(
            f"Within 250 ms, {PERIOD}",
            "percentunit",
            f"The share of predictions that took at most 250 ms, of those that did not fail. The objective is {LATENCY:.0%}: "
            "below it, the promise is broken for this period.",
            query(f"min(1 - {_SLOW_SHARE})", latest=True),
            warn=(1 + LATENCY) / 2,
            bad=LATENCY,
            decimals=2,
            graph=False,
        ),
        stat(
            "Budget of slow answers left",
            "percentunit",
            "What is left of the slow answers that the objective allows. Below 0 it is overspent: see «Latency» on the Service "
            "dashboard for what became slower.",
            query(f"min({_left(_SLOW_SHARE, LATENCY)})", latest=True),
            warn=0.5,
            bad=0,
            decimals=1,
            graph=False,
        ),
        stat(
            "Slow answers: burn rate",
            "none",
            "How many times too fast the budget is spent, in the long fast window: at 1 it lasts for the period exactly. Red: "
            "docs/runbooks/ServiceLatencyBudgetBurn.md.",
            query(_burning("slow", "fast_long", LATENCY)),
            warn=1,
            bad=FACTORS["fast"],
            decimals=1,
        ),
    ]


def _budget() -> list[Any]:
    said = (
        "What was left of the budget at each time, for the period that ended then. A step down is an incident; level is how it "
        "should be; it rises when an old incident leaves the period. Below 0 the objective is missed."
    )
    return [
        *[
            timeseries(
                title,
                "percentunit",
                said,
                query(_left(bad_share, objective), "{{job}}"),
                query(f"0 * max({bad_share})", "all spent"),
                signed=True,
                limit="all spent",
                points=POINTS,
            )
            for title, bad_share, objective in (
                ("Budget of failures, over time", _FAILED_SHARE, AVAILABILITY),
                ("Budget of slow answers, over time", _SLOW_SHARE, LATENCY),
            )
        ],
        timeseries(
            "Refused requests",
            "percentunit",
            "The share of requests answered with 4xx, which no budget counts: the clients' mistakes, or a schema that changed "
            "under them; docs/runbooks/ServiceRefusingRequests.md.",
            query(worst("vitals:requests:refused:ratio_rate", CHOSEN, "job"), "{{job}}"),
        ),
    ]


def _burn() -> list[Any]:
    return [
        *_burn_of("Failures", "availability_errors", AVAILABILITY, "Those that fail: the error logs on the Service dashboard."),
        *_burn_of(
            "Slow answers",
            "slow",
            LATENCY,
            "Burning here without failures: overload, see «Requests in flight» and «Batch size» on the Service dashboard.",
        ),
    ]


def _burn_of(what: str, measure: str, objective: float, look: str) -> list[Any]:
    windows = [(pair, length) for pair in FACTORS for length in ("long", "short")]

    def near(pair: str) -> str:
        long, short = (f"vitals:requests:{measure}:ratio_rate_{pair}_{length}{{{CHOSEN}}}" for length in ("long", "short"))
        return f"max({long} < {short} or {short}) / {FACTORS[pair] * (1 - objective):.6g}"

    return [
        timeseries(
            f"{what}: burn rate by window",
            "none",
            f"How many times too fast the budget is spent, in each window of the rules; at 1 it lasts for {PERIOD} exactly. Only "
            f"the short windows high: a moment. The long ones too: it matters. {look}",
            *[query(_burning(measure, f"{pair}_{length}", objective), f"{pair}, {length}") for pair, length in windows],
            width=12,
        ),
        timeseries(
            f"{what}: how near to an alert",
            "percentunit",
            "The lower of each pair of windows, of the burn rate that is an alert: the long one shows that it matters, the short "
            "one that it still goes on. At 100 % the alert fires: fast and brisk at once to people, steady and slow within the "
            "day.",
            *[query(near(pair), f"{pair} ({factor:g} times)") for pair, factor in FACTORS.items()],
            query(f"1 + 0 * {near('fast')}", "alert"),
            limit="alert",
            width=12,
        ),
    ]


def _alerts() -> list[Any]:
    return [
        timeseries(
            "Firing, by scope",
            "none",
            "How many alerts fire: of the service, its models, the pipeline of telemetry, the host. Many scopes at once: begin "
            "with the host, then the pipeline, since the others follow from them.",
            query('count by (scope) (ALERTS{alertstate="firing"})', "{{scope}}"),
            stacked=True,
            width=8,
            none=alerts.NONE,
        ),
        alerts.alert_states(
            "All alerts",
            'alertname!=""',
            "alertname, severity, job",
            "{{alertname}} ({{severity}}) {{job}}",
            width=16,
        ),
    ]
