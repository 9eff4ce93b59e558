"""How many threads a call of the model has: by the CPU limit of a container, for libraries and for fitted estimators."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vitals.model import threads
from vitals.model.cpu_limit import cpu_limit
from vitals.model.threads import limit_jobs, threads_of_a_call


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a machine with 16 processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    (tmp_path / "proc" / "self").mkdir(parents=True)
    return tmp_path


def _v2(machine: Path, group: str, **limits: str) -> None:
    (machine / "proc/self/cgroup").write_text(f"0::{group}\n")
    for folder, limit in limits.items():
        path = machine / "sys/fs/cgroup" / folder.replace("__", "/").removeprefix("root")
        path.mkdir(parents=True, exist_ok=True)
        (path / "cpu.max").write_text(f"{limit}\n")


def _v1(root: Path, group: str, folder: str, quota: int, period: int = 100_000) -> None:
    (root / "proc/self/cgroup").write_text(f"12:memory:{group}\n4:cpu,cpuacct:{group}\n1:name=systemd:/\n")
    path = root / "sys/fs/cgroup" / folder
    path.mkdir(parents=True, exist_ok=True)
    (path / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (path / "cpu.cfs_period_us").write_text(f"{period}\n")


def test_without_a_quota_it_is_the_processors_that_the_process_may_run_on(machine: Path) -> None:
    assert cpu_limit(machine) == 16
    _v2(machine, "/", root="max 100000")
    assert cpu_limit(machine) == 16
    _v1(machine, "/", "cpu", -1)
    assert cpu_limit(machine) == 16


@pytest.mark.parametrize(
    ("limit", "whole"), [("200000 100000", 2), ("150000 100000", 1), ("50000 100000", 1), ("6400000 100000", 16)]
)
def test_the_quota_of_version_2(machine: Path, limit: str, whole: int) -> None:
    _v2(machine, "/", root=limit)
    assert cpu_limit(machine) == whole


def test_a_group_above_limits_too(machine: Path) -> None:
    _v2(machine, "/pods/service", pods="300000 100000", pods__service="800000 100000")
    assert cpu_limit(machine) == 3


@pytest.mark.parametrize("folder", ["cpu", "cpu/docker/abc", "cpu,cpuacct", "cpu,cpuacct/docker"])
def test_the_quota_of_version_1_wherever_it_is_mounted(machine: Path, folder: str) -> None:
    _v1(machine, "/docker/abc", folder, 400_000)
    assert cpu_limit(machine) == 4


@pytest.mark.parametrize("strange", ["", "nonsense 100000", "100000", "0 0"])
def test_a_quota_that_is_none_is_no_limit(machine: Path, strange: str) -> None:
    _v2(machine, "/", root=strange)
    assert cpu_limit(machine) == 16


@pytest.mark.parametrize(
    ("chosen", "processes", "processors", "each"), [(1, 4, 16, 1), (8, 4, 2, 8), (0, 1, 16, 16), (0, 4, 16, 4), (0, 8, 4, 1)]
)
def test_threads_are_what_is_chosen_or_a_share_of_the_limit(
    chosen: int, processes: int, processors: int, each: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "cpu_limit", lambda: processors)
    assert threads_of_a_call(chosen, processes) == each


_POOLS = """
import json
from vitals.model.threads import tell_libraries
tell_libraries(1)
import numpy, sklearn.ensemble, threadpoolctl
print(json.dumps(sorted({(pool["user_api"], pool["num_threads"]) for pool in threadpoolctl.threadpool_info()})))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("said", "pools"),
    [
        ({}, '[["blas", 1], ["openmp", 1]]'),
        ({"OMP_NUM_THREADS": "2"}, '[["blas", 2], ["openmp", 2]]'),
        ({"OPENBLAS_NUM_THREADS": "2"}, '[["blas", 2], ["openmp", 1]]'),
    ],
)
def test_libraries_have_so_many_threads_and_what_the_user_said_wins(said: dict[str, str], pools: str) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", _POOLS], env={**clean, **said}, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == pools or (os.cpu_count() == 1 and "2" in said.values())


_DATA = load_iris(return_X_y=True)


def _jobs(estimator: Any) -> dict[str, Any]:
    return {name: value for name, value in estimator.get_params().items() if name.split("__")[-1] == "n_jobs"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(20, n_jobs=-1, random_state=1),
        make_pipeline(StandardScaler(), ExtraTreesClassifier(20, n_jobs=4, random_state=1)),
        VotingClassifier(
            [("forest", RandomForestClassifier(10, n_jobs=2)), ("near", KNeighborsClassifier(n_jobs=-1))], voting="soft"
        ),
        GridSearchCV(RandomForestClassifier(n_jobs=-1, random_state=1), {"n_estimators": [5]}, n_jobs=2),
    ],
    ids=["a forest", "in a pipeline", "in a vote", "in a search"],
)
def test_n_jobs_is_cut_wherever_it_is_and_the_answers_are_the_same(estimator: Any) -> None:
    fitted = estimator.fit(*_DATA)
    before = fitted.predict_proba(_DATA[0])
    limit_jobs(fitted, 1)
    inside = [fitted, *getattr(fitted, "estimators_", []), getattr(fitted, "best_estimator_", fitted)]
    assert {value for one in inside for value in _jobs(one).values()} <= {1, None}
    assert np.abs(fitted.predict_proba(_DATA[0]) - before).max() < 1e-12


def test_fewer_jobs_than_the_limit_and_scikit_learns_own_none_stay() -> None:
    two, none = RandomForestClassifier(2, n_jobs=2).fit(*_DATA), LogisticRegression(max_iter=1000).fit(*_DATA)
    limit_jobs(two, 4)
    limit_jobs(none, 4)
    assert two.n_jobs == 2
    assert _jobs(none).get("n_jobs") is None


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_other_libraries_jobs_are_cut_too(library: str) -> None:
    module = pytest.importorskip(library)
    kind = module.XGBClassifier if library == "xgboost" else module.LGBMClassifier
    fitted = kind(n_estimators=5).fit(*_DATA)
    before = fitted.predict_proba(_DATA[0])
    limit_jobs(fitted, 1)
    assert fitted.get_params()["n_jobs"] == 1
    assert np.abs(fitted.predict_proba(_DATA[0]) - before).max() < 1e-6


def test_an_estimator_that_takes_no_change_is_left_alone() -> None:
    class Sealed:
        def get_params(self, **_: Any) -> dict[str, Any]:
            return {"n_jobs": -1}

        def set_params(self, **_: Any) -> None:
            raise RuntimeError("fitted already")

    limit_jobs(Sealed(), 1)
