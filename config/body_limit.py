"""The largest request body, enforced before anything keeps it.

Django reads a whole body into a temporary file before a view is asked, whoever
sent it: an endless one would fill the disk.
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings

from config.errors import MESSAGES

type Scope = MutableMapping[str, Any]
type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]

_CODE = "PAYLOAD_TOO_LARGE"
_ANSWER = json.dumps({"error": _CODE, "message": MESSAGES[_CODE]}).encode()


class BodyLimit:
    """Answer 413 to a body of more than `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if _announced(scope) > limit:
            await _refuse(send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                # Django then closes the temporary file and gives up in silence.
                return {"type": "http.disconnect"}
            return message

        await self.application(scope, counted, send)
        if received > limit:
            # The body is read before the view, so no answer has begun.
            await _refuse(send)


def _announced(scope: Scope) -> int:
    """Return the Content-Length; 0 without one, or if it is no number."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _refuse(send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(_ANSWER)).encode()),
        # What is left of the body is not read.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": _ANSWER})
