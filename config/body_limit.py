"""The largest request body, enforced before anything keeps it.

Django reads a whole body into a temporary file before a view is asked, whoever
sent it: an endless one would fill the disk.
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings

from agent import v1_errors
from config.errors import MESSAGES

type Scope = MutableMapping[str, Any]
type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]

_CODE = "PAYLOAD_TOO_LARGE"
_STATUS = 413
_PROBLEM = {"error": _CODE, "message": MESSAGES[_CODE]}


class BodyLimit:
    """Answer 413 to a body of more than `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if _announced(scope) > limit:
            await _refuse(scope, send)
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
            await _refuse(scope, send)


def _announced(scope: Scope) -> int:
    """Return the Content-Length; 0 without one, or if it is no number."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _refuse(scope: Scope, send: Send) -> None:
    is_v1 = scope["path"].startswith("/v1/")
    problem = v1_errors.reworded(_PROBLEM, _STATUS) if is_v1 else _PROBLEM
    answer = json.dumps(problem).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer)).encode()),
        # What is left of the body is not read.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": _STATUS, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
