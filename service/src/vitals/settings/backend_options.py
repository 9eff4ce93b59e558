"""The options that backends bring, as fields of the settings: a new backend's row is enough, no class of settings changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, create_model

from vitals.backend_rows.row import Option
from vitals.settings.options import Options, Port

_Settings = TypeVar("_Settings", bound=Options)


def with_backends(options: Iterable[Option]) -> Callable[[type[_Settings]], type[_Settings]]:
    """A class decorator: the settings with a field for each of these options, after their own."""
    fields: dict[str, Any] = {one.name.lower(): (_type(one), Field(one.default, description=one.why)) for one in options}

    def extended(settings: type[_Settings]) -> type[_Settings]:
        return create_model(
            settings.__name__, __base__=settings, __module__=settings.__module__, __doc__=settings.__doc__, **fields
        )

    return extended


def _type(option: Option) -> Any:
    if option.is_port:
        return Port
    return Path | None if option.is_file else str
