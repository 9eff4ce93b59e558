"""The recipes under `native/`: one folder an engine, with what builds or fetches it."""

from __future__ import annotations

import hashlib
import json
import platform
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from vitals.configuration import CONFIGURATION
from vitals.errors import BuildError

Kind = Literal["go", "collector", "maven"]

RECIPES = CONFIGURATION / "native"

GO_ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
    "GOWORK": "off",
    # A recipe whose go.mod names a newer toolchain than the one installed gets it from the module proxy.
    "GOTOOLCHAIN": "auto",
}
GO_LDFLAGS = "-s -w"


@dataclass(frozen=True)
class Recipe:
    """How one engine is had; `usual_seconds` is a cold build on 2 cores, beside another one.

    With a `backend` it is had only where that one is chosen: a server that the stack as it comes does without.
    """

    name: str
    folder: Path
    version: str
    kind: Kind
    packages: tuple[str, ...]
    tags: tuple[str, ...]
    binaries: tuple[str, ...]
    usual_seconds: int
    sha256: str
    plugin: str
    for_tests: bool
    backend: str
    fingerprint: str

    @property
    def key(self) -> str:
        """The name of the engine's folder in the cache: it changes with everything that the built engine depends on."""
        return f"{self.name}-{self.version}-{self.fingerprint}"


def load_recipes(folder: Path = RECIPES, *, for_tests: bool = False, backends: Collection[str] = ()) -> dict[str, Recipe]:
    """The recipes of the stack's engines by name, those that `backends` want among them; the slowest first.

    With `for_tests`: of what tests need beside them, the servers of every backend among them.
    Raises BuildError where a recipe.toml can't be used.
    """
    recipes = [recipe for path in sorted(folder.glob("*/recipe.toml")) if _wanted(recipe := _load(path), for_tests, backends)]
    return {recipe.name: recipe for recipe in sorted(recipes, key=lambda recipe: -recipe.usual_seconds)}


def _wanted(recipe: Recipe, for_tests: bool, backends: Collection[str]) -> bool:
    if recipe.backend:
        return for_tests or recipe.backend in backends
    return recipe.for_tests is for_tests


def _load(path: Path) -> Recipe:
    try:
        told = tomllib.loads(path.read_text())
        if told["kind"] not in get_args(Kind):
            raise ValueError(f"kind is {told['kind']!r}")
        return Recipe(
            name=path.parent.name,
            folder=path.parent,
            version=told["version"],
            kind=told["kind"],
            packages=tuple(told["packages"]),
            tags=tuple(told["tags"]),
            binaries=tuple(told["binaries"]),
            usual_seconds=int(told["usual_seconds"]),
            sha256=told.get("sha256", ""),
            plugin=told.get("plugin", ""),
            for_tests=bool(told.get("for_tests", False)),
            backend=told.get("backend", ""),
            fingerprint=_fingerprint(path.parent, told),
        )
    except (KeyError, ValueError) as wrong:
        raise BuildError(f"{path} is not a recipe that can be used: {wrong}.") from None


def _fingerprint(folder: Path, told: dict[str, Any]) -> str:
    """12 digits over the recipe's files, the way of building and the platform; how long it usually takes is left out."""
    digest = hashlib.sha256()
    lasting = {name: value for name, value in told.items() if name != "usual_seconds"}
    machine = [platform.system(), platform.machine(), GO_ENVIRONMENT, GO_LDFLAGS]
    digest.update(json.dumps([lasting, machine], sort_keys=True).encode())
    for path in _files(folder):
        digest.update(f"\0{path.relative_to(folder).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "recipe.toml")
