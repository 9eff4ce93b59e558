"""Dashboard «Host and process»: what the service takes, and what the machine has left."""

from __future__ import annotations

from typing import Any

from vitals_dashboards.panels import variables
from vitals_dashboards.panels.layout import dashboard
from vitals_dashboards.panels.panel_kinds import query, stat, timeseries
from vitals_dashboards.panels.queries import PROCESS, rate

HOST = 'host_name=~"$host"'
NODE = 'job="node", instance=~"$node"'
DISKS = f'{NODE}, fstype!~"tmpfs|ramfs|squashfs|overlay|iso9660"'
NETWORK = f'{NODE}, device!~"lo|veth.*|br-.*|docker.*|ifb.*"'


def host() -> dict[str, Any]:
    """The whole dashboard."""
    return dashboard(
        "vitals-host",
        "The service's processes as they see themselves, their host as the Collector sees it, and node_exporter's main figures.",
        [*variables.of_the_service(), variables.host(), variables.node()],
        [
            ("Now", _now()),
            ("The service's processes", _process()),
            ("Garbage collection", _garbage()),
            ("The host, from the Collector", _host()),
            ("The host, from node_exporter", _node()),
        ],
    )


def _now() -> list[Any]:
    return [
        stat(
            "CPU of the service",
            "percentunit",
            "Processor time of all chosen processes; 100 % is one core. At 100 % a process: one core is all that one process "
            "can use for Python; start more workers (SERVICE_WORKERS).",
            query(rate("process_cpu_time_seconds_total", PROCESS)),
        ),
        stat(
            "Memory of the service",
            "bytes",
            "Resident memory. Growing for hours under the same load is a leak: compare with the objects that the garbage "
            "collector frees.",
            query(f"sum(process_memory_usage_bytes{{{PROCESS}}})"),
        ),
        stat(
            "Busy processors",
            "percentunit",
            "How much of the host's processors is in use. Above 90 % everything waits, the engines too: find who takes it "
            "with `top`.",
            query(f'1 - avg(system_cpu_utilization_ratio{{{HOST}, state="idle"}})'),
            warn=0.8,
            bad=0.95,
        ),
        stat(
            "Memory available",
            "bytes",
            "What programs can still get. Below 1 GB Elasticsearch is the first to suffer: give it less "
            "(ELASTICSEARCH_HEAP), or the host more.",
            query(f"sum(node_memory_MemAvailable_bytes{{{NODE}}})"),
            warn=2e9,
            bad=1e9,
        ),
        stat(
            "Fullest disk",
            "percentunit",
            "At 90 % Elasticsearch stops taking new shards, at 95 % it stops writing, and the Collector's queues then grow "
            "on the same disk: shorten LOGS_RETENTION and TRACES_RETENTION, or make room.",
            query(f"max(system_filesystem_utilization_ratio{{{HOST}}})"),
            warn=0.8,
            bad=0.9,
        ),
        stat(
            "Load a processor",
            "none",
            "Processes that want a processor, for each there is. Above 1 for long, some wait.",
            query(f"avg(system_cpu_load_average_1m{{{HOST}}}) / avg(system_cpu_logical_count{{{HOST}}})"),
            warn=1,
            bad=2,
            decimals=2,
        ),
    ]


def _process() -> list[Any]:
    return [
        timeseries(
            "CPU",
            "percentunit",
            "Processor time by process; 1 is one core. Much system time: many small requests, or a slow disk for logs.",
            query(rate("process_cpu_time_seconds_total", PROCESS, "instance, type"), "{{type}} {{instance}}"),
            stacked=True,
        ),
        timeseries(
            "Memory",
            "bytes",
            "Resident memory by process. It rises after the start and then stays; one that keeps rising has a leak.",
            query(f"sum by (instance) (process_memory_usage_bytes{{{PROCESS}}})", "{{instance}}"),
        ),
        timeseries(
            "Virtual memory",
            "bytes",
            "Addresses, not memory: large is normal; growing without end means that memory is mapped and never given back.",
            query(f"sum by (instance) (process_memory_virtual_bytes{{{PROCESS}}})", "{{instance}}"),
        ),
        timeseries(
            "File descriptors",
            "none",
            "Open files and connections. It follows the requests in flight; if it does not come down with them, connections "
            "are not closed. The limit is `ulimit -n`.",
            query(f"sum by (instance) (process_open_file_descriptor_count{{{PROCESS}}})", "{{instance}}"),
        ),
        timeseries(
            "Threads",
            "none",
            "A fixed number after the start. Growing: something starts threads and leaves them.",
            query(f"sum by (instance) (process_thread_count{{{PROCESS}}})", "{{instance}}"),
        ),
        timeseries(
            "Context switches",
            "ops",
            "Voluntary: it waits for something. Involuntary: another process wanted the processor; many of these with high "
            "latency mean that the host is too small.",
            query(rate("process_context_switches_total", PROCESS, "type"), "{{type}}"),
        ),
    ]


def _garbage() -> list[Any]:
    return [
        timeseries(
            "Collections by generation",
            "ops",
            "Garbage collections of Python. Generation 2 looks at everything and stops the process meanwhile: some a minute "
            "are normal, several a second are a latency problem.",
            query(rate("cpython_gc_collections_total", PROCESS, "cpython_gc_generation"), "generation {{cpython_gc_generation}}"),
        ),
        timeseries(
            "Objects freed",
            "ops",
            "Objects that only the garbage collector could free, since they refer to each other. Many a request: look for "
            "cycles.",
            query(
                rate("cpython_gc_collected_objects_total", PROCESS, "cpython_gc_generation"),
                "generation {{cpython_gc_generation}}",
            ),
        ),
        timeseries(
            "Objects that can't be freed",
            "none",
            "Should be 0: more is a leak in an extension module; find it by the versions that changed last.",
            query(f"sum by (instance) (cpython_gc_uncollectable_objects_total{{{PROCESS}}})", "{{instance}}"),
        ),
    ]


