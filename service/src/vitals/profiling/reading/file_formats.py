"""Which format a file of reference data has, and sentences for those that can't be read: the cause, and the option that helps."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from vitals.bundle.tables import CsvFormat
from vitals.errors import DataError

_OTHERS = {
    ".xlsx": "an Excel workbook",
    ".xls": "an Excel workbook",
    ".xlsm": "an Excel workbook",
    ".ods": "a spreadsheet",
    ".json": "a JSON file",
    ".jsonl": "a file of JSON lines",
    ".ndjson": "a file of JSON lines",
    ".feather": "a Feather file",
    ".arrow": "an Arrow file",
    ".orc": "an ORC file",
    ".pkl": "a pickle",
    ".pickle": "a pickle",
    ".h5": "an HDF5 file",
    ".hdf5": "an HDF5 file",
    ".npy": "a NumPy file",
    ".npz": "a NumPy file",
    ".sav": "an SPSS file",
    ".dta": "a Stata file",
    ".sas7bdat": "a SAS file",
    ".db": "a database",
    ".sqlite": "a database",
    ".xml": "an XML file",
    ".html": "an HTML file",
    ".arff": "an ARFF file",
}
_CSV, _PARQUET, _COMPRESSED = (".csv", ".tsv", ".txt"), (".parquet", ".pq"), (".gz", ".bz2", ".zip", ".xz", ".zst")
_SIGNATURES = (
    (b"PAR1", "a Parquet file: name it .parquet"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook: name it .csv.zip, or save it as CSV"),
    (b"\x1f\x8b", "compressed by gzip: name it .csv.gz"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook: save it as CSV"),
)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def form_of(path: Path) -> Literal["csv", "parquet"]:
    """The format, by the ending of the file's name in any case. Raises DataError where there is no file, or of another format."""
    if path.is_dir():
        raise DataError(f"{path} is a directory: reference data is one .csv or .parquet file.")
    if not path.is_file():
        raise DataError(f"There is no file {path}.")
    endings = [ending.lower() for ending in path.suffixes]
    last = endings[-1] if endings else ""
    if last in _PARQUET:
        return "parquet"
    if last in _CSV or (last in _COMPRESSED and len(endings) > 1 and endings[-2] in _CSV):
        return "csv"
    what = f"is {_OTHERS[last]}, which is not read" if last in _OTHERS else "is not read"
    raise DataError(
        f"{path} {what}: reference data is a .csv (.tsv, .txt, .csv.gz) or a .parquet file; pandas' to_csv writes one."
    )


def csv_format(path: Path, options: Mapping[str, Any]) -> CsvFormat:
    """The format that `options` name, those without a value as pandas has them; in a .tsv file a tab stands between cells.

    Raises DataError where an option is none that pandas takes, or the file's first bytes are another format's.
    """
    given = {name: value for name, value in options.items() if value}
    if "delimiter" in given:
        given["delimiter"] = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " "}.get(
            given["delimiter"], given["delimiter"]
        )
    elif ".tsv" in [ending.lower() for ending in path.suffixes[-2:]]:
        given["delimiter"] = "\t"
    form = CsvFormat(**given)
    single = {"--decimal": form.decimal, "--thousands": form.thousands, "--comment": form.comment, "--delimiter": form.delimiter}
    for option, value in single.items():
        if value is not None and len(value.rstrip(" ") if option == "--delimiter" and len(value) > 1 else value) != 1:
            raise DataError(f"{option} is one character, and {value!r} is {len(value)}.")
    if form.thousands == form.decimal:
        raise DataError(f"--thousands and --decimal can't both be {form.decimal!r}.")
    try:
        codecs.lookup(form.encoding)
    except LookupError:
        raise DataError(
            f"--encoding: Python knows no encoding '{form.encoding}'; utf-8, utf-16, latin-1 and cp1252 are usual."
        ) from None
    _check_signature(path, form)
    return form


def not_read_as_csv(path: Path, form: CsvFormat, wrong: Exception) -> DataError:
    """What to say of a file that pandas can't read with `form`."""
    said = " ".join(str(wrong).split())
    if isinstance(wrong, DataError):
        return wrong
    if isinstance(wrong, UnicodeError):
        return DataError(
            f"{path} is not written in {form.encoding} ({said}): say how it is, as `--encoding cp1252` or `--encoding latin-1`."
        )
    if "No columns to parse" in said:
        return DataError(f"{path} is empty: it can't be read as CSV.")
    if "EOF inside string" in said:
        return DataError(f"{path} can't be read as CSV: a quote is not closed ({said.split('C error: ')[-1]}).")
    if "Expected" in said and "saw" in said:
        return DataError(
            f"{path} can't be read as CSV: {said.split('C error: ')[-1]}. A line has more cells than the first one: is "
            "a comma in a cell without quotes, is the first line a comment (`--comment '#'`), or does another mark stand between "
            "the cells (`--delimiter ';'`)?"
        )
    return DataError(f"{path} can't be read as CSV: {said.rstrip('.')}.")


def not_read_as_parquet(path: Path, wrong: Exception) -> DataError:
    """What to say of a file that pyarrow can't read."""
    return DataError(f"{path} can't be read as Parquet: {' '.join(str(wrong).split()).rstrip('.')}.")


def _check_signature(path: Path, form: CsvFormat) -> None:
    if path.suffix.lower() in _COMPRESSED:
        return
    with path.open("rb") as file:
        start = file.read(4096)
    for signature, what in _SIGNATURES:
        if start.startswith(signature):
            raise DataError(f"{path} can't be read as CSV: it is {what}.")
    if not form.encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32", "utf16", "utf32")):
        for mark, encoding in _BYTE_ORDER_MARKS:
            if start.startswith(mark):
                raise DataError(f"{path} is written in {encoding.upper()}: `--encoding {encoding}` reads it.")
        if b"\0" in start:
            raise DataError(
                f"{path} can't be read as CSV: there are NUL bytes in it; where it is text, `--encoding utf-16-le` may read it."
            )
