"""Everything that this project raises on purpose.

VitalsError
├── SettingsError           an option is wrong: the sentence names it
├── ModelError              a model's folder can't be served
│   ├── ModelMissing        no artefact where MODEL_DIR points
│   └── ModelMismatch       the artefact is not the one its metadata describes
├── ServiceProblem          a request can't be answered: becomes problem details (RFC 9457)
│   ├── NotReady            503: the model is still being loaded
│   └── Overloaded          503: more requests wait than the limit allows
└── StackError              the engines can't be started, asked or stopped
    ├── PreflightError      a tool, a port, memory or disk is missing: said before anything starts
    ├── BuildError          an engine could not be built or fetched
    └── NotRunning          the stack, or the part that was asked for, is not running

Each message is one sentence that a person can act on; the command line prints it and ends with status 2.
"""

from __future__ import annotations

from collections.abc import Sequence


class VitalsError(Exception):
    """The root: whoever catches it gets a sentence for a person, never a traceback."""


class SettingsError(VitalsError):
    """One or more options are wrong."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self.sentences = tuple(sentences)
        super().__init__("\n".join(sentences))


class ModelError(VitalsError):
    """A model's folder can't be served."""


class ModelMissing(ModelError):
    """There is no artefact, or no metadata, where MODEL_DIR points."""


class ModelMismatch(ModelError):
    """The artefact is not the one that its metadata describes, or not one that may be loaded."""


class ServiceProblem(VitalsError):
    """A request can't be answered; `status` and `title` go into the problem details."""

    status = 500
    title = "Internal Server Error"
    retry_after_seconds: int | None = None


class NotReady(ServiceProblem):
    """The model is still being loaded."""

    status = 503
    title = "Not Ready"
    retry_after_seconds = 1


class Overloaded(ServiceProblem):
    """More requests wait for the model than the limit allows."""

    status = 503
    title = "Overloaded"
    retry_after_seconds = 1


class StackError(VitalsError):
    """The engines can't be started, asked or stopped."""


class PreflightError(StackError):
    """Something the stack needs is missing; nothing was started. One sentence for each thing."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self.sentences = tuple(sentences)
        super().__init__("\n".join(sentences))


class BuildError(StackError):
    """An engine could not be built or fetched; the message names its log."""


class NotRunning(StackError):
    """The stack, or the part of it that was asked for, is not running."""
