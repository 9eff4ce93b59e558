"""What the package's modules import, read from their source, and which distributions that comes from."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import vitals
from vitals.checkout import ROOT
from vitals.extras import DISTRIBUTION

PACKAGE = Path(vitals.__file__).parent
_NAMESPACES = ("opentelemetry", "google")
"""Packages that several distributions share."""
_LOADERS = ("vitals", "vitals.cli")
"""Packages that import the rest when it is asked for, and must be importable without it."""


@dataclass(frozen=True)
class Import:
    """One import statement's name. lazy: inside a function. guarded: it may fail, since ImportError is caught."""

    name: str
    lazy: bool
    guarded: bool


@cache
def modules() -> dict[str, Path]:
    """Every module of the package."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@cache
def imports(module: str) -> frozenset[Import]:
    """What a module imports, but for what only the type checker does."""
    return frozenset(_found(ast.parse(modules()[module].read_text()), lazy=False, guarded=False))


def _found(node: ast.AST, *, lazy: bool, guarded: bool) -> Iterator[Import]:
    match node:
        case ast.Import(names=names):
            yield from (Import(one.name, lazy, guarded) for one in names)
        case ast.ImportFrom(module=str(source), names=names):
            yield from (Import(f"{source}.{one.name}", lazy, guarded) for one in names)
        case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=orelse):
            for child in orelse:
                yield from _found(child, lazy=lazy, guarded=guarded)
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=last):
            caught = any("ImportError" in ast.unparse(one.type) for one in handlers if one.type)
            for child in body:
                yield from _found(child, lazy=lazy, guarded=guarded or caught)
            for child in (*handlers, *orelse, *last):
                yield from _found(child, lazy=lazy, guarded=guarded)
        case _:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for child in ast.iter_child_nodes(node):
                yield from _found(child, lazy=lazy or inside, guarded=guarded)


def closure(*roots: str, lazy: bool) -> set[str]:
    """The modules of the package that importing `roots` imports; with `lazy`, those too that their functions import."""
    seen: set[str] = set()
    waiting = [name for root in roots for name in _with_packages(root)]
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        if module in _LOADERS:
            continue
        for one in imports(module):
            if (lazy or not one.lazy) and (ours := _module(one.name)):
                waiting += _with_packages(ours)
    return seen


def needed(roots: set[str], *, lazy: bool) -> dict[str, set[str]]:
    """By distribution, the modules of `roots` that import it; without imports that are guarded."""
    found: dict[str, set[str]] = {}
    for module in roots:
        for one in imports(module):
            if one.guarded or (one.lazy and not lazy) or module in _LOADERS:
                continue
            if name := owner(one.name):
                found.setdefault(name, set()).add(module)
    return found


def come_with(names: Iterable[str]) -> frozenset[str]:
    """These distributions, and what they require themselves; through those that they pin exactly, what these require."""
    return _come_with(frozenset(names))


@cache
def _come_with(names: frozenset[str]) -> frozenset[str]:
    found, waiting = set(names), list(names)
    while waiting:
        for line in distribution(waiting.pop()).requires or ():
            one = Requirement(line)
            name = canonicalize_name(one.name)
            if (one.marker and not one.marker.evaluate({"extra": ""})) or name in found:
                continue
            found.add(name)
            if any(bound.operator == "==" for bound in one.specifier):
                waiting.append(name)
    return frozenset(found)


def _with_packages(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def _module(name: str) -> str | None:
    """The module of ours that an imported name is, or is in."""
    known = (name, name.rpartition(".")[0])
    return next((one for one in known if one in modules()), None)


def owner(name: str) -> str | None:
    """The distribution that an imported name comes from; what is of none that is declared stands for itself."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or top == "vitals":
        return None
    parts, owners = name.split("."), _owners()
    known = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((owners[one] for one in known if one in owners), name)


@cache
def _owners() -> dict[str, str]:
    """By module, the distribution that holds it; of packages that are one distribution's, the package alone."""
    found: dict[str, str] = {}
    for name in come_with(all_declared()):
        for line in (distribution(name).read_text("RECORD") or "").splitlines():
            file = line.partition(",")[0]
            if not re.search(r"\.(py|so)$", file) or file.startswith((".", "_")):
                continue
            module = re.sub(r"(/__init__)?(\.cpython-[^/]*|\.abi3)?\.(py|so)$", "", file).replace("/", ".")
            top = module.partition(".")[0]
            found[module if top in _NAMESPACES else top] = name
    return found


def declared_in(extra: str) -> list[Requirement]:
    """The dependencies of an extra as pyproject.toml has them; of the base, where the name is empty."""
    return _project()[extra]


def declared(*extras: str) -> set[str]:
    """The names that are installed with the extras and the base, those of the extras that they name among them."""
    found: set[str] = set()
    for extra in ("", *extras):
        for one in declared_in(extra):
            found |= declared(*one.extras) if one.name == DISTRIBUTION else {canonicalize_name(one.name)}
    return found


def all_declared() -> set[str]:
    """Of the base and of every extra but that of developers."""
    return declared(*(extra for extra in _project() if extra not in ("", "dev")))


@cache
def _project() -> dict[str, list[Requirement]]:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert told["name"] == DISTRIBUTION
    lists = {"": told["dependencies"], **told["optional-dependencies"]}
    return {extra: [Requirement(line) for line in lines] for extra, lines in lists.items()}
