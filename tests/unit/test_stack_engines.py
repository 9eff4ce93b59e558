"""The engines' cache and its builds, with small stand-ins for the builds; the real ones are what the stack tests run on."""

from __future__ import annotations

import os
import sys
import threading
import zipfile
from hashlib import sha256
from pathlib import Path

import psutil
import pytest

from vitals.engines.builds import build, last_meaningful_line
from vitals.engines.cache import Engines
from vitals.engines.recipes import Recipe, load_recipes
from vitals.errors import BuildError
from vitals.host.processes import Stopped, run, wait_until


def recipe(folder: Path, name: str, kind: str = "go", usual: int = 10, **more: str) -> Recipe:
    (folder / name).mkdir(parents=True)
    extra = "".join(f'{key} = "{value}"\n' for key, value in more.items())
    (folder / name / "recipe.toml").write_text(
        f'version = "1.0"\nkind = "{kind}"\npackages = ["{more.get("package", "example.org/x")}"]\ntags = []\n'
        f'binaries = ["{name}"]\nusual_seconds = {usual}\n{extra}'
    )
    return load_recipes(folder)[name]


def make_binary(recipe: Recipe, scratch: Path, out: Path, log: Path, stop: threading.Event) -> None:
    (out / "bin").mkdir()
    for name in recipe.binaries:
        (out / "bin" / name).write_text("#!/bin/sh\n")
        (out / "bin" / name).chmod(0o755)


def test_every_recipe_of_the_project_opens_with_its_purpose_and_is_pinned() -> None:
    recipes = load_recipes()
    assert set(recipes) == {
        *("collector", "prometheus", "alertmanager", "jaeger", "node_exporter", "process-compose", "elasticsearch"),
    }
    for name, one in recipes.items():
        assert (one.folder / "recipe.toml").read_text().startswith("# How "), name
        assert one.sha256 if one.kind == "maven" else (one.folder / "go.sum").stat().st_size > 0
    assert [one.usual_seconds for one in recipes.values()] == sorted(
        (one.usual_seconds for one in recipes.values()), reverse=True
    )


def test_the_key_changes_with_the_recipe_but_not_with_how_long_it_takes(tmp_path: Path) -> None:
    first = recipe(tmp_path / "a", "engine", usual=10)
    slower = recipe(tmp_path / "b", "engine", usual=99)
    other = recipe(tmp_path / "c", "engine")
    (tmp_path / "c" / "engine" / "go.sum").write_text("changed")
    assert first.key == slower.key
    assert load_recipes(tmp_path / "c")["engine"].key != other.key


def test_a_recipe_that_lacks_something_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "recipe.toml").write_text('version = "1"\n')
    with pytest.raises(BuildError, match=r"broken/recipe.toml is not a recipe"):
        load_recipes(tmp_path)


def test_an_engine_is_built_once_and_then_found(tmp_path: Path) -> None:
    recipe(tmp_path / "native", "engine")
    built = []

    def counted(recipe: Recipe, scratch: Path, out: Path, log: Path, stop: threading.Event) -> None:
        built.append(recipe.name)
        make_binary(recipe, scratch, out, log, stop)

    cache = Engines(tmp_path / "cache", load_recipes(tmp_path / "native"), counted)
    assert cache.ensure() == ["engine"]
    assert cache.ensure() == []
    assert built == ["engine"]
    assert os.access(cache.binary("engine"), os.X_OK)
    assert cache.folder("engine").stat().st_mode & 0o005 == 0o005
    kept = [path.name for path in (tmp_path / "cache" / "engines").iterdir()]
    assert sorted(kept) == sorted([cache.folder("engine").name, f".{cache.folder('engine').name}.lock"])


