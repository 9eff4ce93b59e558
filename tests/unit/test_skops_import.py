"""skops, imported the short way, trusts what it trusts by itself: of everything in scikit-learn, by every kind of node."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import sklearn.utils
from sklearn.utils import all_estimators

from vitals.model_formats import skops_import
from vitals.model_formats.skops_import import known_names, numbers_before_others, skops_io, versions_of_names

_NAME_ALL = """
import importlib, inspect, json, pkgutil, sys, warnings
warnings.simplefilter("ignore")
import sklearn
names = set()
for module in pkgutil.walk_packages(sklearn.__path__, "sklearn."):
    if ".tests" in module.name or "conftest" in module.name or "experimental" in module.name:
        continue
    try:
        found = importlib.import_module(module.name)
    except ImportError:  # a package that is not installed
        continue
    for name, one in inspect.getmembers(found, lambda one: inspect.isclass(one) or inspect.isroutine(one)):
        names.add((one.__module__ or module.name, one.__name__))
import numpy, scipy.special
for module in (numpy, scipy.special):
    names |= {(spelt, name) for name in dir(module) for spelt in (module.__name__, "numpy._core", "scipy.special._ufuncs")}
print(json.dumps(sorted(names)))
"""

_VERDICTS = """
import io, json, sys, zipfile
names = json.load(sys.stdin)
way = sys.argv[1]
if way == "in a server":
    import scipy.special
    import vitals.serving.server, vitals.app
if way == "as ever":
    import skops.io as skops
else:
    from vitals.model_formats.skops_import import skops_io
    skops = skops_io()
loaded = sorted(name for name in sys.modules if name.startswith("sklearn."))
verdicts = {}
for loader in ("ObjectNode", "TypeNode", "FunctionNode"):
    nodes = [{"__class__": name, "__module__": module, "__loader__": loader, "content": None} for module, name in names]
    if loader == "FunctionNode":
        nodes = [{**node, "content": node["__module__"]} for node in nodes]
    schema = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": nodes, "protocol": 2}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    verdicts[loader] = skops.get_untrusted_types(data=file.getvalue())
from skops.io import _trusted_types
lists = {name: list(value) for name, value in vars(_trusted_types).items() if name.endswith("_NAMES")}
print(json.dumps({"verdicts": verdicts, "lists": lists, "loaded": loaded}))
"""


def _python(code: str, *arguments: str, given: str = "") -> Any:
    ended = subprocess.run([sys.executable, "-c", code, *arguments], input=given, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return json.loads(ended.stdout.splitlines()[-1])  # a module of scikit-learn prints its version


@pytest.fixture(scope="module")
def everything() -> list[list[str]]:
    """Module and name of each class and function that a module of scikit-learn has, and of NumPy's and SciPy's functions."""
    names: list[list[str]] = _python(_NAME_ALL)
    assert len(names) > 2000
    return names


@pytest.fixture(scope="module")
def as_ever(everything: list[list[str]]) -> Any:
    """What skops says of them where nothing of ours is about."""
    said = _python(_VERDICTS, "as ever", given=json.dumps(everything))
    assert 0 < len(said["verdicts"]["ObjectNode"]) < len(everything), "some are trusted and some are not"
    return said


@pytest.mark.slow
@pytest.mark.parametrize("way", ["alone", "in a server"])
def test_every_verdict_is_that_of_skops_by_itself(way: str, everything: list[list[str]], as_ever: Any) -> None:
    said = _python(_VERDICTS, way, given=json.dumps(everything))
    assert said["verdicts"] == as_ever["verdicts"]
    assert said["lists"] == as_ever["lists"]
    assert "sklearn.datasets" in as_ever["loaded"]
    assert "sklearn.datasets" not in said["loaded"], "it was the short way"
    assert len(said["loaded"]) < len(as_ever["loaded"]) - 100


def test_the_known_names_are_those_of_what_is_installed() -> None:
    wanted = [f"{kind.__module__}.{kind.__name__}" for _, kind in all_estimators() if kind.__module__.startswith("sklearn.")]
    usual = {f"sklearn.{name}" for name in ("impute._iterative.IterativeImputer",)} | {
        f"sklearn.model_selection._search_successive_halving.Halving{kind}SearchCV" for kind in ("Grid", "Random")
    }  # which another test in this process may have asked for
    written = "\n".join([versions_of_names(), *(name for name in wanted if name not in usual)]) + "\n"
    file = resources.files("vitals.model_formats").joinpath("known_estimators.txt").read_text(encoding="utf-8")
    assert file == written, "another scikit-learn or skops: look at what skops does when it is imported, and write the file anew"
    assert known_names() == written.splitlines()[1:]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "short"),
    [
        ("", True),
        ("import sklearn; sklearn.__version__ = '1.9.99'", False),
        ("import skops; skops.__version__ = '0.16.99'", False),
        ("from sklearn.experimental import enable_iterative_imputer", False),
        ("from sklearn.experimental import enable_halving_search_cv", False),
    ],
)
def test_scikit_learn_is_asked_where_the_names_may_be_others(before: str, short: bool) -> None:
    code = f"""{before}
import sys, json
from vitals.model_formats.skops_import import skops_io
skops_io()
from sklearn.utils import all_estimators, discovery
assert all_estimators is discovery.all_estimators
print(json.dumps("sklearn.datasets" not in sys.modules))
"""
    assert _python(code) is short


def test_only_the_thread_that_imports_skops_is_given_names_for_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "skops.io")
    monkeypatch.setattr(skops_import, "_more_than_usual", lambda: False)
    asked = sklearn.utils.all_estimators
    with skops_import._estimators_named():
        here = dict(sklearn.utils.all_estimators())
        there: list[Any] = []
        thread = threading.Thread(target=lambda: there.extend(sklearn.utils.all_estimators()))
        thread.start()
        thread.join()
        filtered = sklearn.utils.all_estimators(type_filter="classifier")
    assert sklearn.utils.all_estimators is asked
    assert f"{here['Ridge'].__module__}.{here['Ridge'].__name__}" == "sklearn.linear_model._ridge.Ridge"
    assert not hasattr(here["Ridge"], "fit")
    assert hasattr(dict(there)["Ridge"], "fit")
    assert filtered == asked(type_filter="classifier")


def test_what_imports_skops_again_gets_the_same() -> None:
    import skops.io

    assert skops_io() is skops.io


@pytest.mark.parametrize("facts", [None, "", "[]", "{}"], ids=["no file", "empty", "a list", "of nothing"])
def test_a_folder_that_can_not_be_read_is_left_to_those_who_say_so(facts: str | None, tmp_path: Path) -> None:
    if facts is not None:
        (tmp_path / "model.json").write_text(facts)
    numbers_before_others(tmp_path)
