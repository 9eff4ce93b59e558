"""How each kind of engine is built or fetched: into an empty folder, logging what the tools say.

go: `go build` in a scratch copy of the recipe, whose go.mod and go.sum pin every dependency.
collector: its builder generates the sources in the scratch copy first; the committed go.mod and go.sum are put over them.
maven: Maven fetches the archive, its sha256 is compared, and it is unpacked.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import stat
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event

from vitals.engines.java import find_jdk
from vitals.engines.recipes import GO_ENVIRONMENT, GO_LDFLAGS, Recipe
from vitals.errors import BuildError
from vitals.host.processes import run

_NOISE = re.compile(r"^(go: downloading|go: finding|# |\s*$|\[ERROR\]\s*(\[Help|To see|Re-run|For more|->|$))")
_BUILDER = "go.opentelemetry.io/collector/cmd/builder"


def build(recipe: Recipe, scratch: Path, out: Path, log: Path, stop: Event) -> None:
    """Build or fetch an engine into `out`, an empty folder; `scratch` is for what is needed meanwhile.

    Raises BuildError with a sentence that names the engine and the log; Stopped when `stop` is set.
    """
    work = _writable_copy(recipe.folder, scratch / "recipe")
    maker = _Maker(recipe, work, scratch, log, stop)
    if recipe.kind == "maven":
        maker.maven(out)
        return
    if recipe.kind == "collector":
        work = maker.generated_collector()
    maker.go(work, out)


def _writable_copy(folder: Path, to: Path) -> Path:
    """Where the package is installed its files may be read-only, and a copy has their modes; builds write into it."""
    shutil.copytree(folder, to)
    for path in (to, *to.rglob("*")):
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    return to


class _Maker:
    def __init__(self, recipe: Recipe, work: Path, scratch: Path, log: Path, stop: Event) -> None:
        self.recipe, self.work, self.scratch, self.log, self.stop = recipe, work, scratch, log, stop

    def go(self, work: Path, out: Path) -> None:
        """Each package to the binary of the same place in the recipe's list."""
        (out / "bin").mkdir()
        tags = ["-tags", ",".join(self.recipe.tags)] if self.recipe.tags else []
        for package, binary in zip(self.recipe.packages, self.recipe.binaries, strict=True):
            self._run(["go", "build", *tags, "-ldflags", GO_LDFLAGS, "-o", str(out / "bin" / binary), package], work)

    def generated_collector(self) -> Path:
        """The folder of the Collector's generated sources, with the recipe's own go.mod and go.sum."""
        builder = self.scratch / "builder"
        self._run(["go", "build", "-o", str(builder), _BUILDER], self.work / "builder")
        self._run([str(builder), "--skip-compilation", "--skip-get-modules", "--config", "builder.yaml"], self.work)
        sources = self.work / "build"
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(self.work / name, sources / name)
        return sources

    def maven(self, out: Path) -> None:
        """The archive's content, without its top folder, in `out`."""
        [artifact] = self.recipe.packages
        self._run(
            [
                "mvn",
                "--batch-mode",
                "--no-transfer-progress",
                f"{self.recipe.plugin}:copy",
                f"-Dartifact={artifact}",
                f"-DoutputDirectory={self.scratch / 'fetched'}",
                "-Dmdep.useBaseVersion=true",
            ],
            self.scratch,
        )
        [archive] = (self.scratch / "fetched").iterdir()
        with archive.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
        if found != self.recipe.sha256:
            raise BuildError(
                f"{self.recipe.name} could not be fetched: the archive's sha256 is {found}, "
                f"the recipe says {self.recipe.sha256}; "
                "delete it from Maven's local repository and try again, or find out who changed it."
            )
        _unpack(archive, out)

    def _run(self, command: Sequence[str], cwd: Path) -> None:
        try:
            status = run(command, cwd=cwd, env=environment(os.environ), log=self.log, stop=self.stop)
        except FileNotFoundError:
            raise BuildError(f"{self.recipe.name} could not be built: {command[0]} is not on PATH.") from None
        if status != 0:
            raise BuildError(
                f"{self.recipe.name} could not be {'fetched' if self.recipe.kind == 'maven' else 'built'}: "
                f"{last_meaningful_line(self.log)} (everything the tools said: {self.log})"
            )


_FOR_OTHER_MACHINES = re.compile(r"GO(OS|ARCH|ARM|ARM64|AMD64|386|MIPS|MIPS64|PPC64|RISCV64|WASM|EXPERIMENT|FIPS140|ROOT_FINAL)")
"""What makes Go build for another machine than this one, or in another way than everywhere else."""

_GO_NAMES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment (proxies, module caches, Maven's options), with what makes a build reproducible put over it.

    GOOS and GOARCH are said, since `go env -w` can have set others. A JAVA_HOME that is gone would stop Maven: a JDK that is
    there takes its place.
    """
    kept = {name: value for name, value in inherited.items() if not _FOR_OTHER_MACHINES.fullmatch(name)}
    if machine := _GO_NAMES.get(platform.machine().lower()):
        kept |= {"GOOS": platform.system().lower(), "GOARCH": machine}
    if "JAVA_HOME" in kept and not (Path(kept["JAVA_HOME"]) / "bin" / "java").exists():
        jdk = find_jdk(None, kept)
        kept.pop("JAVA_HOME")
        if jdk is not None:
            kept["JAVA_HOME"] = str(jdk.home)
    return {**kept, **GO_ENVIRONMENT}


def last_meaningful_line(log: Path) -> str:
    """The line that says what went wrong: Maven's first [ERROR], or the last line that is not about progress."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if not _NOISE.match(line)]
    for line in lines:
        if line.startswith("[ERROR]"):
            return line.removeprefix("[ERROR]").strip()
    return lines[-1] if lines else "the tool said nothing"


def _unpack(archive: Path, out: Path) -> None:
    """Unpack a zip that has one top folder; zipfile forgets the mode of a file, so it is set again."""
    with zipfile.ZipFile(archive) as content:
        for member in content.infolist():
            inside = Path(*Path(member.filename).parts[1:])
            if not inside.parts or ".." in inside.parts:
                continue
            target = out / inside
            if member.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with content.open(member) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
            target.chmod(0o755 if member.external_attr >> 16 & 0o111 else 0o644)
