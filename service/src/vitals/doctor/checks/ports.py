"""Whether someone else holds a port that a component of ours should have."""

from __future__ import annotations

from vitals.backends import backend_table
from vitals.doctor.finding import Elsewhere, Finding
from vitals.doctor.running import Running
from vitals.host.addresses import EVERYWHERE
from vitals.host.ports import belongs_to, described, holders, in_use
from vitals.orchestration.groups import GROUPS, members

_NAME = "ports"
_SAME_ADDRESS = ("127.0.0.1", "::ffff:127.0.0.1", *EVERYWHERE)
"""Who listens there stands in the way of who wants loopback."""


def look(running: Running) -> list[Finding]:
    """A finding for each port that another process holds; raises Elsewhere in a container."""
    if running.native is None:
        raise Elsewhere("In containers every engine has ports of its own; `docker compose ps` shows which are published.")
    idle = backend_table.idle_ports(running.settings)
    groups = members("all", backend_table.servers(running.settings))
    numbers = running.settings.ports()
    wanted = {name: numbers[name] for group in groups for name in GROUPS[group].ports if name not in idle}
    held = holders(_SAME_ADDRESS)
    findings = []
    for name, port in wanted.items():
        strangers = [process for process in held.get(port, []) if not belongs_to(process, running.native.ident)]
        if strangers or (port not in held and in_use(port)):
            whose = described(strangers[0] if strangers else None)
            findings.append(
                Finding(_NAME, "wrong", f"{name} {port} is held by {whose}, which is not of this stack. {_TO_DO}", {"port": port})
            )
    return findings or [Finding(_NAME, "ok", f"None of the {len(wanted)} ports is held by anyone else.", {"ports": len(wanted)})]


_TO_DO = (
    "Stop it, or choose another port in .env, then `vitals up`. If it is this stack in containers, ask there: "
    "`docker compose run --rm init doctor`."
)
