"""Answer with an event stream: fragments of HTML, each sent as it happens.

htmx swaps the data of each unnamed event as it would swap a whole answer. A browser
that leaves, or gives up, closes the connection: the fragments are then closed too.
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing

from django.http import HttpRequest, StreamingHttpResponse

CONTENT_TYPE = "text/event-stream"
# Proxies close a connection on which nothing is said, most after a minute.
HEARTBEAT_S = 5.0
# Source: HTML, "Server-sent events", 9.2.5: a line that begins with a colon.
COMMENT = ":\n\n"
_LINE_END = re.compile("\r\n|\r|\n")


def is_wanted(request: HttpRequest) -> bool:
    """Tell whether who asks can read an event stream; htmx says so, browsers do not."""
    return CONTENT_TYPE in request.headers.get("Accept", "")


def answer(
    fragments: AsyncGenerator[str], *, heartbeat_s: float = HEARTBEAT_S
) -> StreamingHttpResponse:
    """Send each fragment as one event, and a comment after `heartbeat_s` of silence."""
    response = StreamingHttpResponse(
        _events(fragments, heartbeat_s), content_type=CONTENT_TYPE
    )
    # Compressed or collected it would arrive in one piece, at the end.
    response["Cache-Control"] = "no-store, no-transform"
    response["X-Accel-Buffering"] = "no"
    return response


def event(fragment: str) -> str:
    """Return `fragment` as the data of one event, whatever line ends are in it."""
    lines = _LINE_END.split(fragment.strip())
    return "".join(f"data: {line}\n" for line in lines) + "\n"


async def _events(
    fragments: AsyncGenerator[str], heartbeat_s: float
) -> AsyncGenerator[str]:
    # One task makes all fragments: what they use must not change tasks half-way.
    made: asyncio.Queue[str | None] = asyncio.Queue()
    making = asyncio.ensure_future(_make(fragments, made))
    try:
        while (fragment := await _next(made, heartbeat_s)) is not None:
            yield event(fragment) if fragment else COMMENT
        await making
    finally:
        making.cancel()
        await asyncio.wait([making])


async def _make(
    fragments: AsyncGenerator[str], made: asyncio.Queue[str | None]
) -> None:
    try:
        async with aclosing(fragments):
            async for fragment in fragments:
                made.put_nowait(fragment)
    finally:
        made.put_nowait(None)


async def _next(made: asyncio.Queue[str | None], heartbeat_s: float) -> str | None:
    """Return the next fragment; "" after a while without one, None after the last."""
    try:
        async with asyncio.timeout(heartbeat_s):
            return await made.get()
    except TimeoutError:
        return ""
