"""What long steps tell while they run; the command line draws it, tests collect it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told about steps from any thread; a step's name is unique while it runs."""

    def start(self, step: str, usual_seconds: float) -> None:
        """A step begins; so long it usually takes."""

    def note(self, step: str, text: str) -> None:
        """What a running step is doing now."""

    def done(self, step: str, text: str = "done") -> None:
        """A step ended well."""

    def failed(self, step: str, text: str = "failed") -> None:
        """A step ended badly, or was stopped; the error follows as an exception."""


class Silent:
    """Says nothing."""

    def start(self, step: str, usual_seconds: float) -> None: ...

    def note(self, step: str, text: str) -> None: ...

    def done(self, step: str, text: str = "done") -> None: ...

    def failed(self, step: str, text: str = "failed") -> None: ...
