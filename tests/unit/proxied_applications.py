"""Applications of other people, served by uvicorn behind a proxy: test_uvicorns_proxy.py starts them."""

from __future__ import annotations

from fastapi import FastAPI
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from vitals import instrument


def application() -> FastAPI:
    """One that is instrumented."""
    made = FastAPI()
    instrument(made)

    @made.get("/items/{item}")
    async def item(item: str) -> str:
        return item

    @made.get("/health/ready")
    async def ready() -> None:
        """Once it serves."""

    return made


outside = application()
inside = application()
inside.add_middleware(ProxyHeadersMiddleware, trusted_hosts="*")
