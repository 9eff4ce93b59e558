"""`vitals serve`: the model service itself."""

from __future__ import annotations

from vitals.settings import Settings


def serve() -> None:
    """Serve the model of MODEL_DIR in the foreground; every option is an environment variable (see docs/options.md)."""
    from vitals.server import serve as run

    run(Settings.load())
