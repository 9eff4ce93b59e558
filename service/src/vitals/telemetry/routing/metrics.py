"""The global meter provider: measurements go to the application that is served."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from opentelemetry.metrics import (
    CallbackT,
    Counter,
    Histogram,
    Meter,
    NoOpMeter,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    UpDownCounter,
    _Gauge,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.util.types import Attributes

from vitals.telemetry import applications
from vitals.telemetry.providers import Providers
from vitals.telemetry.routing.instruments import (
    MadeIn,
    Observable,
    RoutingCounter,
    RoutingGauge,
    RoutingHistogram,
    RoutingUpDownCounter,
    repeatable,
)
from vitals.telemetry.routing.scopes import of_scope

_logger = logging.getLogger(__name__)

Made = TypeVar("Made")


class RoutingMeter(Meter):
    """A meter of one scope."""

    def __init__(self, describes: Callable[[Any, Observable], Any], *scope: Any) -> None:
        """describes: keeps an observable that describes the process, and gives its instrument; scope: as `get_meter` takes it."""
        super().__init__(*scope[:3])
        self._scope = scope
        self._describes = describes
        self._made: dict[Any, Any] = {}

    def create_counter(self, name: str, unit: str = "", description: str = "") -> Counter:
        """As the API has it."""
        return self._instrument(RoutingCounter, "create_counter", name, unit, description)

    def create_up_down_counter(self, name: str, unit: str = "", description: str = "") -> UpDownCounter:
        """As the API has it."""
        return self._instrument(RoutingUpDownCounter, "create_up_down_counter", name, unit, description)

    def create_gauge(self, name: str, unit: str = "", description: str = "") -> _Gauge:
        """As the API has it."""
        return self._instrument(RoutingGauge, "create_gauge", name, unit, description)

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> Histogram:
        """As the API has it."""
        advised = {"explicit_bucket_boundaries_advisory": explicit_bucket_boundaries_advisory}
        return self._instrument(RoutingHistogram, "create_histogram", name, unit, description, **advised)

    def create_observable_counter(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> ObservableCounter:
        """As the API has it."""
        made: ObservableCounter = self._observable("create_observable_counter", name, callbacks, unit, description)
        return made

    def create_observable_gauge(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> ObservableGauge:
        """As the API has it."""
        made: ObservableGauge = self._observable("create_observable_gauge", name, callbacks, unit, description)
        return made

    def create_observable_up_down_counter(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> ObservableUpDownCounter:
        """As the API has it."""
        made: ObservableUpDownCounter = self._observable("create_observable_up_down_counter", name, callbacks, unit, description)
        return made

    def _meter(self, providers: Providers) -> Meter:
        if providers.ended:  # the SDK would warn at each
            return NoOpMeter(*self._scope[:3])
        return providers.meter_provider.get_meter(*self._scope)

    def _instrument(self, made: Callable[[MadeIn], Made], create: str, *said: str, **advised: Any) -> Made:
        """The same again for the same words, as the SDK does."""
        key = (create, *said)
        if key not in self._made:
            self._made[key] = made(lambda providers: getattr(self._meter(providers), create)(*said, **advised))
        instrument: Made = self._made[key]
        return instrument

    def _observable(self, create: str, name: str, callbacks: Sequence[CallbackT] | None, unit: str, description: str) -> Any:
        def made(providers: Providers, observing: list[CallbackT]) -> Any:
            return getattr(self._meter(providers), create)(name, observing, unit=unit, description=description)

        telemetry = applications.current.get()
        if telemetry is not None and telemetry.providers is not None:
            return made(telemetry.providers, repeatable(callbacks))
        return self._describes((*map(str, self._scope), create, name, unit, description), Observable(made, repeatable(callbacks)))


class RoutingMeterProvider(MeterProvider):
    """What `metrics.get_meter_provider()` gives."""

    def __init__(self) -> None:
        super().__init__(resource=Resource.get_empty(), shutdown_on_exit=False)
        self._routing: dict[Any, RoutingMeter] = {}
        self._observables: dict[Any, tuple[Observable, Any]] = {}
        self._describing = threading.Lock()

    def get_meter(
        self, name: str, version: str | None = None, schema_url: str | None = None, attributes: Attributes = None
    ) -> RoutingMeter:
        """A meter for any application; the same one for the same scope."""
        return of_scope(self._routing, partial(RoutingMeter, self._describes), name, version, schema_url, attributes)

    def adopt(self, providers: Providers) -> None:
        """Give a new application what describes the process."""
        with self._describing:
            for observable, _ in self._observables.values():
                observable.adopted_by(providers)

    def add_metric_reader(self, metric_reader: MetricReader) -> None:
        """Let it read the application that is served: a reader has one provider."""
        applications.served().meter_provider.add_metric_reader(metric_reader)

    def remove_metric_reader(self, metric_reader: MetricReader) -> None:
        """End what `add_metric_reader` began."""
        applications.served().meter_provider.remove_metric_reader(metric_reader)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Of every application."""
        flushed = [one.meter_provider.force_flush(timeout_millis) for one in applications.present()]
        return all(flushed)

    def shutdown(self, timeout_millis: float = 30_000) -> None:
        """Flush. Each application's provider ends with its application."""
        try:
            self.force_flush(timeout_millis)
        except Exception:  # the SDK's own way to say that it took too long
            _logger.warning("The metrics were not flushed.", exc_info=True)

    def _describes(self, key: Any, observable: Observable) -> Any:
        # Not `applications.changing`: the API's proxies ask with a lock that a start waits for. An application that begins
        # meanwhile may be asked twice, which the SDK takes for once.
        with self._describing:
            if key not in self._observables:
                served = applications.served()
                self._observables[key] = (observable, observable.made_in(served))
                for providers in applications.present():
                    if providers is not served:
                        observable.adopted_by(providers)
            return self._observables[key][1]
