"""Which scikit-learn saved a model, where it is another one than is installed here."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_KEY = "_sklearn_version"
_IN_PICKLE = re.compile(rb"_sklearn_version.{1,12}?(\d+\.\d+(?:\.?(?:\d+|(?:dev|rc|a|b|post)\d*))*)", re.DOTALL)
_MOST_BYTES = 1 << 28

_COMPRESSED: tuple[tuple[bytes, Callable[[], Any]], ...] = (
    (b"\x1f\x8b", lambda: zlib.decompressobj(wbits=31)),
    (b"BZ", bz2.BZ2Decompressor),
    (b"\xfd7zXZ", lzma.LZMADecompressor),
    (b"\x5d\x00", lzma.LZMADecompressor),
    (b"\x78", zlib.decompressobj),
)
"""How joblib compresses, by a file's first bytes."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file held, and the scikit-learn that saved it: empty where that is today's, or the file does not say."""

    estimator: Any
    saved_by: str = ""


@contextmanager
def versions_seen() -> Iterator[set[str]]:
    """The versions other than today's that scikit-learn names while an estimator is loaded; its warnings are not shown."""
    from sklearn.exceptions import InconsistentVersionWarning  # takes a second to import, and ONNX models don't need it

    seen: set[str] = set()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", InconsistentVersionWarning)
        try:
            yield seen
        finally:
            seen.update(filter(None, map(_saved_by, told)))
    for one in told:
        if not _saved_by(one):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


def version_in(path: Path) -> str:
    """The scikit-learn that saved the file, read from its bytes without running any of it; empty where they don't say."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return _in_schema(json.loads(archive.read("schema.json")))
        with path.open("rb") as file:
            found = _IN_PICKLE.search(_plain(file.read(_MOST_BYTES)))
        return found[1].decode() if found else ""
    except (OSError, ValueError, KeyError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile):
        return ""


def two_versions(saved_by: str) -> str:
    """A sentence that names both versions and what to do; empty where they are the same, or `saved_by` is."""
    import sklearn

    today = sklearn.__version__
    if saved_by in ("", today):
        return ""
    return (
        f"The model was saved with scikit-learn {saved_by}, and {today} is installed here: fit and save it again with {today}, "
        f"or convert it to ONNX where {saved_by} is installed (pip install scikit-learn=={saved_by})."
    )


def _saved_by(one: warnings.WarningMessage) -> str:
    return str(getattr(one.message, "original_sklearn_version", ""))


def _in_schema(schema: Any) -> str:
    waiting = [schema]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            version = here.get(_KEY)
            if isinstance(version, dict):
                return str(json.loads(version["content"]))
            waiting += here.values()
        elif isinstance(here, list):
            waiting += here
    return ""


def _plain(written: bytes) -> bytes:
    for first, decompressor in _COMPRESSED:
        if written.startswith(first):
            plain: bytes = decompressor().decompress(written)
            return plain
    return written
