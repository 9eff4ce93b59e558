"""What the Collector says of itself now, asked once or several times over some seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

from vitals.backends.collector_metrics import Reading, parsed
from vitals.doctor.finding import Away
from vitals.doctor.running import Running


def read(running: Running) -> Reading:
    """Ask the Collector once. Raises Away when it does not answer, or something else does."""
    answer = running.get("collector", running.components["collector"].more["metrics_url"])
    reading = parsed(answer.text, time.monotonic())
    if not reading.of("otelcol_process_uptime"):
        raise Away("Something other than the Collector answers at the address of its metrics.")
    return reading


def read_while(running: Running, unsure: Callable[[list[Reading]], bool], seconds: float, at_most: float) -> list[Reading]:
    """Ask about once a second for so long, and on while `unsure`, up to the most."""
    readings = [read(running)]
    while True:
        taken = readings[-1].time - readings[0].time
        if taken >= at_most or (taken >= seconds and not unsure(readings)):
            return readings
        time.sleep(1)
        readings.append(read(running))
