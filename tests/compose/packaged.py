"""Debian's own Docker Engines: debootstrap fetches and verifies them, and the cache keeps them unpacked. Nothing is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

_MERGED = ("bin", "lib", "lib64", "sbin")
"""Folders that are links into /usr on every Debian since 12; some packages of Debian 12 still name them."""

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""What debootstrap verifies a release by; Ubuntu has it in a package of its own."""

_SUITE_SCRIPT = "sid"
"""debootstrap's script for any suite: an older debootstrap has none by the name of a newer release."""


@dataclass(frozen=True)
class Release:
    """The Docker Engine of one Debian release, and how it is set up."""

    suite: str
    packages: tuple[str, ...]
    containerd_store: bool
    """Whether images are kept in containerd's store, the default of new installs, and built by BuildKit."""


RELEASES = {
    "current": Release("forky", ("docker.io", "docker-cli", "docker-buildx"), containerd_store=True),
    "classic": Release("bookworm", ("docker.io",), containerd_store=False),
}
"""28.5 as a new install has it; 20.10, the oldest that people still have, with overlay2 and the builder inside the engine."""


def chosen_release() -> Release:
    """The release that TEST_COMPOSE_ENGINE names; the current one without it."""
    name = os.environ.get("TEST_COMPOSE_ENGINE") or "current"
    assert name in RELEASES, f"TEST_COMPOSE_ENGINE={name}: there is {' and '.join(RELEASES)}"
    return RELEASES[name]


def unpacked(release: Release, cache: Path) -> Path:
    """A root folder with the release's packages and all that they depend on, fetched where it is not in the cache yet.

    Its binaries run with the libraries beside them, so the host's may be older. debootstrap verifies the release's signature and
    each package's checksum. No package's script is run.
    """
    kept = cache / f"{release.suite}-{'+'.join(release.packages)}"
    if kept.is_dir():
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".docker-", dir=cache) as scratch:
        fetched, root = Path(scratch) / "fetched", Path(scratch) / "root"
        options = ("--download-only", "--force-check-gpg", "--variant=minbase", f"--include={','.join(release.packages)}")
        # The mirror is debootstrap's default.
        command = ("debootstrap", *options, release.suite, fetched, "", _SUITE_SCRIPT)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        _unpack(sorted((fetched / "var/cache/apt/archives").glob("*.deb")), root)
        root.rename(kept)
    return kept


def _unpack(packages: list[Path], root: Path) -> None:
    for name in _MERGED:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    (root / "usr" / "local").mkdir()
    for package in packages:
        content = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
        # Without this option tar puts a folder in the place of such a link.
        unpack = ("tar", "--extract", "--keep-directory-symlink", "--directory", root)
        done = subprocess.run(unpack, stdin=content.stdout, capture_output=True, text=True, check=False)
        assert (content.wait(), done.returncode) == (0, 0), f"{package.name}: {done.stderr[-2000:]}"
    # Names that iptables' own script would give: the engine's resolver of names wants them, inside a container's network.
    for name in ("iptables", "ip6tables"):
        (root / "usr" / "sbin" / name).symlink_to(f"{name}-nft")


def in_its_own_usr(root: Path, *command: str) -> list[str]:
    """`command` with the root's /usr in the place of the host's, for it and its children only; the rest of the host is as it is.

    So paths mean to the engine what they mean to its clients. /usr/local stays the host's, since a checkout may lie there.
    """
    mounts = 'mount --rbind /usr/local "$0/usr/local" && mount --rbind "$0/usr" /usr && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", mounts, str(root), *command]


def put_client(root: Path, folder: Path, plugins: Path) -> None:
    """Make the root's `docker` a command in `folder`, and its buildx, where it has one, a plugin in `plugins`."""
    folder.mkdir(parents=True)
    (folder / "docker").symlink_to(root / "usr/bin/docker")
    plugins.mkdir(parents=True)
    buildx = root / "usr/libexec/docker/cli-plugins/docker-buildx"
    if buildx.exists():
        shutil.copy(buildx, plugins)
