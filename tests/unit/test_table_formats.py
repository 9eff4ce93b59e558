"""Files as people have them: each is read, or a sentence names the format and the option that reads it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from vitals.errors import DataError
from vitals.profiling.reading.data_files import FEWEST_ROWS, column_of, read_table

from .reproducible_gzip import gzipped

_draw = np.random.default_rng(5)
ROWS = 80
TABLE = pd.DataFrame({"wage": _draw.normal(3000, 900, ROWS).round(2), "age": _draw.integers(20, 70, ROWS)})
TABLE["left"] = np.where(TABLE["wage"] > 3000, "no", "yes")
TEXT = TABLE.to_csv(index=False)


def _file(folder: Path, content: str | bytes, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _refused(path: Path, column: str = "wage", **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        column_of(read_table(path, **options).frame(), column)
    said = str(caught.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("content", "options", "hint"),
    [
        (TABLE.to_csv(index=False, sep=";"), {"delimiter": ";"}, "wage;age;left.*--delimiter ';'"),
        (TABLE.to_csv(index=False, sep=";", decimal=","), {"delimiter": ";", "decimal": ","}, "--delimiter ';'"),
        (TABLE.to_csv(index=False, sep="\t"), {"delimiter": "tab"}, "a tab in it, and `--delimiter tab`"),
        (TABLE.to_csv(index=False, sep="|"), {"delimiter": "|"}, r"--delimiter '\|'"),
        (TEXT.replace(",", ", ").replace("wage", " wage", 1), {"delimiter": ", "}, "' wage'.*--delimiter ', '"),
        ("# of the year 2026\n" + TEXT, {"comment": "#"}, "--comment '#'"),
        ("# wages, ages, who left\n" + TEXT, {"comment": "#"}, "it has # wages,.*--comment '#'"),
        (TEXT.encode("utf-16"), {"encoding": "utf-16"}, "UTF-16: `--encoding utf-16`"),
        (TEXT.encode("utf-16-le"), {"encoding": "utf-16-le"}, "--encoding utf-16-le"),
        (TEXT.replace("yes", "für").encode("latin-1"), {"encoding": "latin-1"}, "not written in utf-8.*--encoding latin-1"),
        (TABLE.assign(wage=TABLE["wage"].map("{:,.2f}".format)).to_csv(index=False), {"thousands": ","}, "--thousands ,"),
        (
            TABLE.assign(wage=TABLE["wage"].map(str).str.replace(".", ",")).to_csv(index=False),
            {"decimal": ","},
            r"\d+,\d+', with a decimal comma: `--decimal ,`",
        ),
        (
            TEXT.replace(TEXT.split("\n")[1].split(",")[0], "?"),
            {"na_values": ["?"]},
            "--na-values '\\?'",
        ),
    ],
)
def test_a_file_in_another_format_is_read_with_the_option_that_the_sentence_names(
    tmp_path: Path, content: str | bytes, options: dict[str, Any], hint: str
) -> None:
    path = _file(tmp_path, content)
    assert re.search(hint, _refused(path)), _refused(path)
    read = read_table(path, **options).frame()
    assert list(read.columns) == list(TABLE.columns)
    wages = read["wage"].fillna(TABLE["wage"])
    assert wages.tolist() == TABLE["wage"].tolist()
    assert read["age"].tolist() == TABLE["age"].tolist()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data.CSV", TEXT),
        ("data.txt", TEXT),
        ("data.TSV", TABLE.to_csv(index=False, sep="\t")),
        ("data.csv.gz", gzipped(TEXT.encode())),
        ("data.tsv.gz", gzipped(TABLE.to_csv(index=False, sep="\t").encode())),
        ("bom.csv", b"\xef\xbb\xbf" + TEXT.encode()),
        ("crlf.csv", TEXT.replace("\n", "\r\n")),
        ("blank.csv", "\n\n" + TEXT + "\n"),
        ("quoted.csv", TABLE.to_csv(index=False, quoting=1)),
        ("index.csv", TABLE.to_csv()),
        ("row names.csv", TABLE.to_csv().removeprefix(",")),
    ],
)
def test_what_plain_pandas_reads_is_read(tmp_path: Path, name: str, content: str | bytes) -> None:
    read = read_table(_file(tmp_path, content, name)).frame()
    pd.testing.assert_frame_equal(read[list(TABLE.columns)].reset_index(drop=True), TABLE)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("data.json", "{}", "is a JSON file, which is not read: reference data is a .csv"),
        ("data.xlsx", "PK", "is an Excel workbook"),
        ("data.feather", "F", "is a Feather file"),
        ("data", TEXT, "is not read"),
        ("data.gz", b"\x1f\x8b", "is not read"),
        ("zipped.csv", b"PK\x03\x04", "a zip archive or an Excel workbook"),
        ("packed.csv", gzipped(b"a"), "compressed by gzip: name it .csv.gz"),
        ("columns.csv", b"PAR1", "a Parquet file: name it .parquet"),
        ("rows.parquet", TEXT, "can't be read as Parquet"),
        ("broken.csv.gz", gzipped(TEXT.encode())[:40], "can't be read as CSV"),
        ("none.csv.gz", TEXT, "can't be read as CSV"),
        ("none.csv.zip", TEXT, "can't be read as CSV"),
        ("none.csv.xz", TEXT, "can't be read as CSV"),
        ("none.csv.zst", TEXT, "can't be read as CSV"),
        ("empty.csv", "", "is empty"),
        ("header.csv", "wage,age\n", f"has 0 rows: a profile needs {FEWEST_ROWS}"),
        ("twice.csv", "wage,wage\n1,2\n", "more than one column 'wage'"),
        ("long.csv", TEXT + "1,2,yes,4\n", f"Expected 3 fields in line {ROWS + 2}, saw 4. A line has more cells"),
        ("open.csv", TEXT + '1,"2,yes\n', "a quote is not closed"),
        ("ends.csv", "wage,age\n" + "1,2,\n" * ROWS, "fewer names in its first line (wage, age)"),
        ("values.csv", TEXT.split("\n", 1)[1], "these look like values"),
        ("other.csv", TEXT.replace("wage", "Wage"), "it has Wage, age, left: 'Wage' is written otherwise"),
        ("index.csv", TABLE[["age"]].to_csv(), "it has Unnamed: 0 (an index that to_csv wrote), age"),
    ],
)
def test_what_can_not_be_read_is_a_sentence(tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
    assert said in _refused(_file(tmp_path, content, name))


def test_no_file_and_a_directory(tmp_path: Path) -> None:
    assert "There is no file" in _refused(tmp_path / "absent.csv")
    assert "is a directory" in _refused(tmp_path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"encoding": "klingon"}, "Python knows no encoding 'klingon'"),
        ({"decimal": ".."}, "--decimal is one character"),
        ({"delimiter": ";;"}, "--delimiter is one character"),
        ({"thousands": "."}, "can't both be '.'"),
        ({"delimiter": '"'}, "There is no column 'wage' in the data"),
        ({"comment": "//"}, "--comment is one character"),
    ],
)
def test_options_that_pandas_does_not_take(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    assert said in _refused(_file(tmp_path, TEXT), **options)


def test_options_for_csv_are_refused_for_parquet(tmp_path: Path) -> None:
    TABLE.to_parquet(tmp_path / "data.parquet")
    assert "--na-values is for CSV files" in _refused(tmp_path / "data.parquet", na_values=["?"])


@pytest.mark.parametrize(
    "form", ["%d.%m.%y", "%d/%m/%Y", "%m/%d/%y %H:%M", "%Y/%m/%d", "%b %d, %Y", "%d %B %Y", "%d-%b-%y", "%c"]
)
@pytest.mark.parametrize("step", ["D", "h"])
def test_dates_are_called_dates(tmp_path: Path, form: str, step: str) -> None:
    dates = pd.date_range("2026-01-01", periods=ROWS, freq=step).strftime(form)
    path = _file(tmp_path, pd.DataFrame({"wage": dates}).to_csv(index=False))
    assert "'wage' holds dates or times" in _refused(path)


@pytest.mark.parametrize(
    "form", ["%H:%M", "%I:%M %p", "%Y-W%V", "%Y-%m", "%Y%m%dT%H%M%S", "%a, %d %b %Y %H:%M:%S GMT", "%d. %B %Y"]
)
def test_times_and_parts_of_dates_too(form: str) -> None:
    dates = pd.date_range("2026-01-01", periods=ROWS, freq="31h").strftime(form)
    with pytest.raises(DataError, match=r"holds dates or times.*--categorical when"):
        column_of(pd.DataFrame({"when": dates}), "when")
    if dates.nunique() <= 20:
        assert column_of(pd.DataFrame({"when": dates}), "when", categorical=True).kind == "categorical"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{:.0f}%", "percentages"),
        ("${:.2f}", "amounts of money"),
        ("{:.2f} €", "amounts of money"),
        ("CHF {:,.2f}", "amounts of money"),
        ("{:.1f} km", r"numbers with a unit \('[\d.]+ km'\)"),
        ("{:,.2f}", "--thousands ,"),
        ("{:,.0f}", r"--thousands ,` \(or `--decimal ,`"),
        ("{:_.0f}", "--thousands _"),
        ("the wage was {:.2f} a month", "free text"),
        ("worker {:.2f}", "like an identifier"),
    ],
)
def test_numbers_with_more_than_digits_are_named(written: str, said: str) -> None:
    column = [written.format(value) for value in _draw.uniform(1000, 9000, ROWS)]
    with pytest.raises(DataError, match=said):
        column_of(pd.DataFrame({"wage": column}), "wage")


@pytest.mark.parametrize(
    ("separators", "options"),
    [
        ((".", ","), {"thousands": ".", "decimal": ","}),
        ((" ", ","), {"thousands": " ", "decimal": ","}),
        ((" ", "."), {"thousands": " "}),
        (("'", "."), {"thousands": "'"}),
    ],
)
def test_other_thousands(tmp_path: Path, separators: tuple[str, str], options: dict[str, str]) -> None:
    between, decimal = separators
    told = TABLE["wage"].map(lambda value: f"{value:,.2f}".replace(",", "#").replace(".", decimal).replace("#", between))
    path = _file(tmp_path, TABLE.assign(wage=told).to_csv(index=False))
    said = _refused(path)
    assert all(f"--{name} " in said for name in options)
    assert read_table(path, **options).frame()["wage"].tolist() == TABLE["wage"].tolist()


@pytest.mark.parametrize("mark", ["?", "-", ".", " ", "unknown"])
def test_a_mark_for_what_is_missing(tmp_path: Path, mark: str) -> None:
    wages = TABLE["wage"].astype(object)
    wages[:9] = mark
    path = _file(tmp_path, TABLE.assign(wage=wages).to_csv(index=False))
    assert f"numbers and text ('{mark}')" in _refused(path)
    column = column_of(read_table(path, na_values=[mark]).frame(), "wage")
    assert column.values[:10] == (*[None] * 9, TABLE["wage"][9])


@pytest.mark.slow
def test_the_command_hands_its_options_to_both_files(tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression
    from skops.io import dump
    from typer.testing import CliRunner

    from vitals.cli.all_verbs import app

    dump(LogisticRegression(max_iter=500).fit(TABLE[["wage", "age"]], TABLE["left"]), tmp_path / "model.skops")
    told = TABLE.assign(wage=TABLE["wage"].map(str).str.replace(".", ","), spare="?")
    content = "# made in 2026\n" + told.to_csv(index=False, sep=";")
    for name in ("data.csv", "held_out.csv"):
        _file(tmp_path, content.encode("utf-16"), name)
    arguments = [
        "profile",
        "--model",
        "model.skops",
        "--data",
        "data.csv",
        "--held-out",
        "held_out.csv",
        "--target",
        "left",
        "-o",
        "served",
    ]
    arguments += ["--delimiter", ";", "--decimal", ",", "--comment", "#", "--encoding", "utf-16", "--na-values", "?"]
    paths = [str(tmp_path / one) if one in ("model.skops", "data.csv", "held_out.csv", "served") else one for one in arguments]
    result = CliRunner().invoke(app, paths)
    assert result.exit_code == 0, result.output
    kept = pd.read_csv(tmp_path / "served" / "held_out.csv")
    assert kept["wage"].tolist() == TABLE["wage"].tolist()
