"""Everything that this project raises on purpose.

VitalsError
├── SettingsError           an option is wrong: the sentence names it
├── ExtraMissing            a part of the package that a verb needs is not installed
├── WrongCheckout           the command was started for another checkout, or the data are another's
├── ModelError              a model's folder can't be served
│   ├── ModelMissing        no artefact where MODEL_DIR points
│   └── ModelMismatch       the artefact is not the one its metadata describes
├── DataError               reference data that no profile can be made from: the sentence names the column
├── ReportError             no report can be made: nothing was logged, or what draws it is missing
├── ServiceProblem          a request can't be answered: becomes problem details (RFC 9457)
│   ├── InvalidInput        422: the input is not what the model takes; says what is wrong with each field
│   ├── LabelProblem        403, 409, 410 or 422: one label that is not counted
│   ├── NotThisModel        404: another model, or another version, was asked for
│   ├── NotReady            503: the model is still being loaded, or could not be
│   ├── Overloaded          503: more rows wait than the limit allows
│   └── ModelTimeout        503: the model's answer did not come in time
└── StackError              the engines can't be started, asked or stopped
    ├── PreflightError      a tool, a port, memory or disk is missing: said before anything starts
    ├── BuildError          an engine could not be built or fetched
    └── NotRunning          the stack, or the part that was asked for, is not running

Each message is one sentence that a person can act on; the command line prints it and ends with status 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class VitalsError(Exception):
    """The root: whoever catches it gets a sentence for a person, never a traceback."""


class SettingsError(VitalsError):
    """One or more options are wrong."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self.sentences = tuple(sentences)
        super().__init__("\n".join(sentences))


class ExtraMissing(VitalsError):
    """An extra of the package that the verb needs is not installed: the sentence has the command that installs it."""


class WrongCheckout(VitalsError):
    """The command was started for another checkout than its own, or the data that it would use are another's."""


class ModelError(VitalsError):
    """A model's folder can't be served."""


class ModelMissing(ModelError):
    """There is no artefact, or no metadata, where MODEL_DIR points."""


class ModelMismatch(ModelError):
    """The artefact is not the one that its metadata describes, or not one that may be loaded."""


class DataError(VitalsError):
    """Reference data can't be read, or no profile can be made from them."""


class ReportError(VitalsError):
    """No report can be made of what was logged."""


class ServiceProblem(VitalsError):
    """A request can't be answered; `status` and `title` go into the problem details."""

    status = 500
    title = "Internal Server Error"
    retry_after_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class WrongField:
    """One field of a refused request: where it is, why it was refused, and that as a sentence; never its value."""

    field: str
    reason: str
    message: str


class InvalidInput(ServiceProblem):
    """The input is not what the model takes."""

    status = 422
    title = "Invalid Input"

    def __init__(self, fields: Sequence[WrongField], counted: Mapping[tuple[str, str], int]) -> None:
        """`fields` may be the first of many; `counted` has all: how often each feature failed for each reason."""
        self.fields = tuple(fields)
        self.counted = dict(counted)
        named = ", ".join(dict.fromkeys(field.field for field in fields))
        super().__init__(f"The input was refused: {named}.")


class LabelProblem(ServiceProblem):
    """A label that is not counted; its title names the reason by which it was counted as a refusal."""

    def __init__(self, status: int, reason: str, sentence: str) -> None:
        self.status = status
        self.title = f"Label {reason.replace('_', ' ').title()}"
        super().__init__(sentence)


class NotThisModel(ServiceProblem):
    """Another model, or another version of it, was asked for."""

    status = 404
    title = "Not This Model"


class NotReady(ServiceProblem):
    """The model is still being loaded, or could not be."""

    status = 503
    title = "Not Ready"
    retry_after_seconds = 1


class Overloaded(ServiceProblem):
    """More rows wait for the model than the limit allows."""

    status = 503
    title = "Overloaded"
    retry_after_seconds = 1


class ModelTimeout(ServiceProblem):
    """The model's answer did not come within PREDICT_TIMEOUT, or an earlier call hangs."""

    status = 503
    title = "Model Timeout"
    retry_after_seconds = 5

    def __init__(self, sentence: str, *, asked: bool) -> None:
        """asked: whether the model had been asked for the rows when their time was over."""
        self.asked = asked
        super().__init__(sentence)


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


def first_line(wrong: BaseException) -> str:
    """The first line of what an exception of somebody's library says, for a sentence of ours; empty where it says nothing."""
    return next(iter(str(wrong).strip().splitlines()), "")
