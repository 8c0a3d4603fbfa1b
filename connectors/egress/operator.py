"""The transport to what the operator chose: any address, but not any amount."""

from collections.abc import AsyncIterator
from typing import cast

import httpx2

from connectors.egress.failures import BodyTooLarge


class CappedTransport(httpx2.AsyncBaseTransport):
    """Ends a response that is longer than `max_bytes`."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, *, max_bytes: int) -> None:
        self._inner = inner
        self._max_bytes = max_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        body = cast("httpx2.AsyncByteStream", response.stream)
        return httpx2.Response(
            status_code=response.status_code,
            headers=response.headers,
            stream=_CappedBody(body, self._max_bytes),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


class _CappedBody(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, max_bytes: int) -> None:
        self._inner = inner
        self._left = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            self._left -= len(chunk)
            if self._left < 0:
                raise BodyTooLarge("The server sent more than is accepted.")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
