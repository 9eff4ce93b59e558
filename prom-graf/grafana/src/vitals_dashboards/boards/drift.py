"""Rows of the dashboard «Model»: do its inputs, and its predictions, still look as they did in the reference data."""

from __future__ import annotations

from typing import Any

from vitals_dashboards.panels.panel_kinds import query, stat, timeseries
from vitals_dashboards.panels.queries import FLEET, MODEL, counted, worst
from vitals_dashboards.panels.states import cells, states
from vitals_dashboards.panels.tables import bars

OBSERVATIONS = "ml_feature_observations_total"
FEATURE = 'ml_feature_name="$feature"'
CHOSEN = f"{FLEET}, {FEATURE}"

SUSPICIOUS = 0.2
"""The least threshold of PSI, in the rules; yellow on the heat map, which is red at twice that."""

NOT_WATCHED = "The drift of this feature is not watched (vitals profile --no-drift), or no rows came."

_EXCESS = f"vitals:feature_psi{{{FLEET}}} / vitals:feature_psi_threshold{{{FLEET}}}"


def features() -> list[Any]:
    """Drift of the inputs, for the whole fleet over the drift window of the rules."""
    return [
        *_now(),
        cells(
            "PSI by feature",
            "none",
            "Population stability index of each feature against the reference data. Green: the same; yellow, 0.2: moved; red: "
            "another population. One red row: that input's source has changed; all rows at once: other clients, or another "
            "market. Choose a feature above for its bins.",
            query(worst("vitals:feature_psi", FLEET, "ml_feature_name"), "{{ml_feature_name}}"),
            full=2 * SUSPICIOUS,
        ),
        states(
            "Drifted, by feature",
            "Drifted: PSI is above its threshold, and there are 150 rows to judge by. The threshold rises where few rows make "
            "PSI large by chance, so a red cell on the left that is green here is not proven. Drifted for long: "
            "docs/runbooks/FeatureDrift.md. Not watched: the profile was made with --no-drift for it.",
            {0: ("as the reference", "green"), 1: ("drifted", "red"), 2: ("not watched", "text")},
            query(
                f"{worst('vitals:feature_drifted', FLEET, 'ml_feature_name')} or "
                f'2 + 0 * max by (ml_feature_name) (ml_reference_share{{{FLEET}, ml_drift_bin=""}})',
                "{{ml_feature_name}}",
            ),
        ),
        timeseries(
            "PSI of $feature, against its threshold",
            "none",
            "The threshold is 0.2, and more where the rows of the window are few: what PSI reaches by chance alone. Above it "
            "for a moment: a burst of one client; above it and level: the population has changed.",
            query(worst("vitals:feature_psi", CHOSEN), "PSI"),
            query(worst("vitals:feature_psi_threshold", CHOSEN), "threshold"),
            limit="threshold",
            none=NOT_WATCHED,
        ),
        bars(
            "Shares of $feature by bin, now and in the reference",
            "Where the values moved to, over the time range. (below) and (above) are outside of all that the reference had, "
            "(between) is between its few values, (unseen) is a category that it did not have. One bin that took everything: "
            "a default value, or a unit that changed.",
            "bin",
            reference=_in_order(f"max by (ml_feature_bin) (ml_reference_share{{{MODEL}, {FEATURE}}})"),
            live=_in_order(
                f"{counted(OBSERVATIONS, f'{MODEL}, {FEATURE}', 'ml_feature_bin')} / "
                f"scalar({counted(OBSERVATIONS, f'{MODEL}, {FEATURE}')})"
            ),
            width=16,
        ),
        timeseries(
            "Jensen-Shannon distance by feature",
            "none",
            "A second opinion, from 0 (the same) to 1 (nothing in common); unlike PSI it does not grow without end for rare "
            "bins. Where PSI is high and this is low, a rare bin is the reason.",
            query(worst("vitals:feature_js_distance", FLEET, "ml_feature_name"), "{{ml_feature_name}}"),
            share=True,
        ),
        timeseries(
            "Variance of $feature, latest 50 rows",
            "none",
            "By instance, against the reference's. At 0: a sensor, or a client, that sends the same value again and again; far "
            "above: mixed units. Only numbers have one.",
            query(f"max by (instance) (ml_feature_variance{{{MODEL}, {FEATURE}}})", "{{instance}}"),
            query(f"max(ml_reference_variance{{{MODEL}, {FEATURE}}})", "reference"),
            limit="reference",
            none="A category has no variance; choose another feature.",
        ),
        timeseries(
            "Share of drifted features",
            "percentunit",
            "How much of the input has moved. One feature of many may be harmless; most of them at once is another population: "
            "train anew.",
            query(f"max by (ml_model_name, ml_model_version) (vitals:features_drifted:share{{{FLEET}}})", "{{ml_model_name}}"),
            share=True,
        ),
    ]


