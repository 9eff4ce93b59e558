"""Elasticsearch's folders in the state folder: its configuration, its users, and who may read them."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

import bcrypt

from vitals.configuration import CONFIGURATION
from vitals.host.secrets import USERS, Owner, Secrets, User, make_private_folder, write_atomically
from vitals.settings.stack import StackSettings

SOURCES = CONFIGURATION / "elk" / "elasticsearch"

ROLES: dict[User, tuple[str, ...]] = {
    "admin": ("superuser",),
    "writer": ("telemetry_writer",),
    "reader": ("telemetry_reader",),
    "kibana": ("kibana_system",),
    "analyst": ("kibana_admin", "telemetry_reader"),
}


def run_as() -> tuple[str, ...]:
    """What Elasticsearch is started with where root starts the stack: it refuses to run as root. Empty for other users."""
    other = owner()
    return ("setpriv", "--reuid", str(other.uid), "--regid", str(other.gid), "--clear-groups") if other else ()


_JVM_OPTIONS = (
    # It would keep failing to copy the built-in roles into an index whose analysis module this distribution lacks.
    "-Des.queryable_built_in_roles_enabled=false",
)
_OF_ITS_VERSION = ("jvm.options", "log4j2.properties")
_BCRYPT_ROUNDS = 10  # Elasticsearch's own default; the passwords have 256 random bits, so more would only slow the first request


def owner() -> Owner | None:
    """Who Elasticsearch runs as, where that is not whom we run as."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Owner(nobody.pw_uid, nobody.pw_gid)


def prepare(settings: StackSettings, distribution: Path, secrets: Secrets) -> Path:
    """Make the folders and write the configuration; gives Elasticsearch's folder in the state folder.

    `distribution` is the unpacked server, for the files that belong to its version; elk/elasticsearch has the rest.
    What Elasticsearch itself keeps in config/ (its keystore) stays.
    """
    theirs = owner()
    home = settings.vitals_state_dir / "elasticsearch"
    home.mkdir(parents=True, exist_ok=True)
    for name in ("config", "data", "logs", "tmp"):
        make_private_folder(home / name)
    config = home / "config"
    (config / "jvm.options.d").mkdir(exist_ok=True)
    for source in [*sorted(SOURCES.glob("*.yml")), *(distribution / "config" / name for name in _OF_ITS_VERSION)]:
        write_atomically(config / source.name, source.read_text(), mode=0o640)
    options = [f"-Xms{settings.elasticsearch_heap}", f"-Xmx{settings.elasticsearch_heap}", *_JVM_OPTIONS]
    write_atomically(config / "jvm.options.d" / "vitals.options", "\n".join(options) + "\n", mode=0o640)
    write_users(config, secrets)
    if theirs:
        _give(home, theirs)
    return home


def write_users(config: Path, secrets: Secrets) -> None:
    """Write the file realm's two files, `users` and `users_roles`, from the secrets."""
    users = config / "users"
    known = dict(line.split(":", 1) for line in users.read_text().split()) if users.exists() else {}
    hashes = {user: _hash(secrets.password(user), known.get(user)) for user in USERS}
    if hashes != known:
        write_atomically(users, "".join(f"{user}:{hashed}\n" for user, hashed in hashes.items()), mode=0o600)
    holders: dict[str, list[str]] = {}
    for user, roles in ROLES.items():
        for role in roles:
            holders.setdefault(role, []).append(user)
    lines = "".join(f"{role}:{','.join(names)}\n" for role, names in holders.items())
    write_atomically(config / "users_roles", lines, mode=0o600)


def _hash(password: str, known: str | None) -> str:
    """The known hash where it still fits, so that a restart changes nothing; Elasticsearch reads the `$2a$` kind."""
    if known and bcrypt.checkpw(password.encode(), known.encode()):
        return known
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(_BCRYPT_ROUNDS, prefix=b"2a")).decode()


def _give(folder: Path, owner: Owner) -> None:
    for path in [folder, *folder.rglob("*")]:
        if path.lstat().st_uid != owner.uid:
            shutil.chown(path, owner.uid, owner.gid)
