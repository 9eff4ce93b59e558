"""The file .env: read as UTF-8, and what it holds that is no option is named, with the option that was meant."""

from __future__ import annotations

import codecs
import difflib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import dotenv
from dotenv.parser import Binding, parse_stream

from vitals.errors import SettingsError
from vitals.settings.option_table import every_option

_OWN = {"VITALS_ENV_FILE", "VITALS_FAST_PATH", "VITALS_STACK", "VITALS_PYTHON", "VITALS_EPHEMERAL_PREDICTION_KEY"}
"""Read by the code, and options of no settings."""

_OTHERS = re.compile(
    r"(OTEL|COMPOSE|DOCKER|BUILDKIT)_\w+|(HTTPS?|ALL|NO|FTP)_PROXY|PATH|HOME|TZ|LANG|LC_\w+|JAVA_HOME|TMPDIR", re.IGNORECASE
)
"""Variables that other programs read, which may well stand in .env."""

_LIKE = 0.7
"""From here on (of 1) an option is named as the one that a line of .env may mean."""

_ALIKE = 0.9
"""From here on (of 1) a variable of the environment is taken for a misspelt option: most of what is there is nobody's option."""


def load(path: Path, *, shared: bool = False) -> list[str]:
    """Set what `path` says in the environment, where that does not say otherwise already; gives what to tell about its lines.

    A `shared` file holds other programs' options too: only a name that is almost an option's is told.
    Raises SettingsError for a file that can't be read, is not UTF-8, or has a line that says nothing.
    """
    text = _text(path)
    lines = list(parse_stream(io.StringIO(text)))
    if wrong := list(_wrong(lines, path)):
        raise SettingsError(wrong)
    dotenv.load_dotenv(stream=io.StringIO(text), override=False)
    return list(_unknown(lines, path, _ALIKE if shared else 0.0))


def misspelt(environment: Mapping[str, str]) -> list[str]:
    """What to tell about variables of the environment whose names are almost those of options."""
    known = _known()
    told = []
    for name in sorted(environment.keys() - known):
        near = difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE)
        if near and not _OTHERS.fullmatch(name) and near[0] not in environment:
            told.append(f"{name} is set in the environment, and is no option: did you mean {near[0]}?")
    return told


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as wrong:
        raise SettingsError([f"{path} can't be read: {wrong.strerror}."]) from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise SettingsError([f"{path} is in UTF-16: save it as UTF-8."])
    if b"\0" in content:
        raise SettingsError([f"{path} is no text, or is in UTF-16: save it as UTF-8."])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = content[: wrong.start].count(b"\n") + 1
        raise SettingsError(
            [f"{path} is not in UTF-8 (line {line} has the byte 0x{content[wrong.start]:02X}): save it as UTF-8."]
        ) from None


def _wrong(lines: Sequence[Binding], path: Path) -> Iterator[str]:
    for one in lines:
        if one.error or (one.key is not None and one.value is None):
            said = one.original.string.strip()
            name = re.match(r"[\w.-]*", said)
            shown = f" ({name[0]} …)" if name and name[0] else ""  # not the value: it may be a password
            yield f"{path}, line {one.original.line}{shown} says nothing: a line is NAME=value, or a comment after #."


def _unknown(lines: Sequence[Binding], path: Path, least_alike: float) -> Iterator[str]:
    known = _known()
    for one in lines:
        if one.key is None or one.key in known or _OTHERS.fullmatch(one.key):
            continue
        near = difflib.get_close_matches(one.key.upper(), known, n=1, cutoff=max(_LIKE, least_alike))
        if least_alike and not near:
            continue
        meant = f": did you mean {near[0]}?" if near else ". `vitals options` lists them."
        yield f"{path}, line {one.original.line}: {one.key} is no option{meant}"


def _known() -> set[str]:
    return every_option() | _OWN
