"""What builds are given of the caller's environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from vitals.engines.builds import environment
from vitals.engines.java import find_jdk


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"GOOS": "plan9"}, "GOOS"),
        ({"GOARCH": "riscv64"}, "GOARCH"),
        ({"GOARM": "5", "GOAMD64": "v4", "GOEXPERIMENT": "rangefunc"}, "GOAMD64"),
        ({"GOFLAGS": "-mod=vendor"}, "GOFLAGS"),
        ({"CGO_ENABLED": "1"}, "CGO_ENABLED"),
        ({"GOWORK": "/somebody/go.work"}, "GOWORK"),
    ],
)
def test_go_builds_for_this_machine_as_for_any_other(given: dict[str, str], name: str) -> None:
    usual = environment({"PATH": os.environ["PATH"]})
    assert environment({"PATH": os.environ["PATH"], **given}) == usual
    assert usual.get(name) != given[name]


def test_what_go_was_told_for_good_does_not_count_either(tmp_path: Path) -> None:
    """`go env -w` writes a file; what the environment says wins."""
    (tmp_path / "env").write_text("GOOS=plan9\nGOARCH=386\nGOFLAGS=-mod=vendor\nGOPROXY=off\n")
    asked = environment({**os.environ, "GOENV": str(tmp_path / "env")})
    said = subprocess.run(
        ["go", "env", "GOOS", "GOHOSTOS", "GOARCH", "GOHOSTARCH", "GOFLAGS"],
        env=asked,
        capture_output=True,
        text=True,
        check=True,
    )
    system, this_system, processor, this_processor, flags = said.stdout.split("\n")[:5]
    assert (system, processor) == (this_system, this_processor)
    assert "-mod=readonly" in flags


@pytest.mark.parametrize("name", ["GOPROXY", "GOPRIVATE", "GOMODCACHE", "GOCACHE", "HTTPS_PROXY", "MAVEN_OPTS"])
def test_where_modules_come_from_is_the_callers(name: str) -> None:
    assert environment({name: "x"})[name] == "x"


def test_a_java_home_that_is_gone_is_replaced(tmp_path: Path) -> None:
    jdk = find_jdk(None, {"PATH": os.environ["PATH"]})
    assert jdk is not None, "a JDK 21 or later is needed, as by the stack"
    gone = environment({"PATH": os.environ["PATH"], "JAVA_HOME": str(tmp_path / "gone")})
    assert gone["JAVA_HOME"] == str(jdk.home)
    kept = environment({"PATH": os.environ["PATH"], "JAVA_HOME": str(jdk.home)})
    assert kept["JAVA_HOME"] == str(jdk.home)
