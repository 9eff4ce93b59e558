"""Which configuration files the Collector is started with for which choice of backends."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from vitals.backends.backend_table import SIGNALS, Signal, chosen
from vitals.configuration import CONFIGURATION
from vitals.errors import SettingsError
from vitals.settings.stack import StackSettings

OwnLogs = Literal["engine-logs", "container-logs"]
"""The file of inputs/ that follows the stack's own logs: natively the engines', in compose the containers'."""

__all__ = ["FOLDER", "SIGNALS", "OwnLogs", "Signal", "arguments", "available", "config_files"]

FOLDER = CONFIGURATION / "otel-collector"


def available(signal: Signal, folder: Path = FOLDER) -> list[str]:
    """The backends that a signal can be sent to, sorted: the files of backends/SIGNAL, without `.yaml`."""
    return sorted(file.stem for file in (folder / "backends" / signal).glob("*.yaml"))


def config_files(settings: StackSettings, folder: Path = FOLDER, own_logs: OwnLogs = "engine-logs") -> list[Path]:
    """The Collector's `--config` files, in order: the part that never changes, one a signal, and the inputs.

    `folder` is otel-collector, here or where a container has it mounted.
    Raises SettingsError with a sentence for each backend that does not exist, listing those that do.
    """
    wrong = [
        f"{signal.upper()}_BACKEND is wrong: there is no backend {name!r} for {signal}; "
        f"there are {', '.join(available(signal, folder))}."
        for signal, name in chosen(settings).items()
        if name not in available(signal, folder)
    ]
    if wrong:
        raise SettingsError(wrong)
    files = [folder / "config.yaml"]
    files += [folder / "backends" / signal / f"{name}.yaml" for signal, name in chosen(settings).items()]
    files += [folder / "inputs" / f"{name}.yaml" for name in ("alerts", own_logs)]
    if settings.log_files:
        files.append(folder / "inputs" / "log-files.yaml")
    return files


def arguments(settings: StackSettings, folder: Path = FOLDER, own_logs: OwnLogs = "engine-logs") -> list[str]:
    """`config_files` as the Collector's arguments."""
    return [argument for file in config_files(settings, folder, own_logs) for argument in ("--config", str(file))]
