"""The command acts on the checkout that its code stands in; this refuses to where another one was meant.

A virtual environment that was copied along with its checkout still leads to the original's code, and so to its data.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from vitals.checkout import ROOT, enclosing_checkout, is_checkout, same_folder
from vitals.errors import WrongCheckout


def refuse_for_another_checkout() -> None:
    """Raise WrongCheckout where the command was started from the environment of another checkout, or inside another checkout.

    Nothing is refused to those who name the code themselves, in PYTHONPATH.
    """
    if not is_checkout(ROOT) or _named_by_caller():
        return
    for folder in _environments():
        if _is_another(folder.parent):
            raise WrongCheckout(
                f"{folder} is the copy of another environment, or a link to it: this command would run the code of {ROOT} "
                f"and use its data. Run `make` in {folder.parent}: it makes an environment for that checkout."
            )
    here = enclosing_checkout(Path.cwd())
    if here is not None and _is_another(here):
        raise WrongCheckout(
            f"This is the vitals command of {ROOT}, started in another checkout, {here}: nothing was done. "
            f"Run {here / '.venv/bin/vitals'} (`make` in {here} makes it), or go to {ROOT}."
        )


def _environments() -> Iterator[Path]:
    """Those that the command was started from: by its script's path, with and without links, and by Python's."""
    script = Path(sys.argv[0]).absolute()
    for path in (script, script.resolve()):
        if path.parent.name == "bin":
            yield path.parent.parent
    yield Path(sys.prefix)


def _is_another(folder: Path) -> bool:
    return is_checkout(folder) and not same_folder(folder, ROOT)


def _named_by_caller() -> bool:
    code = Path(__file__).resolve().parents[2]
    named = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return any(same_folder(Path(folder), code) for folder in named)
