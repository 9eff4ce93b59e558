"""skops.io in a third of the time: without a tour of scikit-learn, and without a long search for the names of functions.

When it is imported, skops asks scikit-learn for its estimators and keeps their names, which are types that it trusts. To answer,
scikit-learn imports each of its modules: 280 more, which take 12 MB and most of a second. The names are written down here
(known_estimators.txt), for exactly the versions that they were taken from. With any other version, and where scikit-learn would
name more than it does by itself, it is asked as ever: what is trusted is the same either way.

Then skops names each function of NumPy and of scipy.special by the first of all imported modules that has it. In a server there
are 1300 before that one, for each of 370 functions: NumPy and SciPy are imported before the others.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module, resources
from pathlib import Path
from types import ModuleType
from typing import Any

from vitals.bundle.folder import answering_suffix

_EXPERIMENTAL = "sklearn.experimental.enable_"
"""Modules that add an estimator to a public module of scikit-learn, which it names from then on."""

_one_at_a_time = threading.Lock()


def skops_io() -> ModuleType:
    """skops.io, imported when it is wanted: even so it takes half a second, and not every caller needs it."""
    with _one_at_a_time, _estimators_named():
        return import_module("skops.io")


def numbers_before_others(folder: Path) -> None:
    """Import what skops looks for, where skops will read the model of `folder`; call this before a server's many modules."""
    if answering_suffix(folder) == ".skops":
        import_module("scipy.special")


@contextmanager
def _estimators_named() -> Iterator[None]:
    """While skops is imported by this thread, scikit-learn answers with the names that are known, where they are right."""
    if "skops.io" in sys.modules or (names := known_names()) is None or _more_than_usual():
        yield
        return
    from sklearn import utils

    asked = utils.all_estimators
    utils.all_estimators = _answer(asked, names)
    try:
        yield
    finally:
        utils.all_estimators = asked


def known_names() -> list[str] | None:
    """The estimators of the scikit-learn that is installed, for the skops that is; None where they are not known."""
    versions, *names = (
        resources.files("vitals.model_formats").joinpath("known_estimators.txt").read_text(encoding="utf-8").splitlines()
    )
    return names if versions == versions_of_names() else None


def versions_of_names() -> str:
    """What is installed, as the first line of the names says it."""
    import sklearn
    import skops

    return f"scikit-learn {sklearn.__version__}, skops {skops.__version__}"


def _more_than_usual() -> bool:
    return any(name.startswith(_EXPERIMENTAL) for name in list(sys.modules))


def _answer(asked: Callable[..., Any], names: list[str]) -> Callable[..., Any]:
    """all_estimators for this thread, with a class of the name in place of each; every other thread gets the real ones."""
    here = threading.get_ident()

    def all_estimators(*given: Any, **named: Any) -> Any:
        if given or named or threading.get_ident() != here:
            return asked(*given, **named)
        return [(name, type(name, (), {"__module__": module})) for module, _, name in (full.rpartition(".") for full in names)]

    return all_estimators
