"""The body of a response, counted and ended in time."""

from asyncio import CancelledError
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import cast

import httpx2

from connectors.egress.failures import BodyTooLarge
from connectors.egress.operation import Exchange, Operation


class GuardedBody(httpx2.AsyncByteStream):
    """Cap the bytes of one response, and of its operation, and its wall time.

    A read timeout alone is defeated by one byte a second.
    """

    def __init__(
        self, inner: httpx2.AsyncByteStream, operation: Operation, exchange: Exchange
    ) -> None:
        self._inner = inner
        self._operation = operation
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            # httpx2 types an iterator; what it gives is a generator, to be closed.
            chunks = cast("AsyncGenerator[bytes]", aiter(self._inner))
            async with aclosing(chunks):
                while (chunk := await self._next(chunks)) is not None:
                    self._count(len(chunk))
                    yield chunk
        except (httpx2.TransportError, TimeoutError, CancelledError) as problem:
            self._operation.fail(self._exchange, problem)
            if isinstance(problem, TimeoutError):
                raise self._exchange.deadline() from problem
            raise

    async def aclose(self) -> None:
        await self._inner.aclose()
        self._exchange.stop_clock()

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        with self._operation.in_time():
            return await anext(chunks, None)

    def _count(self, size: int) -> None:
        self._exchange.response_bytes += size
        self._operation.total_bytes += size
        if (
            self._exchange.response_bytes > self._operation.max_bytes
            or self._operation.total_bytes > self._operation.max_total_bytes
        ):
            raise BodyTooLarge("The server sent more than is accepted.")
