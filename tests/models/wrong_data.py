"""Tables that no profile can be made from, each with what its refusal has to name. It knows nothing of the service."""

from __future__ import annotations

import decimal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .case import TARGET
from .wrong_models import Wrong, features_of, fitted, logistic, saved, table


def _with(
    change: Callable[[pd.DataFrame], pd.DataFrame], model: Callable[[], Any] = logistic, **writing: Any
) -> Callable[[Path], None]:
    """A model that can be served, and its own data changed."""

    def write(folder: Path) -> None:
        saved(folder, fitted(model()))
        change(table()).to_csv(folder / "data.csv", index=False, **writing)

    return write


def _column(make: Callable[[pd.Series[Any]], Any]) -> Callable[[Path], None]:
    """The column `a` with other values."""
    return _with(lambda data: data.assign(a=make(data.a)))


def _text(make: Callable[[str], str | bytes], file: str = "data.csv") -> Callable[[Path], None]:
    """The file's text changed."""

    def write(folder: Path) -> None:
        saved(folder, fitted(logistic()))
        made = make(table().to_csv(index=False))
        (folder / "data.csv").unlink()
        (folder / file).write_bytes(made.encode() if isinstance(made, str) else made)

    return write


def _parquet(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        saved(folder, fitted(logistic()))
        (folder / "data.csv").unlink()
        change(table()).to_parquet(folder / "data.parquet")

    return write


def _held_out(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        saved(folder, fitted(logistic()))
        change(table()).to_csv(folder / "held_out.csv", index=False)

    return write


def _gap(data: pd.DataFrame, column: str = "a") -> pd.DataFrame:
    return data.assign(**{column: data[column].where(np.arange(len(data)) > 2)})


def _named(name: str) -> Callable[[Path], None]:
    """A model fitted on a column of that name."""

    def write(folder: Path) -> None:
        data = table().rename(columns={"a": name})
        saved(folder, fitted(logistic(), data), data)

    return write


def _by_array(folder: Path) -> None:
    data = table()
    saved(folder, logistic().fit(features_of(data).to_numpy(), data[TARGET]), data.assign(spare=1.5))


def _days(form: str) -> Callable[[pd.Series[Any]], Any]:
    return lambda values: pd.date_range("2024-01-01", periods=len(values)).strftime(form)


LONG = "How satisfied are you, all in all, with the way in which our service has answered " * 2

WRONG_DATA: dict[str, Wrong] = {
    "dates": Wrong(_column(_days("%Y-%m-%d")), ("'a'", "date")),
    "dates, day first": Wrong(_column(_days("%d.%m.%y")), ("'a'", "date")),
    "dates in words": Wrong(_column(_days("%b %d, %Y")), ("'a'", "date")),
    "times of day": Wrong(_column(_days("%H:%M")), ("'a'", ("time", "date"))),
    "thousands": Wrong(_column(lambda one: (one * 2000).map("{:,.2f}".format)), ("'a'", "thousand")),
    "decimal comma": Wrong(_column(lambda one: one.astype(str).str.replace(".", ",")), ("'a'", "decimal", "comma")),
    "few decimal commas": Wrong(_column(lambda one: np.resize(["1,5", "2,5", "3,5"], len(one))), ("'a'", "decimal", "comma")),
    "per cent": Wrong(_column(lambda one: one.map("{:.0f}%".format)), ("'a'", ("%", "percent", "per cent"))),
    "dollars": Wrong(_column(lambda one: one.map("${:.2f}".format)), ("'a'", ("$", "currency"))),
    "a mark of gaps": Wrong(_column(lambda one: one.astype(object).where(one > -1, "?")), ("'a'", "?")),
    "semicolons": Wrong(_with(lambda data: data, sep=";"), (("semicolon", "';'", '";"', "`;`"),), may_pass=True),
    "semicolons, decimal comma": Wrong(_with(lambda data: data, sep=";", decimal=","), (("semicolon", "';'", '";"', "`;`"),)),
    "tabs": Wrong(_with(lambda data: data, sep="\t"), ("tab",), may_pass=True),
    "bars": Wrong(_with(lambda data: data, sep="|"), ("|",), may_pass=True),
    "a comment": Wrong(_text(lambda text: f"# made in May\n{text}"), (("comment", "#"),), may_pass=True),
    "spaces after commas": Wrong(_text(lambda text: text.replace(",", ", ")), ("space",), may_pass=True),
    "a line too long": Wrong(_text(lambda text: f"{text}1.0,2,3,4,yes,6\n"), ("data.csv", "122")),
    "an empty file": Wrong(_text(lambda _: ""), ("data.csv", ("empty", "no column"))),
    "a header alone": Wrong(_text(lambda text: text.splitlines()[0] + "\n"), ("data.csv", "rows")),
    "few rows": Wrong(_with(lambda data: data.head(20)), ("20 rows", "50")),
    "UTF-16": Wrong(_text(lambda text: text.encode("utf-16")), ("data.csv", "UTF-16", "--encoding"), may_pass=True),
    "Latin-1": Wrong(_text(lambda text: text.replace("class 1", "Zürich").encode("latin-1")), ("data.csv", "UTF-8")),
    "a capital ending": Wrong(_text(lambda text: text, "data.CSV"), ("data.CSV",), may_pass=True),
    "JSON": Wrong(_text(lambda _: "{}", "data.json"), ("data.json", ".csv", ".parquet")),
    "a spreadsheet": Wrong(_text(lambda _: "PK", "data.xlsx"), ("data.xlsx", ".csv", ".parquet")),
    "CSV called Parquet": Wrong(_text(lambda text: text, "data.parquet"), ("data.parquet", "Parquet")),
    "a column twice": Wrong(_text(lambda text: text.replace("b,c", "b,b", 1)), ("'b'",)),
    "a column absent": Wrong(_with(lambda data: data.drop(columns="c")), ("'c'",)),
    "target absent": Wrong(_with(lambda data: data.rename(columns={TARGET: "outcome"})), (f"'{TARGET}'", "outcome")),
    "target with gaps": Wrong(_with(lambda data: _gap(data, TARGET)), (f"'{TARGET}'", "3 rows")),
    "target of one class more": Wrong(
        _with(lambda data: data.assign(**{TARGET: data[TARGET].where(data.a < 1, "maybe")})), ("maybe", f"'{TARGET}'")
    ),
    "infinite": Wrong(_column(lambda one: one.where(one > -1, np.inf)), ("'a'", "infinite")),
    "nothing in a column": Wrong(_column(lambda _: np.nan), ("'a'", "no value")),
    "gaps that the model does not take": Wrong(_with(_gap), ("'a'", "3 rows")),
    "one column too many": Wrong(_by_array, ("4", "5", "spare")),
    "no such category column": Wrong(_with(lambda data: data), ("nosuch",), options=("--categorical", "nosuch")),
    "categories with fractions": Wrong(_with(lambda data: data), ("'a'", "fraction"), options=("--categorical", "a")),
    "a name that is none": Wrong(_with(lambda data: data), ("name",), options=("--name", "My Model")),
    "held-out rows lack a column": Wrong(_held_out(lambda data: data.drop(columns="b")), ("'b'",)),
    "held-out rows of another class": Wrong(
        _held_out(lambda data: data.assign(**{TARGET: data[TARGET].where(data.a < 1, "maybe")})), ("maybe",)
    ),
    "held-out rows with gaps": Wrong(_held_out(_gap), ("'a'",)),
    "a feature in the index": Wrong(_parquet(lambda data: data.set_index("a")), ("'a'", "index"), may_pass=True),
    "timestamps": Wrong(
        _parquet(lambda data: data.assign(a=pd.date_range("2024-01-01", periods=len(data)))), ("'a'", ("date", "time"))
    ),
    "lists": Wrong(_parquet(lambda data: data.assign(a=[[1.0, 2.0]] * len(data))), ("'a'",)),
    "decimals": Wrong(
        _parquet(lambda data: data.assign(a=[decimal.Decimal(str(one)) for one in data.a])), ("'a'", "decimal"), may_pass=True
    ),
    "a long name": Wrong(_named(LONG), (("name", "character"),), may_pass=True),
    "a line feed in a name": Wrong(_named("first\nsecond"), (("line feed", "control", "line break"),), may_pass=True),
}  # fmt: skip
