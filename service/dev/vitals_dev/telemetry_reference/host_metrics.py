"""Every metric of the machine that the Collector runs on; its `host_metrics` receiver measures them every ten seconds."""

from __future__ import annotations

from vitals_dev.telemetry_reference.entries import Kind, Metric

_DEVICE, _STATE = ("device",), ("state",)
_DIRECTION = ("device", "direction")
_FILESYSTEM = ("device", "mode", "mountpoint", "type")

_ROWS: tuple[tuple[str, Kind, str, tuple[str, ...], str], ...] = (
    ("cpu.time", "counter", "s", _STATE, "CPU time, by state."),
    ("cpu.utilization", "gauge", "1", _STATE, "Share of the CPU time since the last measurement, by state."),
    ("cpu.logical.count", "up-down counter", "{cpu}", (), "Logical CPUs."),
    ("cpu.load_average.1m", "gauge", "{thread}", (), "Load average over 1 minute."),
    ("cpu.load_average.5m", "gauge", "{thread}", (), "Load average over 5 minutes."),
    ("cpu.load_average.15m", "gauge", "{thread}", (), "Load average over 15 minutes."),
    ("memory.limit", "up-down counter", "By", (), "Memory of the machine."),
    ("memory.usage", "up-down counter", "By", _STATE, "Memory, by state."),
    ("memory.utilization", "gauge", "1", _STATE, "Share of the memory, by state."),
    ("paging.faults", "counter", "{faults}", ("type",), "Page faults."),
    ("paging.operations", "counter", "{operations}", ("direction", "type"), "Paging operations."),
    ("disk.io", "counter", "By", _DIRECTION, "Bytes read and written."),
    ("disk.operations", "counter", "{operations}", _DIRECTION, "Reads and writes."),
    ("disk.merged", "counter", "{operations}", _DIRECTION, "Reads and writes that were merged."),
    ("disk.operation_time", "counter", "s", _DIRECTION, "Time spent reading and writing."),
    ("disk.io_time", "counter", "s", _DEVICE, "Time that the disk was busy."),
    ("disk.weighted_io_time", "counter", "s", _DEVICE, "Busy time, multiplied by the length of the queue."),
    ("disk.pending_operations", "up-down counter", "{operations}", _DEVICE, "Operations that wait."),
    ("filesystem.usage", "up-down counter", "By", (*_FILESYSTEM, "state"), "Bytes of each filesystem, by state."),
    ("filesystem.utilization", "gauge", "1", _FILESYSTEM, "Used share of each filesystem."),
    ("filesystem.inodes.usage", "up-down counter", "{inodes}", (*_FILESYSTEM, "state"), "Inodes of each filesystem."),
    ("network.io", "counter", "By", _DIRECTION, "Bytes sent and received."),
    ("network.packets", "counter", "{packets}", _DIRECTION, "Packets sent and received."),
    ("network.errors", "counter", "{errors}", _DIRECTION, "Network errors."),
    ("network.dropped", "counter", "{packets}", _DIRECTION, "Packets that were dropped."),
    ("network.connections", "up-down counter", "{connections}", ("protocol", "state"), "TCP connections, by state."),
)

HOST = tuple(
    Metric(f"system.{name}", kind, unit, attributes, meaning, source="host") for name, kind, unit, attributes, meaning in _ROWS
)
