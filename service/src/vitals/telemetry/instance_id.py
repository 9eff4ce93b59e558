"""`service.instance.id`: what tells two sources of the same metrics apart.

Two that share one are one series to every store: their counters interleave, and each change from one to the other looks like a
restart. So no two workers have the same, nor two applications of one process.
"""

from __future__ import annotations

import multiprocessing
import os
import uuid
from collections.abc import Collection

from opentelemetry.sdk.resources import (
    SERVICE_INSTANCE_ID,
    SERVICE_NAME,
    SERVICE_NAMESPACE,
    Resource,
    ServiceInstanceIdResourceDetector,
)

Identity = tuple[object, object, object]

_forked = False
_sdks_id_is_used_in: int | None = None


def _after_fork() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def of_this_process(given: str) -> str:
    """The id that an operator gave, made this worker's own where the process is one of several."""
    return f"{given}.{os.getpid()}" if is_a_worker() else given


def is_a_worker() -> bool:
    """Whether another process started this one to serve: by multiprocessing (uvicorn, Granian), by a fork, or gunicorn."""
    return (
        _forked
        or multiprocessing.parent_process() is not None
        or os.environ.get("SERVER_SOFTWARE", "").lower().startswith("gunicorn")
    )


def identity(resource: Resource) -> Identity:
    """What the semantic conventions want to be unique: namespace, name and instance of a service."""
    said = resource.attributes
    return said.get(SERVICE_NAMESPACE), said.get(SERVICE_NAME), said.get(SERVICE_INSTANCE_ID)


def distinct(resource: Resource, *, taken: Collection[Identity]) -> Resource:
    """The same resource with an instance of its own, whatever else this process serves, now or before.

    An id that somebody gave stays while no other has it (`taken`); a second gets `.2`. The SDK's own, which it makes up once a
    process, is the first application's; each later one gets another: counters that begin again at 0 are a new instance's.
    """
    global _sdks_id_is_used_in
    given = resource.attributes.get(SERVICE_INSTANCE_ID)
    if given is None:
        return resource
    if given == ServiceInstanceIdResourceDetector().detect().attributes[SERVICE_INSTANCE_ID]:
        first, _sdks_id_is_used_in = _sdks_id_is_used_in != os.getpid(), os.getpid()
        return resource if first else resource.merge(Resource({SERVICE_INSTANCE_ID: str(uuid.uuid4())}))
    own, number = resource, 1
    while identity(own) in taken:
        number += 1
        own = resource.merge(Resource({SERVICE_INSTANCE_ID: f"{given}.{number}"}))
    return own
