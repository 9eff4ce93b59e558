"""What compose's one-shot `init` puts into volumes: secrets, Elasticsearch's users, a model, and folders for other users.

In a volume every engine sees the files of all others, so each password belongs to the user of the one container that reads it,
and to the group of our image, whose one-shots and `vitals` verbs read them too.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vitals.host.secrets import Owner, Secrets, User, ensure_random, write_atomically
from vitals.provisioning.elasticsearch_files import write_users

ROOT_USER = ROOT_GROUP = 0
ELASTICSEARCH_USER = KIBANA_USER = 1000
GRAFANA_USER = 472
ALERTMANAGER_USER = 65534
JAEGER_USER = 10001
"""The users that the official images run as; Grafana's is in the group root. The Collector's runs as root here, because container
logs belong to root."""


@dataclass(frozen=True)
class Volumes:
    """Where `init` has the volumes mounted."""

    secrets: Path
    prediction_key: Path
    reader_password: Path
    elasticsearch_users: Path
    model: Path
    jaeger: Path


def prepare(volumes: Volumes, ours: Owner, make_model: Callable[[Path], object]) -> list[str]:
    """Fill the volumes; what is there stays. Gives what was made, in words. Needs to be root, to give files away.

    `ours` is the user and group of our image; `make_model` fills an empty model folder.
    """
    made = []
    secrets = Secrets(volumes.secrets)
    if not secrets.grafana_file.exists():
        made.append("passwords")
    secrets.ensure(grafana=True, prediction_key=False)
    _share(secrets, ours)
    _give_key(volumes.prediction_key / secrets.prediction_key.name, ours)
    _copy(secrets.file("reader"), volumes.reader_password, ours)
    write_users(volumes.elasticsearch_users, secrets)
    _give(volumes.elasticsearch_users, Owner(ELASTICSEARCH_USER, 0), 0o500)
    for file in volumes.elasticsearch_users.iterdir():
        _give(file, Owner(ELASTICSEARCH_USER, 0), 0o400)
    _give(volumes.jaeger, Owner(JAEGER_USER, JAEGER_USER), 0o700)
    if not any(volumes.model.iterdir()):
        make_model(volumes.model)
        made.append("example model")
    return made


def _share(secrets: Secrets, ours: Owner) -> None:
    readers: Mapping[User, int] = {
        "admin": ours.uid,
        "writer": ROOT_USER,
        "reader": GRAFANA_USER,
        "kibana": KIBANA_USER,
        "analyst": ours.uid,
    }
    for user, uid in readers.items():
        _give(secrets.file(user), Owner(uid, ours.gid), 0o440)
    _give(secrets.grafana_file, Owner(GRAFANA_USER, ours.gid), 0o440)
    # Alertmanager hands it to the Collector, Grafana too: by its owner and by the group root.
    _give(secrets.alerts_token, Owner(ALERTMANAGER_USER, ROOT_GROUP), 0o440)
    # Passed through by all, listed by nobody else.
    _give(secrets.folder, Owner(ROOT_USER, ours.gid), 0o751)


def _give_key(file: Path, ours: Owner) -> None:
    """The key of prediction ids, in a volume that has nothing else: the service, which anyone may ask, reads no other secret."""
    ensure_random(file)
    _give(file, ours, 0o400)
    _give(file.parent, ours, 0o500)


def _copy(password: Path, folder: Path, ours: Owner) -> None:
    """One password in a volume that has nothing else: the canary talks to every part of the stack, and reads no other."""
    copy = folder / password.name
    if not copy.exists() or copy.read_text() != password.read_text():
        write_atomically(copy, password.read_text(), mode=0o400)
    _give(copy, ours, 0o400)
    _give(folder, ours, 0o500)


def _give(path: Path, owner: Owner, mode: int) -> None:
    """Set owner and mode where they differ: a start that changes nothing touches nothing."""
    found = path.stat()
    if (found.st_uid, found.st_gid) != (owner.uid, owner.gid):
        shutil.chown(path, owner.uid, owner.gid)
    if found.st_mode & 0o7777 != mode:
        os.chmod(path, mode)  # noqa: PTH101 - beside chown, which pathlib lacks
