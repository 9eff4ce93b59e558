"""The native stack: starts, watches and stops its groups of engines, and tells how they are."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from vitals.backends import backend_table, collector_validation, queue_drain
from vitals.engines.cache import Engines
from vitals.engines.java import find_jdk
from vitals.engines.recipes import load_recipes
from vitals.errors import StackError
from vitals.host.permissions import let_through
from vitals.host.processes import marked, stack_of
from vitals.host.progress import Progress, Silent
from vitals.host.secrets import Secrets, make_private_folder, write_atomically
from vitals.orchestration import preflight, stored_data
from vitals.orchestration.environment import settings_digest, stack_environment, with_inherited
from vitals.orchestration.failure_sentences import sentence_of_a_failed_start, sentence_of_a_late_start
from vitals.orchestration.groups import GROUPS, SERVERS, GroupName, Target, members, waves
from vitals.orchestration.start_plan import StartPlan, start_plan
from vitals.orchestration.status import components
from vitals.orchestration.supervisor import GRACE_SECONDS, Supervisor
from vitals.provisioning import alertmanager_files, elasticsearch_files, prometheus_files
from vitals.provisioning.data_owner import DataOwner, data_owner
from vitals.settings.service import Settings
from vitals.settings.stack import StackSettings

USUAL_SECONDS = {
    "elasticsearch": 20,
    "elasticsearch-setup": 3,
    "prometheus": 2,
    "jaeger": 3,
    "node_exporter": 1,
    "victorialogs": 1,
    "alertmanager": 1,
    "collector": 3,
    "canary": 1,
    "service": 6,
}
"""From its start to ready, on 2 cores."""

READY_WITHIN_SECONDS = 240

_LOCK = ".lock"

_MODEL_STEP = "example model"


class NativeStack:
    """One checkout's stack; its state folder tells it from others."""

    def __init__(
        self,
        settings: StackSettings,
        service: Settings,
        env: Mapping[str, str] = os.environ,
        make_model: Callable[[Path], object] | None = None,
    ) -> None:
        """`make_model` fills the served model's folder; it is called before the service starts, where there is no model yet."""
        self.settings = settings
        self.service = service
        self.env = env
        self.make_model = make_model
        self.state = settings.vitals_state_dir
        self.ident = stack_of(self.state)
        self.collector = self.state / "collector"
        self.queues = queue_drain.planned(queue_drain.read(self.collector), settings)
        self.engines = Engines(settings.vitals_cache_dir, load_recipes(backends=self._servers()))
        self.secrets = Secrets(self.state / "secrets")
        self.supervisors = {name: Supervisor(self.ident, name, self.state) for name in GROUPS}

    def up(self, target: Target = "all", progress: Progress | None = None) -> list[GroupName]:
        """Start what is not running and wait until it is ready; gives the groups that were started.

        If that fails or is interrupted, what was started is stopped. Raises WrongCheckout where the data are another checkout's,
        PreflightError before anything starts, BuildError, or StackError with what the process that failed said.
        """
        with self._locked():
            self.owner().take()
            return self._bring_up(target, self._outdated(target), progress or Silent())

    def down(self, target: Target = "all", *, volumes: bool = False, progress: Progress | None = None) -> list[GroupName]:
        """Stop the groups, the senders first; gives those that were running. No process of theirs is left.

        With `volumes`, their data go too; with all of them also the secrets, the logs and the model. Engines stay in the cache.
        Raises WrongCheckout where the data are another checkout's, or, with `volumes`, where nothing says that they are ours.
        """
        with self._locked(deleting=volumes):
            running = self._running(target)
            self._stop_in_order(running, progress or Silent())
            if volumes:
                stored_data.delete(self.state, target)
                if target == "all":
                    self.owner().forget()
        return running

    def restart(self, target: Target = "all", *, volumes: bool = False, progress: Progress | None = None) -> None:
        """Stop and start the groups, with the options of now; nothing is stopped where they could not start again.

        Raises what `up` raises.
        """
        with self._locked(deleting=volumes):
            self.owner().take()
            self._bring_up(target, self._running(target), progress or Silent(), volumes=volumes)

    def _bring_up(self, target: Target, anew: Sequence[GroupName], told: Progress, *, volumes: bool = False) -> list[GroupName]:
        """Start what does not run and, after stopping them, the groups to start `anew`; gives all that were started."""
        running = self._running(target)
        wanted = members(target, self._servers())
        plan = start_plan(wanted, running=running, anew=anew, deletes_data=volumes)
        self._check(plan.start, running, told)
        self._stop_in_order(plan.stop_first, told)
        if volumes:
            stored_data.delete(self.state, target)
        self._carry_out(plan, told)
        if "collector" in wanted and self.queues.waiting:
            self.queues = queue_drain.emptied(self.queues, self.settings, self.collector, told)
        self._stop_in_order([name for name in running if name not in members(target, self._servers())], told)
        return plan.start

    def _check(self, to_start: Sequence[GroupName], running: Sequence[GroupName], told: Progress) -> None:
        """Raises where the groups could not start, while nothing has been stopped; builds the engines that are missing."""
        if not to_start:
            return
        preflight.check(
            self.settings,
            missing=self.engines.missing(),
            to_start=to_start,
            running=running,
            stack=self.ident,
            env=self.env,
        )
        self.engines.ensure(told)
        if "collector" in to_start and "collector" in running:
            environment = with_inherited(self.environment(), self.env)
            collector_validation.must_start(self.engines.binary("otelcol"), self.settings, environment)

    def _carry_out(self, plan: StartPlan, told: Progress) -> None:
        """Prepare, then stop, start and wait, wave by wave; what was started is stopped where that fails."""
        started: list[GroupName] = []
        with self._undone_on_failure(started):
            if plan.start:
                self._prepare(plan.start, told)
            for wave in plan.waves:
                self._stop_in_order(wave.stop, told)
                for name in wave.start:
                    started.append(name)
                    self._start(name)
                self._wait_until_ready(wave.groups, told, new=plan.start)

    def owner(self) -> DataOwner:
        """Whose the data are that this stack would use."""
        return data_owner(self.state, marked(self.ident))

    def _running(self, target: Target) -> list[GroupName]:
        return [name for name in members(target) if self.supervisors[name].running()]

    def _servers(self) -> set[backend_table.Server]:
        return backend_table.servers(self.settings) | queue_drain.servers(self.queues, self.settings)

    def environment(self) -> dict[str, str]:
        """What the processes of the stack find in their environment, beside what they inherit."""
        jdk = find_jdk(self.settings.vitals_java_home, self.env)
        home = jdk.home if jdk else Path("no-jdk-found")
        more = queue_drain.arguments(self.collector, self.queues)
        return stack_environment(self.settings, self.service, self.engines, home, self.env, more)

    def _prepare(self, to_start: Sequence[GroupName], told: Progress) -> None:
        """Folders, secrets and configuration files, for all groups, since they know of one another; and a model to serve."""
        self.state.mkdir(parents=True, exist_ok=True)
        self.secrets.ensure()
        for folder in ("logs", "collector", "collector/queue", "jaeger", *SERVERS):
            make_private_folder(self.state / folder)
        if "elk" in to_start:
            # Not under one that runs: it watches its files, and takes one that is not its own yet for a loss of all roles.
            elasticsearch_files.prepare(self.settings, self.engines.folder("elasticsearch"), self.secrets)
        prometheus_files.prepare(self.state / "prometheus", self.environment(), self.settings.alert_windows)
        alertmanager_files.prepare(self.state / "alertmanager", self.settings.alerts_port)
        model = self.state / "model"
        if "service" in to_start and self.make_model and self.service.model_dir is None and not any(model.glob("*")):
            told.start(_MODEL_STEP, 3)
            self.make_model(model)
            told.done(_MODEL_STEP, "trained")

    def _start(self, name: GroupName) -> None:
        environment = self.environment()
        if name == "collector":
            queue_drain.write(self.collector, self.queues)
        log = self.state / "logs" / f"process-compose-{name}.log"
        self.supervisors[name].start(self.engines.binary("process-compose"), with_inherited(environment, self.env), log)
        write_atomically(self._digest_file(name), self._digest(name, environment))

    def _stop_in_order(self, names: Sequence[GroupName], progress: Progress) -> None:
        for wave in reversed(waves(names)):
            with ThreadPoolExecutor(len(wave)) as side_by_side:
                for done in [side_by_side.submit(self._stop_one, name, progress) for name in wave]:
                    done.result()

    def _stop_one(self, name: GroupName, progress: Progress) -> None:
        step = f"stop {name}"
        progress.start(step, 5)
        self.supervisors[name].stop(GRACE_SECONDS + 2 * self.service.shutdown_grace_seconds)
        progress.done(step, "stopped")

    def _outdated(self, target: Target) -> list[GroupName]:
        """Groups that run with other options than those of now, or in part only, or whose supervisor is gone."""
        running = [name for name in self._running(target) if name in members(target, self._servers())]
        environment = self.environment() if running else {}
        return [name for name in running if not self._is_well(name, self._digest(name, environment))]

    def _is_well(self, name: GroupName, digest: str) -> bool:
        known = self._digest_file(name).read_text() if self._digest_file(name).exists() else ""
        supervisor = self.supervisors[name]
        return known == digest and supervisor.alive() and not any(state.failed for state in supervisor.states())

    def _digest(self, name: GroupName, environment: Mapping[str, str]) -> str:
        """Of the options that a group was started with; the rules' windows are Prometheus's alone."""
        own = {"ALERT_WINDOWS": self.settings.alert_windows} if name == "prom-graf" else {}
        return settings_digest({**environment, **own}, self.env, name)

    def _digest_file(self, name: GroupName) -> Path:
        return self.state / "logs" / f".options-of-{name}"

    def _wait_until_ready(self, names: Sequence[GroupName], progress: Progress, *, new: Sequence[GroupName]) -> None:
        """Watch the groups' processes until each is ready.

        Raises StackError when one ends, or is not ready in time.
        """
        seen: set[str] = set()
        ready: set[str] = set()
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while True:
            waiting: list[str] = []
            for name in names:
                states = self.supervisors[name].states()
                if not states:
                    raise StackError(f"{name} ended while it was being started; see {self.state / 'logs'}.")
                for state in states:
                    if state.failed:
                        progress.failed(state.name)
                        said, log = self.supervisors[name].said(state.name), self.state / "logs" / f"{state.name}.log"
                        raise StackError(sentence_of_a_failed_start(state.name, said, log))
                    if state.name not in seen and state.status != "Pending":
                        seen.add(state.name)
                        if name in new or not state.ready:
                            progress.start(state.name, USUAL_SECONDS.get(state.name, 5))
                    if state.ready and state.name not in ready:
                        progress.done(state.name, "ready")
                        ready.add(state.name)
                    if not state.ready:
                        waiting.append(state.name)
            if not waiting:
                return
            if time.monotonic() > deadline:
                asked, logs = components(self.settings, self.service), self.state / "logs"
                raise StackError(sentence_of_a_late_start(waiting, asked, READY_WITHIN_SECONDS, logs))
            time.sleep(0.1)

    @contextlib.contextmanager
    def _undone_on_failure(self, started: Sequence[GroupName]) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._stop_in_order(started, Silent())
            raise

    @contextlib.contextmanager
    def _locked(self, *, deleting: bool = False) -> Iterator[None]:
        """One start or stop at a time, of our own stack only; the lock goes with the process that holds it."""
        owner = self.owner()
        owner.must_not_be_another()
        if deleting:
            owner.must_be_known()
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            if elasticsearch_files.owner():
                let_through(self.state)
            lock = (self.state / _LOCK).open("w")
        except OSError as wrong:
            raise StackError(f"VITALS_STATE_DIR ({self.state}) can't be used: {wrong.strerror}. Choose another folder.") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StackError("Another `vitals` command is starting or stopping this stack: wait until it is done.") from None
            yield
