"""How many threads one call of the model may use: numeric libraries take every processor of the machine unless they are told."""

from __future__ import annotations

import logging
import os
from typing import Any

from vitals.model.cpu_limit import cpu_limit

_logger = logging.getLogger(__name__)


def threads_of_a_call(chosen: int, processes: int) -> int:
    """MODEL_THREADS, or where it is 0 a process's share of the processors; 1 or more."""
    return chosen or max(1, cpu_limit() // processes)


def tell_libraries(threads: int) -> None:
    """Let OpenMP, OpenBLAS and MKL use so many threads, in this process and in those that it starts; what is set already wins.

    They read the variable when they are loaded: call this before numpy is imported. OpenBLAS and MKL go by OpenMP's variable
    where their own (OPENBLAS_NUM_THREADS, MKL_NUM_THREADS) is not set.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))


def limit_jobs(estimator: Any, threads: int) -> None:
    """Cut `n_jobs` of everything in a fitted estimator to `threads`: a forest that was fitted with n_jobs=-1 hands its trees to a
    pool for every row, which costs more than asking them. Its answers are the same.

    scikit-learn's n_jobs=None is one job and stays; in other libraries it is all processors.
    """
    from vitals.estimators.estimator_walk import parts

    for _, part in parts(estimator):
        if not (hasattr(part, "get_params") and hasattr(part, "set_params")) or isinstance(part, type):
            continue
        try:
            jobs = part.get_params(deep=False).get("n_jobs", 1)
            one_already = jobs is None and type(part).__module__.startswith("sklearn.")
            if not one_already and (jobs is None or jobs < 1 or jobs > threads):
                part.set_params(n_jobs=threads)
        except Exception as wrong:  # what is not ours to know of an estimator; it only stays slower than it need be
            _logger.info("n_jobs of a %s stays as it is (%s).", type(part).__name__, type(wrong).__name__)
