"""Finding a JDK that Elasticsearch can run on: 21 or later, and a full one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

OLDEST = 21

_USUAL_PLACES = (Path("/usr/lib/jvm"), Path("/Library/Java/JavaVirtualMachines"))


@dataclass(frozen=True)
class Jdk:
    """A Java home, its major version (0 where it does not say), and whether it is a full JDK."""

    home: Path
    version: int
    full: bool

    @property
    def fits(self) -> bool:
        """Whether Elasticsearch runs on it."""
        return self.version >= OLDEST and self.full

    @property
    def lack(self) -> str:
        """What keeps it from fitting, for a sentence."""
        if self.version < OLDEST:
            return f"{self.home} is version {self.version or 'unknown'}"
        return f"{self.home} is cut down: it lacks the module jdk.jdi"


def find_jdk(chosen: Path | None, env: Mapping[str, str], places: tuple[Path, ...] = _USUAL_PLACES) -> Jdk | None:
    """The first that fits: the chosen one and no other, or JAVA_HOME's, the one on PATH, then the usual folders'."""
    return next((jdk for jdk in seen_jdks(chosen, env, places) if jdk.fits), None)


def seen_jdks(chosen: Path | None, env: Mapping[str, str], places: tuple[Path, ...] = _USUAL_PLACES) -> Iterator[Jdk]:
    """Every Java home that was looked at, fitting or not."""
    if chosen:
        yield _read(chosen)
        return
    if env.get("JAVA_HOME"):
        yield _read(Path(env["JAVA_HOME"]))
    on_path = shutil.which("java", path=env.get("PATH", ""))
    if on_path:
        yield _read(Path(on_path).resolve().parent.parent)
    for place in places:
        for folder in sorted(place.glob("*")) if place.is_dir() else []:
            home = folder / "Contents" / "Home" if (folder / "Contents").is_dir() else folder
            if (home / "bin" / "java").exists():
                yield _read(home)


def _read(home: Path) -> Jdk:
    """What the `release` file of a Java home says."""
    try:
        release = (home / "release").read_text(errors="replace")
    except OSError:
        return Jdk(home, 0, full=False)
    said = dict(re.findall(r'^(\w+)="?([^"\n]*)"?', release, flags=re.MULTILINE))
    version = re.match(r"\d+", said.get("JAVA_VERSION", ""))
    return Jdk(home, int(version[0]) if version else 0, full="jdk.jdi" in said.get("MODULES", "").split())
