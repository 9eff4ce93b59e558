"""Whose the data in a state folder are, by what is written there and by what is left of the checkout that wrote it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vitals.checkout import ROOT, enclosing_checkout, is_checkout
from vitals.errors import WrongCheckout
from vitals.provisioning.data_owner import OWNER_FILE, data_owner, left_behind
from vitals.settings.options import default_state_dir


def checkout(folder: Path) -> Path:
    (folder / "native").mkdir(parents=True)
    for name in ("pyproject.toml", "native/process-compose.yaml"):
        (folder / name).touch()
    return folder


def made_by(other: Path, state: Path) -> Path:
    """Data that another checkout's stack left."""
    (state / "secrets").mkdir(parents=True)
    (state / OWNER_FILE).write_text(json.dumps({"checkout": str(other), "folder": str(state)}))
    return state


def test_what_this_checkout_took_is_its_own(tmp_path: Path) -> None:
    data_owner(tmp_path / "state").take()
    (tmp_path / "link").symlink_to(tmp_path / "state")
    for path in (tmp_path / "state", tmp_path / "link"):
        owner = data_owner(path)
        assert (owner.standing, owner.checkout, owner.sentence) == ("ours", ROOT, "")
        owner.must_be_known()
    data_owner(tmp_path / "link").forget()
    assert data_owner(tmp_path / "state").standing == "unknown"


def test_another_checkouts_are_refused_until_it_is_gone(tmp_path: Path) -> None:
    state = made_by(checkout(tmp_path / "other"), tmp_path / "state")
    for path in (state, tmp_path / "a" / ".." / "state"):
        (tmp_path / "a").mkdir(exist_ok=True)
        with pytest.raises(WrongCheckout, match=str(tmp_path / "other")):
            data_owner(path).must_not_be_another()
    (tmp_path / "other").rename(tmp_path / "moved")
    owner = data_owner(state)
    owner.must_be_known()
    assert owner.standing == "moved"
    assert "which is gone" in owner.sentence


def test_a_folder_that_was_moved_is_still_another_checkouts(tmp_path: Path) -> None:
    state = made_by(checkout(tmp_path / "other"), tmp_path / "state").rename(tmp_path / "elsewhere")
    assert data_owner(state).standing == "another's"


def test_a_copy_of_the_data_is_whoevers_it_is_used_by(tmp_path: Path) -> None:
    state = made_by(checkout(tmp_path / "other"), tmp_path / "state")
    shutil.copytree(state, tmp_path / "copy")
    owner = data_owner(tmp_path / "copy")
    owner.must_be_known()
    assert owner.standing == "copied"
    assert data_owner(state).standing == "another's"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"checkout": 1, "folder": 2}', "\xff"])
def test_what_can_not_be_understood_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / OWNER_FILE).write_text(text, encoding="latin-1")
    owner = data_owner(tmp_path)
    owner.must_not_be_another()
    with pytest.raises(WrongCheckout, match="Nothing is deleted"):
        owner.must_be_known()


def test_the_folder_that_a_moved_checkout_left_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    default = default_state_dir()
    made_by(tmp_path / "gone", default.parent / "gone-1")
    made_by(checkout(tmp_path / "there"), default.parent / "there-1")
    assert [owner.checkout for owner in left_behind(default)] == [tmp_path / "gone"]
    assert left_behind(tmp_path / "chosen") == []
    data_owner(default).must_be_known()
    data_owner(default).take()
    assert left_behind(default) == []


def test_a_checkout_is_found_from_inside_it(tmp_path: Path) -> None:
    outer = checkout(tmp_path / "outer")
    inner = checkout(outer / "copies" / "inner")
    assert enclosing_checkout(inner / "native") == inner
    assert enclosing_checkout(outer / "copies") == outer
    assert enclosing_checkout(tmp_path) is None
    assert is_checkout(ROOT)
