"""What a report compares with: held-out rows, a file that is read as profiles are, or the earlier half."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from vitals.bundle.folder import ServedFolder
from vitals.errors import SettingsError
from vitals.report.reference import read_rows
from vitals.report.rows import LoggedRow

from .logged_double import Kept, logged
from .made_reports import held_out, iris, made

__all__ = ["held_out", "iris"]


def test_a_reference_file_is_csv_or_parquet_and_wrong_ones_are_sentences(
    iris: ServedFolder, held_out: list[LoggedRow], model_folder: Path, tmp_path: Path
) -> None:
    import pandas as pd

    frame = pd.read_csv(model_folder / "held_out.csv")
    frame.to_parquet(tmp_path / "rows.parquet")
    assert read_rows(tmp_path / "rows.parquet", iris.profile) == held_out
    named = made(Kept(logged(iris, held_out)), iris, model_folder, reference=tmp_path / "rows.parquet")
    assert named.compared.what == f"compared with the rows of {tmp_path / 'rows.parquet'}"

    frame.drop(columns="petal_width").to_csv(tmp_path / "narrow.csv", index=False)
    (tmp_path / "wrong.parquet").write_text("no")
    (tmp_path / "empty.csv").write_text("")
    for name, sentence in (
        ("narrow.csv", "no column 'petal_width'"),
        ("wrong.parquet", "can't be read"),
        ("empty.csv", "can't be read"),
        ("none.csv", "can't be read"),
    ):
        with pytest.raises(SettingsError, match=sentence):
            read_rows(tmp_path / name, iris.profile)


@pytest.mark.slow
@pytest.mark.parametrize(("first", "lands"), [("Mali", ("Mali", None, None, None)), ("NA", ("NA", "None", None, "null"))])
def test_profiles_and_reports_read_a_file_alike(tmp_path: Path, first: str, lands: tuple[str | None, ...]) -> None:
    """Gaps are those of plain pandas for both, and so is a word for nothing that is a category."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder
    from skops.io import dump

    from vitals.estimators.known_column import KnownColumn
    from vitals.profiling.bundle import Card, Reference, make_folder
    from vitals.profiling.reading.data_files import column_of, read_table

    path = tmp_path / "data.csv"
    lines = [
        f"{first},1.5,1.0,True,True",
        "None,nan,2.0,,False",
        ",,,False,True",
        "null,2e3,nan,TRUE,False",
        '"",NaN,3.0,False,False',
    ]
    path.write_text("\ufeffland,size,code,flag,sold\n" + "\n".join(lines * 20) + "\n", encoding="utf-8")
    table = read_table(path).frame({"land": KnownColumn((first, "Peru"), "object", takes_categories=True)})
    columns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["land", "code", "flag"]), remainder="passthrough")
    model = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=2)).fit(table.drop(columns="sold"), table.sold)
    dump(model, tmp_path / "m.skops")
    profile = make_folder(tmp_path / "m.skops", Reference(table, "sold", ("code",)), Card("m"), tmp_path / "served").profile
    by_column = [column_of(table, one.name, categorical=one.kind == "categorical").values for one in profile.features]
    rows = read_rows(path, profile)
    assert [row.values for row in rows] == list(zip(*by_column, strict=True))
    assert tuple(row.values[0] for row in rows[:4]) == lands
    assert rows[0].values[1:] == (1.5, 1, True)
    assert rows[2].values == (None, None, None, False)
    assert [row.label for row in rows[:3]] == ["true", "false", "true"]
    assert profile.features[0].missing_share == pytest.approx((lands.count(None) + 1) / 5)


def test_without_held_out_rows_the_earlier_half_is_the_reference(
    iris: ServedFolder, held_out: list[LoggedRow], model_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder, folder)
    (folder / "held_out.csv").unlink()
    found = made(Kept(logged(iris, held_out * 2)), iris, folder)
    assert "earlier half" in found.compared.what
    assert len(found.compared.reference) == len(found.compared.current) == len(held_out)
    assert found.compared.reference[0].id == "p0"