def _host() -> list[Any]:
    return [
        timeseries(
            "Processors",
            "percentunit",
            "What the processors do. `steal`: another virtual machine has them; `wait`: the disk is too slow.",
            query(f'avg by (state) (system_cpu_utilization_ratio{{{HOST}, state!="idle"}})', "{{state}}"),
            stacked=True,
            share=True,
        ),
        timeseries(
            "Memory",
            "bytes",
            "`cached` and `buffered` are given up when programs want memory; `used` near the whole is the trouble.",
            query(f'sum by (state) (system_memory_usage_bytes{{{HOST}, state!~"slab.*"}})', "{{state}}"),
            stacked=True,
        ),
        timeseries(
            "Disks in use",
            "percentunit",
            "How full each file system is. The queues, Elasticsearch, Prometheus and Jaeger keep their data below "
            "VITALS_STATE_DIR.",
            query(f"max by (mountpoint) (system_filesystem_utilization_ratio{{{HOST}}})", "{{mountpoint}}"),
            share=True,
        ),
        timeseries(
            "Disk traffic",
            "Bps",
            "Reading and writing by disk. Much reading without queries: memory is short and files are read again and again.",
            query(rate("system_disk_io_bytes_total", HOST, "device, direction"), "{{device}} {{direction}}"),
        ),
        timeseries(
            "Network traffic",
            "Bps",
            "By interface; loopback, where the engines talk natively, is left out.",
            query(rate("system_network_io_bytes_total", HOST, "device, direction"), "{{device}} {{direction}}"),
        ),
        timeseries(
            "Network trouble",
            "pps",
            "Packets lost or broken, a second. Above 0 for long: the interface, the cable, or the virtual switch.",
            query(rate("system_network_errors_total", HOST, "device"), "{{device}} errors"),
            query(rate("system_network_dropped_total", HOST, "device"), "{{device}} dropped"),
        ),
    ]


def _node() -> list[Any]:
    return [
        timeseries(
            "Processors",
            "percentunit",
            "Busy processors by what they do, over all cores. It should agree with the Collector's figures; if it does not, "
            "one of the two measures a container.",
            query(
                f'avg by (mode) (rate(node_cpu_seconds_total{{{NODE}, mode!="idle"}}[$__rate_interval]))',
                "{{mode}}",
            ),
            stacked=True,
            share=True,
        ),
        timeseries(
            "Memory",
            "bytes",
            "What can still be had, and what is in use. Swap in use with little memory available: everything becomes slow.",
            query(f"node_memory_MemTotal_bytes{{{NODE}}} - node_memory_MemAvailable_bytes{{{NODE}}}", "used"),
            query(f"node_memory_MemAvailable_bytes{{{NODE}}}", "available"),
            query(f"node_memory_SwapTotal_bytes{{{NODE}}} - node_memory_SwapFree_bytes{{{NODE}}}", "swap used"),
        ),
        timeseries(
            "Disk space left",
            "bytes",
            "By file system. Below the size of the Collector's queues (1 GiB each) an outage can no longer be buffered whole.",
            query(f"min by (mountpoint) (node_filesystem_avail_bytes{{{DISKS}}})", "{{mountpoint}}"),
        ),
        timeseries(
            "Disk time",
            "percentunit",
            "The share of the time that a disk is busy. Near 1: Elasticsearch's merges or a full queue; see disk traffic for "
            "who reads.",
            query(f"max by (device) (rate(node_disk_io_time_seconds_total{{{NODE}}}[$__rate_interval]))", "{{device}}"),
            share=True,
        ),
        timeseries(
            "Network traffic",
            "Bps",
            "By interface, without loopback and without those of containers.",
            query(rate("node_network_receive_bytes_total", NETWORK, "device"), "{{device}} in"),
            query(rate("node_network_transmit_bytes_total", NETWORK, "device"), "{{device}} out"),
        ),
        timeseries(
            "Pressure",
            "percentunit",
            "The share of the time that something waited for a processor, for memory, or for the disk. The best single sign "
            "that a host is too small: above 0.1, give it more of what is waited for.",
            query(rate("node_pressure_cpu_waiting_seconds_total", NODE), "processor"),
            query(rate("node_pressure_memory_waiting_seconds_total", NODE), "memory"),
            query(rate("node_pressure_io_waiting_seconds_total", NODE), "disk"),
        ),
        timeseries(
            "Load",
            "none",
            "Processes that run or want to. Above the number of processors for long: some wait.",
            query(f"node_load1{{{NODE}}}", "1 minute"),
            query(f"node_load5{{{NODE}}}", "5 minutes"),
            query(f"node_load15{{{NODE}}}", "15 minutes"),
        ),
        timeseries(
            "File descriptors of the host",
            "percentunit",
            "Open files, of those that the kernel allows. Near 1, programs fail to open files and connections.",
            query(f"node_filefd_allocated{{{NODE}}} / node_filefd_maximum{{{NODE}}}", "in use"),
            share=True,
        ),
        timeseries(
            "Killed for want of memory",
            "none",
            "Processes that the kernel ended since the time range began. Any: `dmesg` says which; most often it is "
            "Elasticsearch.",
            query(f"increase(node_vmstat_oom_kill{{{NODE}}}[$__range])", "killed"),
        ),
    ]
