"""Instruments that were made through the global API: a measurement counts for the application that is served.

An observable instrument that is made in a request or a lifespan is that application's. One that is made elsewhere, as at import,
describes the process: it is known to every application's provider, and observed for the first that has not ended, so that no sum
over applications counts it twice.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, CallbackT, Counter, Histogram, Observation, UpDownCounter, _Gauge
from opentelemetry.util.types import Attributes

from vitals.telemetry import applications
from vitals.telemetry.providers import Providers

_logger = logging.getLogger(__name__)

MadeIn = Callable[[Providers], Any]


class _Routing:
    """Has the instrument of each application, made when it first measures there."""

    def __init__(self, made_in: MadeIn) -> None:
        """made_in: makes the instrument, with the meter of the scope. Raises at once what that raises, as for a wrong name."""
        self._made_in = made_in
        self.instrument()

    def instrument(self) -> Any:
        """The one of the application that is served."""
        providers = applications.served()
        try:
            return providers.instruments[self]
        except KeyError:
            made = providers.instruments[self] = self._made_in(providers)
            return made


class RoutingCounter(_Routing, Counter):
    """A counter."""

    def add(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        """Count for the application that is served."""
        self.instrument().add(amount, attributes, context)


class RoutingUpDownCounter(_Routing, UpDownCounter):
    """A counter that can be lowered."""

    def add(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        """Count for the application that is served."""
        self.instrument().add(amount, attributes, context)


class RoutingHistogram(_Routing, Histogram):
    """A histogram."""

    def record(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        """Record for the application that is served."""
        self.instrument().record(amount, attributes, context)


class RoutingGauge(_Routing, _Gauge):
    """A gauge that is set."""

    def set(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        """Set for the application that is served."""
        self.instrument().set(amount, attributes, context)


@dataclass(frozen=True)
class Observable:
    """An observable instrument that describes the process. create: makes it with callbacks, in one application's provider."""

    create: Callable[[Providers, list[CallbackT]], Any]
    callbacks: list[CallbackT]

    def made_in(self, providers: Providers) -> Any:
        """The instrument there, which observes while that application reports the process."""
        return self.create(providers, [_while_it_reports(providers, callback) for callback in self.callbacks])

    def adopted_by(self, providers: Providers) -> None:
        """Make it for an application that begins; what is wrong with it must not keep the application from beginning."""
        try:
            self.made_in(providers)
        except Exception:
            _logger.exception("An observable instrument could not be made for one more application.")


def repeatable(callbacks: Sequence[CallbackT] | None) -> list[CallbackT]:
    """The same callbacks as plain functions: a generator, which the API takes too, can only be begun once."""
    return [_asking(one) if isinstance(one, Generator) else one for one in callbacks or ()]


def _asking(generator: Generator[Iterable[Observation], CallbackOptions, None]) -> CallbackT:
    next(generator)
    asked = threading.Lock()

    def ask(options: CallbackOptions) -> Iterable[Observation]:
        with asked:
            try:
                return generator.send(options)
            except StopIteration:
                return ()

    return ask


def _while_it_reports(providers: Providers, callback: Any) -> CallbackT:
    def observe(options: CallbackOptions) -> Iterable[Observation]:
        return callback(options) if applications.reports_the_process(providers) else ()

    return observe
