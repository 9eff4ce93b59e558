"""How many processors this process may use: fewer than the machine has, in most containers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath


def cpu_limit(root: Path = Path("/")) -> int:
    """Whole processors, 1 or more: the least of the processors it may run on and the quotas of its cgroup and of those above it.

    root: where /proc and /sys are. Sources: cgroup v2 `cpu.max`, v1 `cpu.cfs_quota_us` (Linux's admin-guide/cgroup-v2 and
    scheduler/sched-bwc).
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min([float(allowed), *_quotas(root)])))


def _quotas(root: Path) -> Iterator[float]:
    mounted = root / "sys" / "fs" / "cgroup"
    with suppress(OSError):
        for line in (root / "proc" / "self" / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            read = _of_v1 if controllers else _of_v2
            if controllers and "cpu" not in controllers.split(","):
                continue
            for folder in (mounted / "cpu", mounted / controllers) if controllers else (mounted,):
                for here in (PurePosixPath(path), *PurePosixPath(path).parents):
                    # In a container the path is often the host's, which is not there: its root is the container's own group.
                    with suppress(OSError, ValueError, ZeroDivisionError):
                        yield read(folder / str(here).lstrip("/"))


def _of_v2(folder: Path) -> float:
    """Raises ValueError where there is no limit: the quota is "max" then."""
    quota, period = (folder / "cpu.max").read_text().split()
    return int(quota) / int(period)


def _of_v1(folder: Path) -> float:
    """Raises ValueError where there is no limit: the quota is -1 then."""
    quota = int((folder / "cpu.cfs_quota_us").read_text())
    if quota <= 0:
        raise ValueError("there is no quota")
    return quota / int((folder / "cpu.cfs_period_us").read_text())
