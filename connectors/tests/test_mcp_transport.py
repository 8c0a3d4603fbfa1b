"""What is mended between a server's bytes and the SDK."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from asgiref.sync import async_to_sync
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import JSONRPCError, JSONRPCResponse
from pytest_django import Settings

from connectors.mcp_transport import WellFormed, Wire


class Chunks(httpx2.AsyncByteStream):
    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = chunks
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk

    async def aclose(self) -> None:
        self.closed = True


async def read(chunks: list[bytes]) -> bytes:
    inner = Chunks(chunks)
    stream = WellFormed(inner)
    whole = b"".join([chunk async for chunk in stream])
    await stream.aclose()
    assert inner.closed
    return whole


def mended(data: bytes, size: int = 1 << 20) -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return async_to_sync(read)(pieces)


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        (rb'"plain"', rb'"plain"'),
        (rb'"\ud800"', rb'"\ufffd"'),
        (rb'"\udc00x"', rb'"\ufffdx"'),
        (rb'"\uD83D\uDE00"', rb'"\uD83D\uDE00"'),
        (rb'"\ud800\ud800\udc00"', rb'"\ufffd\ud800\udc00"'),
        (rb'"\\ud800"', rb'"\\ud800"'),
        (rb'"\n\"\u00e9"', rb'"\n\"\u00e9"'),
        (b'"\\', b'"\\'),
        (rb'"\ud8', rb'"\ud8'),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_lone_surrogates_are_replaced_however_the_bytes_arrive(
    sent: bytes, seen: bytes, size: int
):
    assert mended(sent, size) == seen


@given(st.text(alphabet='a\\"\u00e9\U0001f600\x00', max_size=40), st.integers(1, 9))
def test_valid_json_is_left_as_it_is(text: str, size: int):
    data = json.dumps({"text": text}).encode()
    assert mended(data, size) == data


def response(result: dict[str, Any]) -> JSONRPCResponse:
    return JSONRPCResponse(jsonrpc="2.0", id=1, result=result)


def test_a_listing_is_set_aside_and_its_caching_hints_are_repaired():
    wire = Wire()
    taken = wire.take(response({"tools": [{"name": 5}], "nextCursor": "c"}))
    assert isinstance(taken, JSONRPCResponse)
    assert taken.result["tools"] == []
    assert taken.result["nextCursor"] == "c"
    assert taken.result["cacheScope"] == "private"
    assert taken.result["resultType"] == "complete"
    assert wire.raw["tools"] == [{"name": 5}]


def test_a_result_is_set_aside_with_its_structured_content():
    wire = Wire()
    taken = wire.take(
        response({"content": [{"type": "x"}], "structuredContent": [1], "isError": "y"})
    )
    assert isinstance(taken, JSONRPCResponse)
    assert taken.result == {"content": [], "isError": False, "resultType": "complete"}
    assert wire.raw["structuredContent"] == [1]


def test_a_handshake_is_left_alone():
    result = {"protocolVersion": "2025-11-25"}
    taken = Wire().take(response(dict(result)))
    assert isinstance(taken, JSONRPCResponse)
    assert taken.result == result


def test_a_reply_nested_too_deeply_becomes_an_error(settings: Settings):
    settings.MAX_JSON_DEPTH = 5
    deep: Any = 1
    for _ in range(6):
        deep = [deep]
    taken = Wire().take(response({"content": deep}))
    assert isinstance(taken, JSONRPCError)
    assert "recursion limit" in taken.error.message