@pytest.mark.slow
def test_two_runs_at_once_build_an_engine_once(tmp_path: Path) -> None:
    recipe(tmp_path / "native", "engine")
    built = []

    def slow(recipe: Recipe, scratch: Path, out: Path, log: Path, stop: threading.Event) -> None:
        built.append(recipe.name)
        assert not stop.wait(0.7)
        make_binary(recipe, scratch, out, log, stop)

    runs = [Engines(tmp_path / "cache", load_recipes(tmp_path / "native"), slow) for _ in range(2)]
    threads = [threading.Thread(target=one.ensure) for one in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built == ["engine"]


def test_one_that_fails_stops_the_others_and_leaves_only_its_log(tmp_path: Path) -> None:
    recipe(tmp_path / "native", "good", usual=100)
    recipe(tmp_path / "native", "bad")
    child: list[int] = []

    def one_fails(recipe: Recipe, scratch: Path, out: Path, log: Path, stop: threading.Event) -> None:
        if recipe.name == "bad":
            assert wait_until(lambda: bool(child), 10)
            log.write_text("what went wrong\n")
            raise BuildError("bad could not be built")
        script = f"import os,pathlib,time; pathlib.Path('{scratch}/pid').write_text(str(os.getpid())); time.sleep(600)"
        watcher = threading.Thread(target=_when_written, args=(scratch / "pid", child), daemon=True)
        watcher.start()
        run([sys.executable, "-c", script], cwd=scratch, env=dict(os.environ), log=log, stop=stop)

    cache = Engines(tmp_path / "cache", load_recipes(tmp_path / "native"), one_fails)
    with pytest.raises(BuildError, match="bad could not be built"):
        cache.ensure(at_once=2)
    assert not psutil.pid_exists(child[0])
    left = [path.name for path in (tmp_path / "cache" / "engines").iterdir() if not path.name.endswith(".lock")]
    assert any(name.startswith("bad-1.0-") and name.endswith(".log") for name in left)
    assert not any((tmp_path / "cache" / "engines" / name).is_dir() for name in left)


def _when_written(path: Path, pids: list[int]) -> None:
    assert wait_until(lambda: path.exists() and path.read_text() != "", 10)
    pids.append(int(path.read_text()))


def test_a_stopped_run_ends_the_whole_group(tmp_path: Path) -> None:
    stop = threading.Event()
    pid_file = tmp_path / "pid"
    script = f"sleep 600 & echo $! > {pid_file}; trap '' TERM; wait"
    timer = threading.Thread(target=lambda: wait_until(pid_file.exists, 10) and stop.set())
    timer.start()
    with pytest.raises(Stopped):
        run(["sh", "-c", script], cwd=tmp_path, env=dict(os.environ), log=tmp_path / "log", stop=stop)
    timer.join()
    assert not psutil.pid_exists(int(pid_file.read_text()))


def test_a_failed_go_build_is_one_sentence_with_the_reason_and_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = recipe(tmp_path / "native", "engine")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "go").write_text("#!/bin/sh\necho 'go: downloading example.org/y v1'\necho 'x.go:3: undefined: Y'\necho\nexit 1\n")
    (tools / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    cache = Engines(tmp_path / "cache", {"engine": one})
    with pytest.raises(BuildError) as raised:
        cache.ensure()
    log = tmp_path / "cache" / "engines" / f"{one.key}.log"
    assert str(raised.value) == f"engine could not be built: x.go:3: undefined: Y (everything the tools said: {log})"
    assert "downloading" in log.read_text()


def test_mavens_first_error_is_the_one_that_says_why(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("[INFO] x\n[ERROR] Could not find artifact a:b:zip:1\n[ERROR] \n[ERROR] Re-run Maven with -X\n")
    assert last_meaningful_line(log) == "Could not find artifact a:b:zip:1"


def maven(folder: Path, archive: Path) -> None:
    """A mvn that copies an archive to where it is told."""
    folder.mkdir()
    (folder / "mvn").write_text(
        '#!/bin/sh\nfor word in "$@"; do case $word in -DoutputDirectory=*) out=${word#*=};; esac; done\n'
        f'mkdir -p "$out" && cp {archive} "$out/"\n'
    )
    (folder / "mvn").chmod(0o755)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "engine.zip"
    with zipfile.ZipFile(path, "w") as content:
        for name, mode in (("engine-1.0/bin/engine", 0o100755), ("engine-1.0/config/a.yml", 0o100644)):
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            content.writestr(member, "text")
    return path


def test_a_fetched_archive_is_checked_and_unpacked_with_its_modes(
    tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven(tmp_path / "tools", archive)
    monkeypatch.setenv("PATH", f"{tmp_path / 'tools'}:/usr/bin:/bin")
    good = recipe(tmp_path / "native", "engine", "maven", sha256=sha256(archive.read_bytes()).hexdigest(), plugin="p")
    cache = Engines(tmp_path / "cache", {"engine": good})
    cache.ensure()
    assert os.access(cache.binary("engine"), os.X_OK)
    assert (cache.folder("engine") / "config" / "a.yml").stat().st_mode & 0o777 == 0o644


def test_an_archive_with_another_sum_is_refused(tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maven(tmp_path / "tools", archive)
    monkeypatch.setenv("PATH", f"{tmp_path / 'tools'}:/usr/bin:/bin")
    cache = Engines(tmp_path / "cache", {"engine": recipe(tmp_path / "native", "engine", "maven", sha256="0" * 64, plugin="p")})
    with pytest.raises(BuildError, match="sha256"):
        cache.ensure()
    assert [one.name for one in cache.missing()] == ["engine"]


def test_a_missing_tool_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = recipe(tmp_path / "native", "engine")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match="go is not on PATH"):
        build(one, tmp_path / "scratch", tmp_path, tmp_path / "log", threading.Event())
