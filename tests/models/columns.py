"""Columns of every type and the steps that transform them: where a row's answer hangs on how a column came in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn import ensemble, preprocessing
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (makes IterativeImputer importable)
from sklearn.feature_selection import SelectKBest
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder
from sklearn.svm import SVC, NuSVC
from sklearn.tree import DecisionTreeClassifier

from . import row_steps
from .case import TARGET, Case, classifier, on_mixed, with_option
from .families import forest, logistic, threshold
from .tables import coded, counts, ids, looks_like_numbers, mixed, nullable, numbers, positive, with_target

known_only = partial(OneHotEncoder, handle_unknown="ignore")
boosted = partial(ensemble.HistGradientBoostingClassifier, max_iter=10, min_samples_leaf=5)
gappy = partial(numbers, gaps=0.12)

STEPS: dict[str, tuple[Callable[[], Any], Callable[[], pd.DataFrame]]] = {
    "SimpleImputer": (lambda: SimpleImputer(add_indicator=True), gappy),
    "KNNImputer": (KNNImputer, gappy),
    "IterativeImputer": (lambda: IterativeImputer(max_iter=3, random_state=0), gappy),
    "MissingIndicator": (lambda: make_union(SimpleImputer(), MissingIndicator(features="all")), gappy),
    "log1p": (lambda: FunctionTransformer(np.log1p), positive),
    "PolynomialFeatures": (lambda: make_pipeline(StandardScaler(), preprocessing.PolynomialFeatures(2)), numbers),
    "KBinsDiscretizer": (lambda: preprocessing.KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"), numbers),
    "SplineTransformer": (lambda: preprocessing.SplineTransformer(4), numbers),
    "QuantileTransformer": (lambda: preprocessing.QuantileTransformer(n_quantiles=20), numbers),
    "PowerTransformer": (preprocessing.PowerTransformer, positive),
    "RobustScaler": (preprocessing.RobustScaler, counts),
    "Normalizer": (preprocessing.Normalizer, numbers),
    "PCA": (lambda: make_pipeline(StandardScaler(), PCA(2)), numbers),
    "SelectKBest": (lambda: SelectKBest(k=2), numbers),
    "set_output": (lambda: StandardScaler().set_output(transform="pandas"), numbers),
    "columns_by_type": (
        lambda: make_column_transformer((StandardScaler(), make_column_selector(dtype_include="number"))),
        numbers,
    ),
}


def _encoded(encoder: Any, columns: Sequence[str], final: Callable[[], Any] = logistic, rest: Any = "passthrough") -> Any:
    return make_pipeline(make_column_transformer((encoder, list(columns)), remainder=rest, sparse_threshold=0), final())


def _one_hot(columns: Sequence[str], final: Callable[[], Any] = logistic) -> Callable[[], Any]:
    return lambda: _encoded(known_only(), columns, final)


def _ordinal(columns: Sequence[str]) -> Callable[[], Any]:
    return lambda: _encoded(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), columns, forest)


def _categories(*columns: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda features: features.astype(dict.fromkeys(columns, "category"))


def _as_text(columns: Sequence[str], step: Callable[[Any], Any] | None = None) -> Callable[[], Any]:
    """Make text of whole columns in the pipeline, then encode it."""
    text = FunctionTransformer(step) if step else FunctionTransformer(pd.DataFrame.astype, kw_args={"dtype": str})
    return lambda: _encoded(make_pipeline(text, known_only()), columns)


def _steps() -> list[Case]:
    made = []
    for place, (name, (step, table)) in enumerate(STEPS.items()):
        final = (logistic, forest)[place % 2]
        labels = ("text", "integers", "booleans")[place % 3]
        make = lambda one=step, last=final: make_pipeline(one(), last())  # noqa: E731  (binds the loop's values)
        made.append(classifier(name, make, table, 2 if labels == "booleans" else 3, labels))
    encoders: dict[str, Any] = {
        "OneHot_infrequent": OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=0.3),
        "Ordinal": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        "Target": TargetEncoder(cv=3),
    }
    made += [
        classifier(f"{name}-mixed_gaps", lambda one=encoder: on_mixed(logistic(), encoder=one), partial(mixed, gaps=0.1), 2)
        for name, encoder in encoders.items()
    ]
    return made


def _row_steps() -> list[Case]:
    """Steps that see a row as a whole, and see something else in an array than in a DataFrame."""
    aggregate, spread = row_steps.with_mean_and_deviation, row_steps.deviation
    of_row: tuple[tuple[str, Any, Any, Any], ...] = (
        ("row_mean-gaps", aggregate, lambda: boosted(max_iter=30), gappy),
        ("row_mean-no_gaps", aggregate, lambda: boosted(max_iter=30), numbers),
        ("row_deviation", spread, lambda: DecisionTreeClassifier(max_depth=3, random_state=0), numbers),
        ("row_deviation-gaps", spread, lambda: boosted(max_iter=30), gappy),
        ("row_missing", row_steps.how_many_missing, logistic, gappy),
        ("row_by_names", row_steps.share_of_first, forest, numbers),
    )
    return [
        classifier(name, lambda one=step, last=final: make_pipeline(FunctionTransformer(one), last()), table, 2)
        for name, step, final, table in of_row
    ]


def _types() -> list[Case]:
    """Integers, booleans, ids, text that looks like numbers, categories: from CSV, and from Parquet."""
    text = {"dtype": str}
    looks = ["zip", "smoker", "grade"]
    missing = _encoded(make_pipeline(SimpleImputer(strategy="most_frequent"), known_only()), looks)
    unknown_ids = _one_hot(["id"])
    return [
        classifier("integers_as_text", _as_text(["code"]), coded),
        classifier("integers_as_text-own_step", _as_text(["code"], row_steps.as_text), coded, 3, "integers"),
        with_option(classifier("integers_as_text", _as_text(["code"]), coded), "--categorical", "code"),
        with_option(classifier("integer_categories", _one_hot(["code"]), coded), "--categorical", "code"),
        classifier("integer_categories-gaps", _one_hot(["code"]), partial(coded, gaps=0.1)),
        with_option(classifier("integer_categories-gaps", _one_hot(["code"]), partial(coded, gaps=0.1)), "--categorical", "code"),
        classifier("integer_categories-ordinal", _ordinal(["code"]), coded, 3),
        classifier("everything_as_text", _as_text(["age", "city", "code", "member"]), mixed, 2),
        classifier("ids", unknown_ids, ids),
        with_option(classifier("ids", unknown_ids, ids), "--categorical", "id"),
        with_option(classifier("ids-ordinal", _ordinal(["id"]), ids), "--categorical", "id"),
        classifier("ids-parquet", unknown_ids, ids, file="parquet"),
        classifier("ids-as_text", _as_text(["id"]), ids),
        classifier("looks_like_numbers", _one_hot(looks), looks_like_numbers, reading=text),
        with_option(
            classifier("looks_like_numbers", _one_hot(looks), looks_like_numbers, reading=text),
            *("--categorical", "zip", "--categorical", "smoker", "--categorical", "grade"),
        ),
        classifier("half_numbers", _one_hot(["children"]), _half_numbers),
        classifier("half_numbers-alone", _one_hot(["children"]), lambda: _half_numbers()[["children"]]),
        with_option(classifier("half_numbers", _one_hot(["children"]), _half_numbers), "--categorical", "children"),
        classifier("looks_like_numbers-ordinal", _ordinal(looks), looks_like_numbers, 3, "padded", reading=text),
        classifier("looks_like_numbers-by_array", _one_hot_of_all, looks_like_numbers, reading=text, by_array=True),
        classifier("looks_like_numbers-gaps", lambda: missing, partial(looks_like_numbers, gaps=0.1), reading=text),
        classifier("looks_like_numbers-parquet", _one_hot(looks), looks_like_numbers, 2, "true or false", file="parquet"),
        classifier("looks_like_numbers-target", lambda: _encoded(TargetEncoder(cv=3), looks), looks_like_numbers, reading=text),
        classifier("booleans", _one_hot(["city"]), _city_and_member, 2),
        classifier("booleans-one_hot", _one_hot(["city", "member"]), _city_and_member, 3, "integers"),
        classifier("gaps_everywhere", lambda: _fill_and_encode, partial(mixed, gaps=0.1, everywhere=True), 3),
        classifier("gaps_everywhere-parquet", _one_hot(["city", "member"], boosted), _objects_with_gaps, 2, file="parquet"),
        classifier("nullable-parquet", lambda: _of_nullable, nullable, 2, file="parquet"),
        classifier(
            "nullable-as_objects",
            lambda: _of_nullable,
            nullable,
            3,
            file="parquet",
            prepare=lambda one: one.astype(object).where(one.notna(), np.nan),
        ),
        classifier("category-text", boosted, partial(mixed, gaps=0.1), 2, prepare=_categories("city")),
        classifier("category-integers", boosted, coded, 3, prepare=_categories("code")),
        classifier("category-integers_gaps", boosted, partial(coded, gaps=0.1), 2, prepare=_categories("code")),
        classifier("category-parquet", boosted, lambda: _categories("city", "code")(mixed(gaps=0.1)), 2, file="parquet"),
        classifier("category-one_hot", _one_hot(["city"]), _city_and_member, 2, prepare=_categories("city")),
        classifier("category-skops", boosted, partial(mixed, 150, gaps=0.1), 10, prepare=_categories("city"), saved="skops"),
        classifier("native_gaps-forest", forest, gappy, 2),
        classifier("native_gaps", boosted, gappy, 3, "integers", saved="skops"),
        classifier("padded_target-many", logistic, partial(numbers, 150), 10, "padded", reading={"dtype": {TARGET: str}}),
        Case("gap_word_as_category", _gap_word, _one_hot(["colour"])),
        Case("wide_integers", _wide_integers, lambda: make_pipeline(StandardScaler(), logistic())),
    ]


def _one_hot_of_all() -> Any:
    return make_pipeline(known_only(), logistic())


_fill_and_encode = make_pipeline(
    make_column_transformer(
        (SimpleImputer(), ["age", "code"]),
        (make_pipeline(SimpleImputer(strategy="most_frequent"), known_only()), ["city", "member"]),
        sparse_threshold=0,
    ),
    logistic(),
)
_of_nullable = make_pipeline(
    make_column_transformer(
        (SimpleImputer(), ["count", "height"]),
        (
            make_pipeline(
                FunctionTransformer(pd.DataFrame.astype, kw_args={"dtype": object}),
                FunctionTransformer(pd.DataFrame.where, kw_args={"cond": pd.DataFrame.notna, "other": np.nan}),
                FunctionTransformer(pd.DataFrame.astype, kw_args={"dtype": str}),
                known_only(),
            ),
            ["city", "member"],
        ),
        sparse_threshold=0,
    ),
    logistic(),
)


def _half_numbers() -> pd.DataFrame:
    """Texts of which most look like numbers, and a number."""
    return looks_like_numbers(words=True)[["children"]].assign(b=numbers().b)


def _city_and_member() -> pd.DataFrame:
    return mixed()[["city", "member", "age"]]


def _objects_with_gaps() -> pd.DataFrame:
    table = mixed(gaps=0.1, everywhere=True)
    return table.assign(**{name: table[name].astype(object).where(table[name].notna(), None) for name in ("city", "member")})


def _gap_word() -> pd.DataFrame:
    """A category that pandas' reader takes for a gap."""
    random = np.random.default_rng(11)
    colours = random.choice(["red", "blue", "NA"], 150)
    either = random.choice(["p", "q"], 150)
    return pd.DataFrame({"colour": colours, TARGET: np.where(colours == "red", "p", np.where(colours == "NA", "q", either))})


