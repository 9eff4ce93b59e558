"""Stand-ins for the official images: a Debian base and the native engines' binaries, by the same names, users and entry points.

They have what compose.yaml relies on in the official images, and no more; where an image has no shell, its stand-in has none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from vitals.engines.cache import Engines
from vitals.engines.java import find_jdk
from vitals.engines.recipes import load_recipes
from vitals.settings.images import ContainerSettings
from vitals.settings.stack import StackSettings

from .engine import DockerEngine

SUITE = "bookworm"
PACKAGES = "ca-certificates,python3,python3-venv,busybox"
BASE = "vitals-test-base"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

_WGET = "RUN ln -s /bin/busybox /usr/local/bin/wget\n"
_AS_NOBODY = f"FROM {BASE}\n{_WGET}COPY bin/ /bin/\n"

DOCKERFILES = {
    "collector": 'FROM scratch\nCOPY bin/otelcol /otelcol-contrib\nUSER 10001:10001\nENTRYPOINT ["/otelcol-contrib"]\n',
    "prometheus": _AS_NOBODY
    + "RUN mkdir /prometheus && chown nobody:nogroup /prometheus\n"
    + 'USER nobody\nWORKDIR /prometheus\nENTRYPOINT ["/bin/prometheus"]\n',
    "alertmanager": _AS_NOBODY
    + "RUN mkdir /alertmanager && chown nobody:nogroup /alertmanager\n"
    + 'USER nobody\nWORKDIR /alertmanager\nENTRYPOINT ["/bin/alertmanager"]\n',
    "node_exporter": _AS_NOBODY + 'USER nobody\nENTRYPOINT ["/bin/node_exporter"]\n',
    "jaeger": f"FROM {BASE}\n{_WGET}"
    + 'COPY bin/jaeger /cmd/jaeger/jaeger-linux\nVOLUME ["/tmp"]\nENTRYPOINT ["/cmd/jaeger/jaeger-linux"]\nUSER 10001\n',
    "elasticsearch": f"FROM {BASE}\n"
    + "RUN groupadd --gid 1000 elasticsearch"
    + " && useradd --uid 1000 --gid 1000 --groups 0 --home-dir /usr/share/elasticsearch elasticsearch\n"
    + "COPY server /usr/share/elasticsearch\n"
    # The server's files belong to root and are read-only, as in the official image: its user may write to these folders alone.
    + "RUN cd /usr/share/elasticsearch && mkdir -p data logs plugins config/jvm.options.d"
    + " && find . -type d -exec chmod 0555 {} + && find . -type f -exec chmod 0444 {} + && chmod 0555 bin/*"
    + " && find config -type f -exec chmod 0664 {} + && chmod 0775 . bin config config/jvm.options.d data logs plugins"
    + " && chown elasticsearch bin config config/jvm.options.d data logs plugins\n"
    + "COPY jdk /usr/share/elasticsearch/jdk\n"
    + "RUN printf '#!/bin/sh\\nshift\\nexec \"$@\"\\n' > /bin/tini"
    + " && printf '#!/bin/bash\\nexec /usr/share/elasticsearch/bin/elasticsearch\\n' > /usr/local/bin/docker-entrypoint.sh"
    + " && chmod 755 /bin/tini /usr/local/bin/docker-entrypoint.sh\n"
    + 'USER 1000:0\nWORKDIR /usr/share/elasticsearch\nENTRYPOINT ["/bin/tini", "--", "/usr/local/bin/docker-entrypoint.sh"]\n'
    + 'CMD ["eswrapper"]\n',
}


def build_official(engine: DockerEngine, cache: Path) -> None:
    """Make every official image of compose.yaml but Grafana's and Kibana's in the engine; the base is kept in `cache`.

    The service's own image is not made: the first `docker compose up` builds it, on BASE.
    """
    _import_base(engine, cache)
    for name, dockerfile in DOCKERFILES.items():
        context = engine.folder / "context"
        context.mkdir()
        _FILL.get(name, _binaries(name))(context)
        (context / "Dockerfile").write_text(dockerfile)
        engine.docker("build", "--network", "none", "--tag", _official(name), str(context))
        shutil.rmtree(context)


def _official(service: str) -> str:
    return str(getattr(ContainerSettings.load(), f"{service}_image"))


def _import_base(engine: DockerEngine, cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    archive = cache / f"base-{SUITE}-{PACKAGES.replace(',', '+')}.tar"
    if not archive.exists():
        folder = engine.folder / "base"
        made = subprocess.run(
            ["debootstrap", "--force-check-gpg", "--variant=minbase", f"--include={PACKAGES}", SUITE, folder],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]
        shutil.rmtree(folder / "var/cache/apt")
        scratch = archive.with_suffix(f".{os.getpid()}")
        subprocess.run(["tar", "--create", "--numeric-owner", "--file", scratch, "--directory", folder, "."], check=True)
        scratch.replace(archive)
        shutil.rmtree(folder)
    with archive.open("rb") as content:
        engine.docker("import", "-", f"{BASE}-bare", stdin=content.fileno())
    # A package index that is reached by the host's own certificates and settings is reached by them in the build too.
    context = engine.folder / "context"
    context.mkdir()
    shutil.copy(_CERTIFICATES, context / "ca.crt")
    lines = [f"FROM {BASE}-bare", f"COPY ca.crt {_CERTIFICATES}", *(f'ENV {name}="{value}"' for name, value in _pip_settings())]
    (context / "Dockerfile").write_text("\n".join(lines) + "\n")
    engine.docker("build", "--network", "none", "--tag", BASE, str(context))
    shutil.rmtree(context)


def _pip_settings() -> Iterator[tuple[str, str]]:
    yield "PIP_CERT", str(_CERTIFICATES)
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT"):
        if name in os.environ:
            yield name, os.environ[name]
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        for variable in (name, name.lower()):
            if variable in os.environ:
                yield variable, os.environ[variable]


def engines_cache() -> tuple[Engines, Engines]:
    """The stack's engines, and those that only tests need; both built where they are missing."""
    folder = StackSettings.load().vitals_cache_dir
    caches = Engines(folder), Engines(folder, load_recipes(for_tests=True))
    for cache in caches:
        cache.ensure()
    return caches


_BINARIES = {
    "collector": ["otelcol"],
    "prometheus": ["prometheus", "promtool"],
    "alertmanager": ["alertmanager", "amtool"],
    "node_exporter": ["node_exporter"],
    "jaeger": ["jaeger"],
}


def _binaries(service: str) -> Callable[[Path], None]:
    def fill(context: Path) -> None:
        stack, _ = engines_cache()
        (context / "bin").mkdir()
        for name in _BINARIES[service]:
            shutil.copy(stack.binary(name), context / "bin" / name)

    return fill


def _elasticsearch(context: Path) -> None:
    stack, _ = engines_cache()
    jdk = find_jdk(StackSettings.load().vitals_java_home, os.environ)
    assert jdk is not None, "Elasticsearch's stand-in needs the JDK that the native one runs on"
    shutil.copytree(stack.folder("elasticsearch"), context / "server")
    shutil.copytree(jdk.home.resolve(), context / "jdk", ignore=shutil.ignore_patterns("src.zip", "jmods", "demo", "man"))


_FILL: dict[str, Callable[[Path], None]] = {"elasticsearch": _elasticsearch}
