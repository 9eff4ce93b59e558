"""What all options share: they come from the environment, and what is wrong with one is a sentence."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from vitals.checkout import NAME, ROOT
from vitals.errors import SettingsError

Port = Annotated[int, Field(ge=1024, le=65535)]
Days = Annotated[str, Field(pattern=r"^[1-9][0-9]*[hd]$")]
AlertWindows = Literal["production", "demo"]
Age = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,7}[smhd]$")]
Timeout = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,5}(ms|s|m)$")]
Interval = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,4})[smh]$")]


@dataclass(frozen=True)
class ReadBy:
    """On an option's type: the one group of the stack that reads it, so that no other starts anew where it changes."""

    group: str


def home_of(kind: Literal["cache", "state"]) -> Path:
    """Where a user's caches and states live: the XDG folders, or the system's for root.

    Root has folders of its own because Elasticsearch refuses to run as root, and the user that it then runs as can't
    look into root's home.
    """
    variable, in_home, for_root = {
        "cache": ("XDG_CACHE_HOME", ".cache", "/var/cache"),
        "state": ("XDG_STATE_HOME", ".local/state", "/var/lib"),
    }[kind]
    chosen = os.environ.get(variable)
    if chosen:
        return Path(chosen) / "vitals"
    return Path(for_root if os.geteuid() == 0 else Path.home() / in_home) / "vitals"


def default_state_dir() -> Path:
    """One folder a checkout or environment, so that two of them do not share data or secrets."""
    return home_of("state") / f"{NAME}-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]}"


class Options(BaseSettings):
    """What all options share: they come from the environment, and what is wrong with one is a sentence."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    @field_validator("*", mode="after")
    @classmethod
    def _folders_are_absolute(cls, value: Any) -> Any:
        """A folder means the same to every process, wherever it runs; `~` is as common in .env as in a shell."""
        return value.expanduser().absolute() if isinstance(value, Path) else value

    @classmethod
    def read_by(cls, group: str) -> set[str]:
        """The variables of the options that are marked as read by that group alone."""
        return {name.upper() for name, field in cls.model_fields.items() if ReadBy(group) in field.metadata}

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Read the options from the environment; `given` wins over it.

        Raises SettingsError with a sentence for each option that is wrong.
        """
        try:
            return cls(**given)
        except ValidationError as wrong:
            raise SettingsError([_sentence(dict(error)) for error in wrong.errors()]) from None


def _sentence(error: dict[str, Any]) -> str:
    name = "_".join(str(part) for part in error["loc"]).upper()
    reason = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    if not name:
        return f"{reason}."
    value = "" if isinstance(error.get("input"), dict) else f" (it is {error.get('input')!r})"
    return f"{name} is wrong: {reason}{value}."
