"""Whose data a state folder holds: a file in it names the checkout that made them, and no other one touches them.

Where the package is installed, the folder of packages that it is in stands for the checkout.
A copied checkout brings its `.env` along, and with it the original's VITALS_STATE_DIR.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from vitals.checkout import ROOT, described, same_folder, still_there
from vitals.errors import WrongCheckout
from vitals.host.secrets import write_atomically
from vitals.settings.options import default_state_dir

OWNER_FILE = ".checkout.json"

Standing = Literal["ours", "unknown", "moved", "copied", "another's"]


@dataclass(frozen=True)
class DataOwner:
    """The checkout that a state folder's data belong to.

    ours: this checkout made them. unknown: no file says whose they are. moved: the checkout that made them is gone.
    copied: they are a copy of another checkout's, which has its own. another's: `checkout` made them, and still stands there.
    """

    state: Path
    standing: Standing
    checkout: Path | None = None

    def must_not_be_another(self) -> None:
        """Raise WrongCheckout where the data are those of another checkout."""
        if self.standing == "another's":
            raise WrongCheckout(
                f"The data in {self.state} belong to {described(self.checkout or ROOT)}, not to {described(ROOT)}: choose "
                "another VITALS_STATE_DIR here, or use the vitals command there. To take them over, stop the stack there "
                f"and remove {self.state / OWNER_FILE}."
            )

    def must_be_known(self) -> None:
        """Raise WrongCheckout where nothing says that the data are this checkout's, so that they can't be deleted from here."""
        self.must_not_be_another()
        if self.standing == "unknown" and not _is_default(self.state):
            raise WrongCheckout(
                f"Nothing is deleted: {self.state} does not say whose data it holds. If they are those of {described(ROOT)}, "
                "start its stack once with this VITALS_STATE_DIR, which makes them its own, or delete them by hand."
            )

    @property
    def sentence(self) -> str:
        """What a person should know before this checkout uses the data; empty where they are its own."""
        match self.standing:
            case "moved":
                return f"The data in {self.state} were made by {self.checkout}, which is gone: they are now those of {ROOT}."
            case "copied":
                return f"The data in {self.state} are a copy of those of {self.checkout}: they are now those of {ROOT}."
            case "unknown" if (self.state / "secrets").is_dir() and not _is_default(self.state):
                return f"The data in {self.state} do not say whose they are: they are now those of {ROOT}."
        return ""

    def take(self) -> None:
        """Write down that the data are this checkout's."""
        self.state.mkdir(parents=True, exist_ok=True)
        own = {"checkout": str(ROOT), "folder": str(self.state.resolve())}
        write_atomically(self.state / OWNER_FILE, json.dumps(own, indent=2) + "\n")

    def forget(self) -> None:
        """Once nothing of the data is left."""
        (self.state / OWNER_FILE).unlink(missing_ok=True)


def data_owner(state: Path, running: Iterable[psutil.Process] = ()) -> DataOwner:
    """Whose the data in `state` are. `running`: the processes of the stack on them, each of which knows its checkout too."""
    for checkout in _checkouts_of(running):
        if not same_folder(checkout, ROOT) and still_there(checkout):
            return DataOwner(state, "another's", checkout)
    written = _written(state)
    if written is None:
        return DataOwner(state, "unknown")
    checkout, folder = written
    return DataOwner(state, _standing(state, checkout, folder), checkout)


def left_behind(state: Path) -> list[DataOwner]:
    """Data of checkouts that are gone, perhaps this one's before it was moved; none where `state` was chosen or is in use."""
    if state != default_state_dir() or (state / OWNER_FILE).exists():
        return []
    found = (data_owner(file.parent) for file in sorted(state.parent.glob(f"*/{OWNER_FILE}")))
    return [owner for owner in found if owner.standing == "moved"]


def _is_default(state: Path) -> bool:
    default = default_state_dir()
    return state == default or same_folder(state, default)


def _standing(state: Path, checkout: Path, folder: Path) -> Standing:
    if checkout == ROOT or same_folder(checkout, ROOT):
        return "ours"
    if not still_there(checkout):
        return "moved"
    if same_folder(folder, state):
        return "another's"
    # Written into another folder than this one. Where that is still there, this is a copy of it.
    if (folder / OWNER_FILE).is_file() or state.resolve().is_relative_to(ROOT):
        return "copied"
    return "another's"


def _written(state: Path) -> tuple[Path, Path] | None:
    """Checkout and folder, as the file in the folder has them; None where there is none that can be understood."""
    try:
        told = json.loads((state / OWNER_FILE).read_bytes())
        return Path(told["checkout"]), Path(told["folder"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _checkouts_of(running: Iterable[psutil.Process]) -> set[Path]:
    found = set()
    for process in running:
        with contextlib.suppress(psutil.Error, OSError):
            if checkout := process.environ().get("CHECKOUT"):
                found.add(Path(checkout))
    return found