def _wide_integers() -> pd.DataFrame:
    """Whole numbers of all sizes that a float64 holds, as amounts in cents or times in nanoseconds."""
    random = np.random.default_rng(12)
    cents, kinds = random.integers(-(10**12), 10**12, 120), random.integers(0, 256, 120)
    return with_target(pd.DataFrame({"cents": cents, "kind": kinds}), 3, "text")


def _disagreeing(kind: type[SVC | NuSVC]) -> Case:
    """Three classes that overlap: Platt's probabilities and the votes of `predict` disagree on many rows."""
    random = np.random.default_rng(13)
    table = pd.DataFrame(random.normal(size=(120, 3)).round(3), columns=list("abc"))
    target = np.where(table.a + random.normal(0, 1.5, 120) > 0.4, "up", np.where(table.b > 0, "left", "right"))
    more = {"nu": 0.3} if kind is NuSVC else {}
    return Case(
        f"{kind.__name__}-predict_disagrees",
        lambda: table.assign(y=target),
        lambda: kind(probability=True, random_state=0, **more),
    )


def _formats() -> list[Case]:
    """The same model, saved by skops."""
    return [
        classifier("skops-LogisticRegression", lambda: on_mixed(logistic()), partial(mixed, gaps=0.1), 3, saved="skops"),
        classifier("skops-forest", lambda: on_mixed(forest()), partial(mixed, 150, gaps=0.1), 10, "integers", saved="skops"),
        classifier("skops-threshold", lambda: threshold(logistic(), threshold=0.3), numbers, 2, "booleans", saved="skops"),
        classifier("skops-linear", lambda: make_pipeline(StandardScaler(), logistic()), partial(numbers, 300), 50, saved="skops"),
    ]


CASES = [*_steps(), *_row_steps(), *_types(), _disagreeing(SVC), _disagreeing(NuSVC), *_formats()]
