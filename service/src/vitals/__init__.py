"""Vitals: metrics, traces and logs of a model service, joined by trace id.

from vitals import instrument
instrument(app, service_name="orders")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitals.version import __version__

if TYPE_CHECKING:
    from vitals.app import create_app as create_app
    from vitals.settings.service import Settings as Settings
    from vitals.telemetry import instrument as instrument

__all__ = ["Settings", "__version__", "create_app", "instrument"]


def __getattr__(name: str) -> object:
    """Load a public name when it is asked for: `instrument` needs nothing of scikit-learn."""
    if name == "create_app":
        from vitals.app import create_app

        return create_app
    if name == "Settings":
        from vitals.settings.service import Settings

        return Settings
    if name == "instrument":
        from vitals.otel_variables import wrong_for_imports

        if wrong := wrong_for_imports():
            raise ValueError("\n".join(wrong))  # OpenTelemetry's own, when it is imported, names no variable
        from vitals.telemetry import instrument

        return instrument
    raise AttributeError(f"module 'vitals' has no attribute {name!r}")
