"""`vitals serve`: the model service itself."""

from __future__ import annotations

from vitals.settings.service import Settings


def serve() -> None:
    """Serve the model of MODEL_DIR in the foreground; every option is an environment variable (see docs/options.md)."""
    from vitals.serving.server import serve as run

    run(Settings.load())
