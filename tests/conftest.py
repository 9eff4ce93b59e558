"""The order of tests: random, by a seed that pytest prints; `--randomly-seed=N` gives the same order again."""

from __future__ import annotations

from pathlib import Path

import pytest

IN_THE_FILES_ORDER = ("stack", "scenarios", "faults", "compose")
"""Their tests share one running stack for minutes. Some change it and put it right again, and the next ones would meet what is
settling still; modules that need a stack of another kind would have it start and stop once more for each of them."""

_HERE = Path(__file__).parent
_COLLECTED = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Leave the order to pytest where only such tests were asked for: it keeps what shares a fixture together."""
    if all(_in_the_files_order(Path(name.split("::")[0]).absolute()) for name in config.args):
        config.option.randomly_reorganize = False


def pytest_itemcollected(item: pytest.Item) -> None:
    """Remember the place that the file gives it."""
    item.stash[_COLLECTED] = item.config.stash[_COLLECTED] = item.config.stash.get(_COLLECTED, 0) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """After pytest-randomly: tests of a running stack come last, in their files' order."""
    if not config.option.randomly_reorganize:
        return
    items.sort(key=lambda item: item.stash[_COLLECTED] if _shares_a_stack(item) else 0)


def _shares_a_stack(item: pytest.Item) -> bool:
    return _in_the_files_order(item.path)


def _in_the_files_order(path: Path) -> bool:
    return path.is_relative_to(_HERE) and path != _HERE and path.relative_to(_HERE).parts[0] in IN_THE_FILES_ORDER
