"""The pull option: `/metrics` for a Prometheus server that scrapes, beside the push over OTLP."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics.export import MetricReader
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response


def add_pull_endpoint(app: FastAPI) -> Callable[[], MetricReader]:
    """Add `GET /metrics` to the application and return what makes the reader that feeds it, at each start of the telemetry."""
    registry = CollectorRegistry()

    async def scrape(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"content-type": content_type})

    app.add_route("/metrics", scrape, include_in_schema=False)
    return lambda: PrometheusMetricReader(registry=registry)
