"""Models in the skops format: no code from the file runs, and only types that are known to be harmless are made."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from vitals.errors import ModelMismatch, first_line
from vitals.estimators.trained_version import Loaded, two_versions, version_in, versions_seen
from vitals.model_formats.neighbours import remake_neighbours
from vitals.model_formats.skops_import import skops_io
from vitals.model_formats.skops_types import not_trusted
from vitals.model_formats.splines import check_splines
from vitals.model_formats.trees import check_trees

_SEARCH = re.compile(rb'"__class__":\s*"(\w*Search(?:CV)?)"')
_PICKLE = (
    "where you trust the file, save the model as a pickle (joblib.dump) and allow that: "
    "ALLOW_PICKLE=true (`vitals profile`: --unsafe-pickle); or save it as ONNX"
)


def read_skops(path: Path) -> Loaded:
    """The object in the file. Raises ModelMismatch where it can't be read, or holds a type that is not trusted."""
    skops = skops_io()
    try:
        foreign = set(skops.get_untrusted_types(file=path))
        strange = not_trusted(foreign)
        if not strange:
            with versions_seen() as seen:
                estimator = skops.load(path, trusted=sorted(foreign))
            check_trees(estimator)
            remake_neighbours(estimator)
            check_splines(estimator)
            return Loaded(estimator, ", ".join(sorted(seen)))
    except Exception as wrong:  # whatever a damaged file makes skops, zipfile or json raise
        said = first_line(wrong)
        raise ModelMismatch(
            f"{path} can't be loaded as a skops artefact ({type(wrong).__name__}: {said})."
            f"{_behind(two_versions(version_in(path)) or _remedy(path))}"
        ) from wrong
    told = f"{path} contains types that are not trusted ({', '.join(sorted(strange)[:5])}) and is not loaded"
    versions = two_versions(version_in(path))
    if versions and not _search(path):
        # Names that scikit-learn has no more: a pickle would fail, too.
        raise ModelMismatch(f"{told}. {versions}")
    raise ModelMismatch(f"{told}: {_way_out(path)}.{_behind(versions)}")


def _way_out(path: Path) -> str:
    search = _search(path)
    if search:
        return f"save the estimator that the {search} found, `search.best_estimator_`, in place of the search; or, {_PICKLE}"
    return _PICKLE


def _search(path: Path) -> str:
    """The class of a search for parameters in the file, where there is one."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = _SEARCH.search(archive.read("schema.json"))
    except (OSError, KeyError, zipfile.BadZipFile):
        return ""
    return found[1].decode() if found else ""


def _remedy(path: Path) -> str:
    return "" if zipfile.is_zipfile(path) else "The file is cut off or damaged: copy or save it again."


def _behind(sentence: str) -> str:
    return f" {sentence}" if sentence else ""
