"""What the files to publish hold, and what they say of themselves."""

from __future__ import annotations

import re
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata

import vitals
from vitals.checkout import ROOT

from .conftest import Built, build

CONFIGURATION = {
    "docs/runbooks",
    "elk",
    "native",
    "otel-collector",
    "prom-graf/alertmanager",
    "prom-graf/jaeger",
    "prom-graf/prometheus",
}
NOT_INSTALLED = ("prom-graf/prometheus/src/", "prom-graf/prometheus/rules/templates/", "prom-graf/prometheus/rules/tests/")


def in_wheel(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as content:
        return {name: content.read(name) for name in content.namelist()}


def in_sdist(file: Path) -> list[str]:
    with tarfile.open(file) as content:
        names = [member.name for member in content.getmembers() if member.isfile()]
    assert {name.partition("/")[0] for name in names} == {file.name.removesuffix(".tar.gz")}
    return [name.partition("/")[2] for name in names]


def files_of(folder: str) -> set[str]:
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.is_file()}
    return {name for name in found if "__pycache__" not in name and not name.startswith(NOT_INSTALLED)}


def test_the_wheel_has_the_code_and_the_configuration_and_nothing_else(built: Built) -> None:
    held = in_wheel(built.wheel)
    code = {name.removeprefix("service/src/") for name in files_of("service/src/vitals")}
    shared = {f"vitals/share/{name}" for folder in CONFIGURATION for name in files_of(folder)}
    own = {name for name in held if re.fullmatch(r"vitals_otel-[\d.]+\.dist-info/(licenses/)?[\w_]+(\.txt)?", name)}
    assert set(held) - own == code | shared
    assert "vitals/py.typed" in held


def test_the_wheels_configuration_is_the_checkouts_to_the_byte(built: Built) -> None:
    """An engine that a checkout built is the installed package's too: its key is a hash of these files."""
    shared = {name: content for name, content in in_wheel(built.wheel).items() if name.startswith("vitals/share/")}
    assert len(shared) > 100
    assert [name for name, held in shared.items() if held != (ROOT / name.removeprefix("vitals/share/")).read_bytes()] == []


def test_no_test_and_nothing_of_this_machine_is_published(built: Built) -> None:
    for name in (*in_wheel(built.wheel), *in_sdist(built.sdist)):
        assert not re.search(r"(^|/)(tests?|benchmarks|\.venv|\.env|requirements|__pycache__)(/|$)|\.pyc$", name), name


def test_the_metadata_hold_and_say_what_the_package_is(built: Built) -> None:
    [raw] = [content for name, content in in_wheel(built.wheel).items() if name.endswith(".dist-info/METADATA")]
    told = Metadata.from_email(raw, validate=True)
    assert told.name == "vitals-otel"
    assert str(told.version) == vitals.__version__
    assert f"{told.name.replace('-', '_')}-{told.version}-py3-none-any.whl" == built.wheel.name
    assert (told.license_expression, list(map(str, told.license_files or []))) == ("Apache-2.0", ["LICENSE"])
    assert told.description_content_type == "text/markdown"
    assert told.description == (ROOT / "README.md").read_text()
    assert {"serve", "stack", "onnx", "report", "scenarios"} <= set(told.provides_extra or [])
    assert told.classifiers
    required = [one for one in told.requires_dist or [] if one.marker is None]
    assert not {"pandas", "scikit-learn", "numpy"} & {one.name for one in required}


@pytest.mark.parametrize("name", ["LICENSE"])
def test_the_license_comes_along(built: Built, name: str) -> None:
    text = (ROOT / name).read_bytes()
    assert b"Apache License" in text
    assert [content for file, content in in_wheel(built.wheel).items() if file.endswith(f"licenses/{name}")] == [text]
    assert name in in_sdist(built.sdist)


def test_the_sdist_builds_the_same_wheel(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.sdist) as content:
        content.extractall(tmp_path, filter="data")
    [source] = tmp_path.iterdir()
    build(source, tmp_path / "dist", "wheel")
    [wheel] = (tmp_path / "dist").iterdir()
    assert wheel.name == built.wheel.name
    assert in_wheel(wheel) == in_wheel(built.wheel)
