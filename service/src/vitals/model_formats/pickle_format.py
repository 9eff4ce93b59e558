"""Models in a pickle (joblib's too): only where the operator allows it, since reading one can run any code."""

from __future__ import annotations

import re
from pathlib import Path

from vitals.errors import ModelMismatch, first_line
from vitals.estimators.trained_version import Loaded, two_versions, version_in, versions_seen

_PACKAGES = {
    "cv2": "opencv-python",
    "imblearn": "imbalanced-learn",
    "PIL": "pillow",
    "skimage": "scikit-image",
    "skl2onnx": "skl2onnx",
    "sksurv": "scikit-survival",
    "yaml": "pyyaml",
}
"""Packages that pip knows by another name than Python's."""

_NO_ATTRIBUTE = re.compile(r"Can't get attribute '(?P<name>[^']+)' on <module '(?P<module>[^']+)'")
_NO_MEMBER = re.compile(r"module '(?P<module>[^']+)' has no attribute '(?P<name>[^']+)'")
_OWN = "put it into a module that is on PYTHONPATH, and save the model again from a script that imports it"
_PARTS_OF_SCIKIT_LEARN = ("sklearn", "_loss")
"""Top modules of what scikit-learn pickles; some of its compiled classes leave the package's name out."""


def read_pickle(path: Path) -> Loaded:
    """The object in the file. Runs whatever code the file holds. Raises ModelMismatch where it can't be read."""
    import joblib  # reads what pickle.dump writes, too

    try:
        with versions_seen() as seen:
            estimator = joblib.load(path)
    except Exception as wrong:  # a pickle can raise anything
        said = first_line(wrong)
        raise ModelMismatch(
            f"{path} can't be loaded as a pickle ({type(wrong).__name__}: {said}){_cause(wrong, path)}"
        ) from wrong
    return Loaded(estimator, ", ".join(sorted(seen)))


def _cause(wrong: Exception, path: Path) -> str:
    """What to say behind the error's own words: a colon and the cause, or a full stop."""
    versions = two_versions(version_in(path))
    behind = f" {versions}" if versions else ""
    if isinstance(wrong, ModuleNotFoundError) and wrong.name:
        top = wrong.name.split(".", 1)[0]
        if top in _PARTS_OF_SCIKIT_LEARN:
            return f": another scikit-learn has that module.{behind}"
        if top == "numpy":
            return ": the file was saved with another numpy: save it again with the numpy that is installed here."
        return (
            f": the model needs '{top}', which is not installed here: pip install {_PACKAGES.get(top, top)}, "
            "or, where that is a module of your own, put its folder on PYTHONPATH."
        )
    said = str(wrong)
    absent = _NO_ATTRIBUTE.search(said) or _NO_MEMBER.search(said)
    if absent:
        module, name = absent["module"], absent["name"]
        top = module.split(".", 1)[0]
        if top in _PARTS_OF_SCIKIT_LEARN:
            return f": another scikit-learn has '{name}'.{behind}"
        if module.rsplit(".", 1)[-1] in ("__main__", "__mp_main__"):  # or vitals.cli.__main__, by `python -m`
            return f": the model needs '{name}', which was defined in a script or a notebook: {_OWN}."
        return f": '{module}' has no '{name}' here: install the version of {top} that the model was saved with."
    if behind:
        return f".{behind}"
    if isinstance(wrong, EOFError) or "truncated" in said or "Ran out of input" in said or "reached end of file" in said.lower():
        return ": the file is cut off: copy or save it again."
    if "unsupported pickle protocol" in said:
        return ": a newer Python wrote it: save it with the Python that serves it, or with a lower protocol."
    return ": it is damaged, or no pickle: copy or save it again."
