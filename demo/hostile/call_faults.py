"""Faults of `tools/call`: the only request that must not be sent twice."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from typing import Any

from demo.chart import bar_chart
from demo.hostile.exchange import Exchange, Fault, Reply
from demo.hostile.http import EVENTS, JSON, Message, encode, event
from demo.hostile.http_faults import DEEP, VERY_DEEP, nested, wrong_id
from demo.hostile.peer import (
    INVALID_PARAMS,
    modernised,
    outcome,
    response,
    right_result,
)
from demo.hostile.replies import (
    body,
    changed,
    close,
    edited,
    endless,
    error,
    events,
    hold,
    instead,
    json_of,
    once,
    page,
    progress,
    raw_result,
    reset,
    result,
    status,
)
from demo.hostile.texts import HOSTILE_TEXT

CALL = "tools/call"
STEPS = 5
HUGE_BYTES = 9 << 20
SILENCE = (
    b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0@\x1f\0\0@\x1f\0\0\1\0\x08\0data\0\0\0\0"
)


def on_call(reply: Reply) -> Reply:
    return instead(CALL, reply)


def call_status(code: int, *headers: tuple[str, str]) -> Fault:
    return Fault(
        about=f"answers {code} to a call", reply=on_call(status(code, *headers))
    )


async def cut_head(exchange: Exchange) -> None:
    await exchange.wire.head(200, ("Content-Type", JSON), ("Content-Length", "100"))
    exchange.wire.close()


async def cut_body(exchange: Exchange) -> None:
    text = encode(response(exchange, right_result(exchange)))
    head = (("Content-Type", JSON), ("Content-Length", str(len(text))))
    await exchange.wire.head(200, *head)
    await exchange.wire.send(text[: len(text) // 2])
    exchange.wire.close()


async def cut_events(exchange: Exchange) -> None:
    head = (("Content-Type", EVENTS), ("Transfer-Encoding", "chunked"))
    await exchange.wire.head(200, *head)
    await exchange.wire.chunk(progress(exchange, 1, STEPS))
    exchange.wire.close()


async def slow_with_progress(exchange: Exchange) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for step in range(1, STEPS + 1):
            yield progress(exchange, step, STEPS)
            await asyncio.sleep(exchange.server.pace_s)
        yield event(response(exchange, right_result(exchange)))

    await exchange.wire.stream(parts(), content_type=EVENTS)


async def slow_without_a_word(exchange: Exchange) -> None:
    await asyncio.sleep(exchange.server.pace_s * STEPS)
    await json_of(lambda asked: response(asked, right_result(asked)))(exchange)


async def progress_without_end(exchange: Exchange) -> None:
    await endless(lambda step: progress(exchange, step, 100), EVENTS)(exchange)


async def lose_session(exchange: Exchange) -> None:
    exchange.server.sessions.discard(exchange.request.header("mcp-session-id"))
    await exchange.wire.reply(404, b'{"error":"session not found"}')


def input_required(exchange: Exchange) -> Message:
    """Ask the person for a word before the tool runs."""
    if exchange.params.get("inputResponses"):
        return right_result(exchange) or {}
    asked = {
        "method": "elicitation/create",
        "params": {
            "mode": "form",
            "message": "Which environment?",
            "requestedSchema": {
                "type": "object",
                "properties": {"environment": {"type": "string"}},
                "required": ["environment"],
            },
        },
    }
    return modernised(exchange, {}) | {
        "resultType": "input_required",
        "inputRequests": {"environment": asked},
        "requestState": "state-1",
    }


def huge_events(exchange: Exchange) -> Iterator[bytes]:
    """Send a huge result as one event."""
    yield event(response(exchange, right_result(exchange)) | {"x": "a" * HUGE_BYTES})


def content(*blocks: Any) -> Reply:
    """Answer a call with these content blocks."""
    return changed(CALL, content=list(blocks))


def _data(data: bytes) -> str:
    return base64.b64encode(data).decode()


IMAGE = {"type": "image", "data": _data(bar_chart([3, 1, 2])), "mimeType": "image/png"}
AUDIO = {"type": "audio", "data": _data(SILENCE), "mimeType": "audio/wav"}
RESOURCE = {
    "type": "resource",
    "resource": {"uri": "note://1", "mimeType": "text/plain", "text": "A note."},
}
BLOB = {
    "type": "resource",
    "resource": {"uri": "file:///x.bin", "blob": _data(b"\0\1\2")},
}
LINK = {"type": "resource_link", "uri": "https://example.com/a", "name": "A page"}
TEXT = {"type": "text", "text": "Some text."}

LOST_FAULTS = {
    "call-hangs": Fault(about="never answers a call", reply=on_call(hold)),
    "call-closes": Fault(about="hangs up on a call", reply=on_call(close)),
    "call-reset": Fault(about="resets the connection on a call", reply=on_call(reset)),
    "call-cut-head": Fault(about="hangs up after the head", reply=on_call(cut_head)),
    "call-cut-body": Fault(about="hangs up in the body", reply=on_call(cut_body)),
    "call-cut-events": Fault(about="hangs up in the stream", reply=on_call(cut_events)),
    "call-no-result": Fault(
        about="ends the stream without a result",
        reply=on_call(events(lambda exchange: [progress(exchange, 1, STEPS)])),
    ),
    "call-drips": Fault(
        about="answers a call a byte at a time", reply=on_call(endless(lambda _: b" "))
    ),
    "call-progress": Fault(
        about="reports progress for ever", reply=on_call(progress_without_end)
    ),
    "call-wrong-id": Fault(
        about="answers another request", reply=on_call(json_of(wrong_id))
    ),
    "call-session-lost": Fault(
        about="forgets the session at the first call",
        reply=once(CALL, lose_session),
        era="legacy",
    ),
    "call-session-gone": Fault(
        about="forgets the session at every call",
        reply=on_call(lose_session),
        era="legacy",
    ),
    "call-503-once": Fault(
        about="is too busy for the first call",
        reply=once(CALL, status(503, ("Retry-After", "1"))),
    ),
}

STATUS_FAULTS = {
    f"call-{code}": call_status(code) for code in (202, 400, 403, 404, 500, 502, 503)
} | {
    "call-401": call_status(401, ("WWW-Authenticate", 'Bearer error="invalid_token"')),
    "call-429": call_status(429, ("Retry-After", "7")),
    "call-redirect": call_status(307, ("Location", "/trap")),
    "call-html": Fault(about="answers a call with a web page", reply=on_call(page)),
    "call-not-json": Fault(
        about="answers a call with half of JSON", reply=on_call(body(b'{"jsonrpc"'))
    ),
    "call-error": Fault(
        about="answers a call with a JSON-RPC error", reply=on_call(error())
    ),
    "call-refused": Fault(
        about="does not like the parameters",
        reply=on_call(error(INVALID_PARAMS, "Unknown tool")),
    ),
}

RESULT_FAULTS = {
    "call-is-error": Fault(
        about="the tool fails and says why",
        reply=edited(CALL, lambda right: right | outcome("No.", is_error=True)),
    ),
    "call-slow": Fault(
        about="takes a while, with progress", reply=on_call(slow_with_progress)
    ),
    "call-quiet": Fault(
        about="takes a while, without a word", reply=on_call(slow_without_a_word)
    ),
    "call-input-required": Fault(
        about="wants a word from the person first",
        reply=on_call(result(input_required)),
    ),
    "call-huge": Fault(
        about="answers 9 MiB",
        reply=edited(CALL, lambda right: right | outcome("a" * HUGE_BYTES)),
    ),
    "call-huge-events": Fault(
        about="answers 9 MiB in one event", reply=on_call(events(huge_events))
    ),
    "call-deep": Fault(
        about=f"answers JSON of {DEEP} levels", reply=on_call(raw_result(nested(DEEP)))
    ),
    "call-very-deep": Fault(
        about=f"answers JSON of {VERY_DEEP:,} levels",
        reply=on_call(raw_result(nested(VERY_DEEP))),
    ),
    "call-bad-structured": Fault(
        about="breaks its output schema",
        reply=changed(CALL, structuredContent={"result": "three"}),
    ),
    "call-no-structured": Fault(
        about="leaves out what its output schema promises",
        reply=changed(CALL, structuredContent=None),
    ),
    "call-list-structured": Fault(
        about="answers structured content that is a list",
        reply=changed(CALL, structuredContent=[1, 2]),
    ),
    "call-empty": Fault(
        about="answers an empty result", reply=edited(CALL, lambda _: {})
    ),
    "call-no-content": Fault(about="answers no content", reply=content()),
    "call-bare": Fault(
        about="leaves resultType out",
        reply=edited(CALL, lambda right: {"content": right["content"]}),
    ),
    "call-image": Fault(about="answers a picture", reply=content(IMAGE)),
    "call-audio": Fault(about="answers a sound", reply=content(AUDIO)),
    "call-resource": Fault(about="answers a resource", reply=content(RESOURCE, BLOB)),
    "call-link": Fault(about="answers a link", reply=content(LINK)),
    "call-mixed": Fault(
        about="answers everything", reply=content(TEXT, IMAGE, AUDIO, RESOURCE, LINK)
    ),
    "call-unknown-content": Fault(
        about="answers content of a kind that nobody knows",
        reply=content(TEXT, {"type": "hologram", "data": "…"}),
    ),
    "call-bad-content": Fault(
        about="answers content that is none", reply=content("text", {"type": "image"})
    ),
    "call-hostile-text": Fault(
        about="answers text that deceives",
        reply=edited(CALL, lambda right: right | outcome(HOSTILE_TEXT)),
    ),
}
CALL_FAULTS = LOST_FAULTS | STATUS_FAULTS | RESULT_FAULTS
