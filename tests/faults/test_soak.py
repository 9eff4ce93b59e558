"""FAULTS_SOAK_SECONDS (900) at half of what the service can do: memory is flat, queues are empty, what was answered is fresh."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import psutil
import pytest

from ..stack.conftest import ROW, Stack, eventually
from .accountant import balance
from .conftest import Fault
from .engines import process_of, queued
from .latency import milliseconds
from .load import Answer, Load, quantile

SERVICE = "soak"
SOAK_SECONDS = float(os.environ.get("FAULTS_SOAK_SECONDS", "900"))
CEILING_SECONDS = 10
CONNECTIONS = 16
FRESH_WITHIN_SECONDS = 2.0
GROWTH_AN_HOUR = 0.2
"""Of its memory: what leaks a kilobyte a request would grow by more than its whole size in an hour."""


@pytest.mark.timeout(600 + 2 * SOAK_SECONDS)
def test_soak(stack: Stack, fault: Fault, tmp_path: Path) -> None:
    with (
        fault(
            f"Soak of {SOAK_SECONDS / 60:.0f} minutes at half of the measured ceiling",
            must_show="memory flat (slope stated), queue empty at the end, freshness p99 ≤ 2 s",
        ) as row,
        stack.another_service(SERVICE) as service,
    ):
        with Load(service.url, connections=CONNECTIONS, folder=tmp_path) as load:
            load.wait(2)
            begun = time.monotonic()
            time_over = load.wait(CEILING_SECONDS)
        answers = load.answers()
        ceiling = sum(one.answered is not None and begun <= one.answered < time_over for one in answers) / (time_over - begun)
        processes = {"service": psutil.Process(service.process.pid), "collector": process_of(stack.settings.otlp_grpc_port)}
        with (
            Load(service.url, rate=ceiling / 2, folder=tmp_path) as load,
            _sampled(processes) as memory,
            _fresh(stack, service.url) as (asked, fresh),
        ):
            begun = time.monotonic()
            time_over = load.wait(SOAK_SECONDS)
            connections = _connections(processes["service"], int(service.url.rpartition(":")[2]))
        answers += [*load.answers(), *asked]
        eventually(lambda: queued(stack), lambda size: size == 0, within=30, why="the queues are empty")
        requests = len(answers)
        found = balance(stack, SERVICE, answers, within=90)
        slopes = {name: _slope(samples, begun + SOAK_SECONDS / 3) for name, samples in memory.items()}
        waited = [one.result() for one in fresh]
        row.figures |= {
            "ceiling_per_s": round(ceiling),
            "rate_per_s": round(ceiling / 2),
            "answered": requests,
            "lost": found.lost,
            "duplicated": found.duplicated,
            "p99_ms": milliseconds(load.p99(begun, time_over)),
            **{f"{name}_rss_mb": round(memory[name][-1][1] / 1e6) for name in memory},
            **{f"{name}_slope_mb_per_h": round(slope * 3600 / 1e6, 1) for name, slope in slopes.items()},
            # Each that its client keeps open costs 35 kB: bursts open more, which looks like growth.
            "service_connections": connections,
            "freshness_samples": len(waited),
            "freshness_p50_s": round(statistics.median(waited), 2),
            "freshness_p99_s": round(quantile(waited, 0.99), 2),
        }
        figures = row.figures
        row.seen = (
            f"{figures['rate_per_s']} requests/s of {figures['ceiling_per_s']} possible: {requests} answered, "
            f"p99 {figures['p99_ms']} ms, {found.lost} lost, {found.duplicated} duplicated; "
            f"memory of the service {figures['service_rss_mb']} MB, "
            f"{figures['service_slope_mb_per_h']:+} MB/h ({connections} connections), "
            f"of the Collector {figures['collector_rss_mb']} MB, {figures['collector_slope_mb_per_h']:+} MB/h; queues empty; "
            f"freshness p50 {figures['freshness_p50_s']} s, p99 {figures['freshness_p99_s']} s"
        )
        print(found.table())
        for name, slope in slopes.items():
            assert slope * 3600 <= GROWTH_AN_HOUR * memory[name][-1][1], f"{name} grows: {row.seen}"
        assert all(one.ok for one in answers)
        assert found.complete, found.table()
        assert quantile(waited, 0.99) <= FRESH_WITHIN_SECONDS, row.seen


def _connections(process: psutil.Process, port: int) -> int:
    """How many clients have a connection to a port of the process."""
    established = [one for one in process.net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED]
    return sum(one.laddr.port == port for one in established)


def _slope(samples: list[tuple[float, float]], since: float) -> float:
    """Bytes a second, by least squares over the samples since a moment."""
    times, sizes = zip(*((when, size) for when, size in samples if when >= since), strict=True)
    return statistics.linear_regression(times, sizes).slope


@contextmanager
def _sampled(processes: dict[str, psutil.Process]) -> Iterator[dict[str, list[tuple[float, float]]]]:
    """The resident memory of each process, with those that it started, every two seconds while the block runs."""
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in processes}
    stop = threading.Event()

    def sample() -> None:
        while not stop.wait(2):
            for name, process in processes.items():
                family = [process, *process.children(recursive=True)]
                samples[name].append((time.monotonic(), float(sum(one.memory_info().rss for one in family))))

    with ThreadPoolExecutor(1) as aside:
        sampling = aside.submit(sample)
        try:
            yield samples
        finally:
            stop.set()
        sampling.result()


@contextmanager
def _fresh(stack: Stack, url: str) -> Iterator[tuple[list[Answer], list[Future[float]]]]:
    """Every two seconds a request, and how long until its span and its log are searchable; the requests, and the seconds."""
    asked: list[Answer] = []
    seconds: list[Future[float]] = []
    stop = threading.Event()

    def look(trace_id: str, answered: float) -> float:
        query = {"term": {"trace_id": trace_id}}
        while not (stack.documents("logs-*", query) and stack.documents("traces-*", query)):
            assert time.monotonic() < answered + 60, "not searchable after a minute"
            time.sleep(0.05)
        return time.monotonic() - answered

    with ThreadPoolExecutor(1) as aside, ThreadPoolExecutor(8) as many, httpx.Client(base_url=url, timeout=30) as client:

        def ask() -> None:
            while not stop.wait(2):
                begun = time.monotonic()
                response = client.post("/predict", json={"features": ROW}).raise_for_status()
                said, answered = response.json(), time.monotonic()
                asked.append(Answer(begun, answered, response.status_code, said["trace_id"], said["prediction_id"]))
                seconds.append(many.submit(look, said["trace_id"], answered))

        asking = aside.submit(ask)
        try:
            yield asked, seconds
        finally:
            stop.set()
        asking.result()
