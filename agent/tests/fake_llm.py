"""A fake of OpenAI's chat completions: the real wire, as strict as the real one.

Server-sent events with fragments of text and of arguments, the chunk of usage,
`[DONE]`; and the real refusals: 128 tools, names, schemas that are no object,
results that nobody asked for, a `tool_choice` without its tool. How it behaves is
chosen by the name of the model, see fake_models.

    python -m agent.tests.fake_llm 8200     serves it until Ctrl-C
"""

import asyncio
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from agent.tests.fake_models import BEHAVIOURS, Asked, Reply, reply_of
from config.tests.live import serve

TOOLS_MAX = 128
PIECE_CHARS = 7
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_STATUS = {"busy": 429, "key": 401, "down": 500, "too-long": 400, "no-force": 400}
_ERRORS = {
    "busy": ("rate_limit_exceeded", "Rate limit reached for fake in sk-secret-org."),
    "key": ("invalid_api_key", "Incorrect API key provided: sk-secret."),
    "down": ("server_error", "The server had an error at sk-secret-host."),
    "too-long": ("context_length_exceeded", "This model's maximum context length…"),
    "no-force": ("unsupported_value", "tool_choice is not supported by this model."),
}


class FakeLlm:
    """A running fake: what it was asked, and what it shall say next."""

    def __init__(self) -> None:
        self.base_url = ""
        self.clear()

    def clear(self) -> None:
        """Forget what was asked, and what was to be said."""
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        # The next answers, before any behaviour.
        self.script: list[Reply] = []
        # Set when somebody went away before the end of an answer.
        self.left = threading.Event()
        # Set when a request has come in.
        self.asked = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        http = _Http(receive, send)
        if scope["path"] == "/v1/models":
            models = [{"id": name, "object": "model"} for name in BEHAVIOURS]
            await http.json(200, {"object": "list", "data": models})
        elif scope["path"] == "/v1/chat/completions":
            await self._complete(scope, http)
        else:
            await http.json(404, _error("There is no such path."))

    async def _complete(self, scope: Any, http: "_Http") -> None:
        body = json.loads(await http.body())
        self.bodies.append(body)
        names = scope["headers"]
        self.headers.append({k.decode(): v.decode() for k, v in names})
        self.asked.set()
        problem = mistake_in(body)
        if problem:
            await http.json(400, problem)
            return
        model = str(body["model"])
        count = sum(one["model"] == model for one in self.bodies)
        asked = Asked(body=body, count=count)
        reply = self.script.pop(0) if self.script else reply_of(model, asked)
        try:
            await _answer(http, body, reply, f"chatcmpl-{len(self.bodies)}")
        except _Left:
            self.left.set()


class _Left(Exception):
    """Whoever asked has gone."""


class _Http:
    """One exchange; notices when the other side goes away."""

    def __init__(self, receive: Any, send: Any) -> None:
        self._receive, self._send = receive, send
        self._gone: asyncio.Task[None] | None = None

    async def body(self) -> bytes:
        parts, more = [], True
        while more:
            message = await self._receive()
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        self._gone = asyncio.create_task(self._wait_for_end())
        return b"".join(parts)

    async def _wait_for_end(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def json(self, status: int, value: Any) -> None:
        await self.start(status, "application/json")
        await self.end(json.dumps(value).encode())

    async def start(self, status: int, content_type: str) -> None:
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-type", content_type.encode())],
            }
        )

    async def write(self, text: str, *, pause_s: float = 0.0) -> None:
        assert self._gone is not None
        await asyncio.wait([self._gone], timeout=pause_s)
        if self._gone.done():
            raise _Left
        await self._send(
            {"type": "http.response.body", "body": text.encode(), "more_body": True}
        )

    async def end(self, data: bytes = b"") -> None:
        await self._send({"type": "http.response.body", "body": data})
        if self._gone is not None:
            self._gone.cancel()

    async def hang(self) -> None:
        assert self._gone is not None
        await self._gone
        raise _Left


async def _answer(http: _Http, body: dict[str, Any], reply: Reply, id_: str) -> None:
    fault = reply.fault
    if fault in _STATUS:
        code, message = _ERRORS[fault]
        await http.json(_STATUS[fault], _error(message, code))
    elif fault == "hang":
        await http.hang()
    elif fault == "nonsense":
        await http.start(200, "text/html")
        await http.end(b"<html>It works!</html>")
    else:
        await _stream(http, body, reply, id_)


