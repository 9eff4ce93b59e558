"""Stands between a Collector and an engine, and can be cut: the engine is away for that Collector alone, and need not be started.

A test with a Collector of its own uses it, where what matters is what that Collector does meanwhile. That an engine dies and
comes back is what the tests with the stack's own Collector show.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

from ..ports import free_ports

BLOCK = 1 << 16


class Relay:
    """Passes connections on to a port of this machine while the block runs."""

    def __init__(self, port: int) -> None:
        self.port = free_ports(1)[0]
        self._behind = port
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._do(self._away())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """Where the Collector finds the engine."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def cut(self) -> Iterator[None]:
        """While the block runs, open connections have ended and new ones are refused, as where a process has died."""
        self._do(self._away())
        try:
            yield
        finally:
            self._do(self._listen())

    def _do(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(30)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def _away(self) -> None:
        self._server.close()
        for one in list(self._open):
            one.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            engine_reader, engine_writer = await asyncio.open_connection("127.0.0.1", self._behind)
            if self._server.is_serving():  # it may have been cut since the connection was taken
                await asyncio.gather(self._passed_on(reader, engine_writer), self._passed_on(engine_reader, writer))
            engine_writer.close()
        writer.close()

    async def _passed_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the one side ends; then the other is told so."""
        self._open.add(writer)
        try:
            with suppress(OSError):
                while block := await reader.read(BLOCK):
                    writer.write(block)
                    await writer.drain()
        finally:
            self._open.discard(writer)
            writer.close()
