"""What the routes share, made once when the application starts."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from vitals.bundle.model_card import ModelFacts
from vitals.bundle.schema import Profile
from vitals.errors import NotReady
from vitals.model.batcher import Batcher
from vitals.model_events.recorder import Recorder, RequestContext
from vitals.monitoring.model_monitoring import ModelMonitoring


@dataclass(slots=True)
class State:
    """The model's facts and profile, the seam to telemetry, the monitoring counters; the batcher once the model is loaded.

    runtime: what answers, a library with its version, once the model is loaded.
    unloadable: why the model could not be loaded, as a sentence.
    canaries: how many requests to `/health/canary` this process has answered.
    """

    facts: ModelFacts
    profile: Profile
    recorder: Recorder
    monitoring: ModelMonitoring
    instances_max: int
    request_max_bytes: int
    log_features: bool
    batcher: Batcher[RequestContext] | None = None
    runtime: str = ""
    unloadable: str = ""
    canaries: int = 0

    @property
    def ready_batcher(self) -> Batcher[RequestContext]:
        """The batcher. Raises NotReady while the model is being loaded, and where it could not be."""
        if self.batcher is None:
            raise NotReady(self.unloadable or f"The model {self.facts.name} {self.facts.version} is still being loaded.")
        return self.batcher

    def check_ready(self) -> None:
        """Raises NotReady where predictions can't be asked for: there is no model yet, or a call of it hangs."""
        hangs = self.ready_batcher.hangs_for()
        if hangs:
            raise NotReady(f"The model {self.facts.name} has not answered for {hangs:.0f} s.")


def state_of(request: Request) -> State:
    """The application's state."""
    state: State = request.app.state.vitals
    return state