async def _stream(http: _Http, body: dict[str, Any], reply: Reply, id_: str) -> None:
    """Write the events of an answer; every request of ours asks for a stream."""
    head = {
        "id": id_, "object": "chat.completion.chunk", "created": 1_800_000_000,
        "model": body["model"], "system_fingerprint": "fp_fake",
    }  # fmt: skip

    def event(delta: dict[str, Any], finish: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _event({**head, "choices": [choice], **more})

    await http.start(200, "text/event-stream; charset=utf-8")
    pieces = list(_pieces(reply, id_))
    if reply.fault in ("dies", "cut", "garbled", "late-error"):
        pieces = pieces[: max(2, len(pieces) // 2)]
    for piece in pieces:
        await http.write(event(piece), pause_s=reply.pause_s)
    if reply.fault is not None:
        await _break(http, reply.fault, event)
        return
    finish = reply.finish or ("tool_calls" if reply.calls else "stop")
    await http.write(event({}, finish))
    if (body.get("stream_options") or {}).get("include_usage"):
        await http.write(_event({**head, "choices": [], "usage": _usage(body)}))
    await http.write("data: [DONE]\n\n")
    await http.end()


async def _break(http: _Http, fault: str, event: Callable[..., str]) -> None:
    while fault == "endless":
        await http.write(event({"content": "more and more " * 500}))
    if fault == "garbled":
        await http.write('data: {"choices": [{"del\n\n')
    if fault == "late-error":
        await http.write(_event(_error("It broke at sk-secret-host.", "server_error")))
    if fault != "dies":
        await http.end()
    # Else uvicorn breaks the connection off: the answer was never ended.


def _pieces(reply: Reply, id_: str) -> Iterator[dict[str, Any]]:
    """Cut an answer into deltas, as the real one does."""
    yield {"role": "assistant", "content": None if reply.calls else "", "refusal": None}
    for word in re.findall(r"\S+\s*", reply.text):
        yield {"content": word}
    for word in re.findall(r"\S+\s*", reply.refusal):
        yield {"refusal": word}
    for index, (name, arguments) in enumerate(reply.calls):
        named = {"name": name, "arguments": ""}
        call = {"id": f"call_{id_}_{index}", "type": "function", "function": named}
        yield {"tool_calls": [{"index": index, **call}]}
        for start in range(0, len(arguments), PIECE_CHARS):
            more = {"arguments": arguments[start : start + PIECE_CHARS]}
            yield {"tool_calls": [{"index": index, "function": more}]}


def _usage(body: dict[str, Any]) -> dict[str, int]:
    asked = len(json.dumps(body)) // 4
    return {
        "prompt_tokens": asked, "completion_tokens": 10, "total_tokens": asked + 10
    }  # fmt: skip


def _event(value: Any) -> str:
    return f"data: {json.dumps(value)}\n\n"


def _error(message: str, code: str | None = None, param: str | None = None) -> Any:
    error = {"message": message, "type": "invalid_request_error"}
    return {"error": {**error, "param": param, "code": code}}


# --- What the real one refuses -------------------------------------------------


def mistake_in(body: dict[str, Any]) -> Any:
    """Return the error that OpenAI answers to a wrong request, or None."""
    return _mistake_in_tools(body) or _mistake_in_messages(body["messages"])


def _mistake_in_tools(body: dict[str, Any]) -> Any:
    tools = body.get("tools", [])
    if "tools" in body and not tools:
        return _error("Invalid 'tools': empty array.", "empty_array", "tools")
    if len(tools) > TOOLS_MAX:
        return _error("Invalid 'tools': array too long.", "array_above_max_length")
    for tool in tools:
        function = tool["function"]
        if not _NAME.fullmatch(function["name"]):
            return _error("Invalid name: does not match pattern.", "invalid_value")
        if function.get("parameters", {}).get("type") != "object":
            return _error("Invalid schema for function.", "invalid_function_parameters")
    return _mistake_in_choice(body, [tool["function"]["name"] for tool in tools])


def _mistake_in_choice(body: dict[str, Any], names: list[str]) -> Any:
    choice = body.get("tool_choice")
    if choice is not None and not names:
        return _error("'tool_choice' is only allowed when 'tools' are specified.")
    named = choice["function"]["name"] if isinstance(choice, dict) else None
    if named is not None and named not in names:
        return _error("Invalid value for 'tool_choice': tool not found.")
    return None


def _mistake_in_messages(messages: list[dict[str, Any]]) -> Any:
    pending: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in pending:
                return _error("messages with role 'tool' must be a response…")
            pending.discard(message["tool_call_id"])
        elif pending:
            return _error("'tool_calls' must be followed by tool messages.")
        elif not message.get("content") and not message.get("tool_calls"):
            return _error("Invalid value for 'content': expected a string, got null.")
        for call in message.get("tool_calls") or []:
            if len(call["id"]) > 40:
                return _error("Invalid 'tool_calls.id': string too long.")
            pending.add(call["id"])
    return _error("'tool_calls' must be followed by…") if pending else None


@contextmanager
def running(port: int = 0) -> Iterator[FakeLlm]:
    """Serve a fake on a loopback port until the block ends."""
    llm = FakeLlm()
    with serve(llm, lifespan="off", port=port) as server:
        llm.base_url = f"{server.url}/v1"
        yield llm


if __name__ == "__main__":
    uvicorn.run(
        FakeLlm(), port=int(sys.argv[1]) if sys.argv[1:] else 8200, lifespan="off"
    )