def _now() -> list[Any]:
    return [
        stat(
            "Drifted features",
            "percentunit",
            "The share of features whose distribution is no longer the reference's. Above 0: the rows below say which, and how.",
            query(worst("vitals:features_drifted:share", FLEET)),
            warn=0.001,
            bad=0.3,
            decimals=0,
        ),
        stat(
            "Most drifted",
            "none",
            "The feature whose PSI is highest for its threshold, drifted or not. Choose it above to see its bins.",
            query(f"topk(1, max by (ml_feature_name) ({_EXCESS}))", "{{ml_feature_name}}", latest=True),
            name=True,
            graph=False,
        ),
        stat(
            "Highest PSI for its threshold",
            "percentunit",
            "At 100 % and above a feature is taken for drifted. Rising slowly towards it: the population moves, and there is "
            "time to train.",
            query(f"max({_EXCESS})"),
            warn=0.7,
            bad=1,
            decimals=0,
        ),
        stat(
            "PSI of the predictions for its threshold",
            "percentunit",
            "The same for what the model answers. Above 100 % while the features are not: one that matters much has moved a "
            "little, or two of them together.",
            query(f"max(vitals:prediction_psi{{{FLEET}}} / vitals:prediction_psi_threshold{{{FLEET}}})"),
            warn=0.7,
            bad=1,
            decimals=0,
        ),
        stat(
            "Rows compared",
            "none",
            "Rows in the drift window. Below 100 nothing is taken for drifted: too few to judge by.",
            query(f"min(vitals:feature_rows{{{FLEET}}})"),
            warn=100,
            bad=1,
            decimals=0,
        ),
        stat(
            "Rows of the reference",
            "none",
            "The rows that the model's profile was made from. A few hundred leave the bins wide: only a large shift is seen.",
            query(f"max(ml_reference_rows{{{MODEL}}})"),
            graph=False,
            decimals=0,
        ),
    ]


def predictions() -> list[Any]:
    """Drift of what the model answers: known at once, where labels come late."""
    rows = "ml_predictions_total"
    by = "ml_prediction_class, ml_prediction_bin"
    return [
        bars(
            "Shares of the predictions, now and in the reference",
            "Each class, or each tenth of the predicted values, over the time range. A class that is much larger than in the "
            "reference, with features that have not moved: look at the model's version first.",
            "bin",
            reference=_joined(f"max by ({by}) (ml_reference_prediction_share{{{MODEL}}})"),
            live=_joined(f"{counted(rows, MODEL, by)} / scalar({counted(rows, MODEL)})"),
        ),
        timeseries(
            "PSI of the predictions, against its threshold",
            "none",
            "How far the answers as a whole are from those on the reference data. Above the threshold: "
            "docs/runbooks/PredictionDrift.md.",
            query(worst("vitals:prediction_psi", FLEET), "PSI"),
            query(worst("vitals:prediction_psi_threshold", FLEET), "threshold"),
            query(worst("vitals:prediction_js_distance", FLEET), "Jensen-Shannon distance"),
            limit="threshold",
        ),
    ]


def _in_order(shares: str) -> str:
    """With the label `bin`, by which the bins stand in their order: below all others first, between and above them last."""
    bin_ = f'label_join({shares}, "bin", "", "ml_feature_bin")'
    below = f'label_replace({bin_}, "bin", "00 (below)", "ml_feature_bin", "[(]below[)]")'
    between = f'label_replace({below}, "bin", "98 (between)", "ml_feature_bin", "[(]between[)]")'
    ordered = f'label_replace({between}, "bin", "99 (above)", "ml_feature_bin", "[(]above[)]")'
    return f"sum by (bin) ({ordered})"


def _joined(shares: str) -> str:
    """With the label `bin`: the class, or for numbers the bin."""
    return f'sum by (bin) (label_join({shares}, "bin", "", "ml_prediction_class", "ml_prediction_bin"))'
