"""An event stream: what is sent, and what ends when its reader leaves."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from django.test import RequestFactory

from connectors.views import stream

PATIENCE_S = 5


async def texts(*items: str) -> AsyncGenerator[str]:
    for item in items:
        yield item


async def chunks(
    fragments: AsyncGenerator[str], *, heartbeat_s: float = PATIENCE_S
) -> list[str]:
    response = stream.answer(fragments, heartbeat_s=heartbeat_s)
    return [chunk.decode() async for chunk in response]


class Endless:
    """Fragments of which there is one, and then a wait for ever."""

    def __init__(self) -> None:
        self.is_waiting = asyncio.Event()
        self.is_closed = asyncio.Event()

    async def fragments(self) -> AsyncGenerator[str]:
        try:
            yield "first"
            self.is_waiting.set()
            await asyncio.Event().wait()
        finally:
            self.is_closed.set()


# --- What is sent ------------------------------------------------------------


async def test_each_fragment_is_one_event():
    assert await chunks(texts("<p>a</p>", "<p>b</p>")) == [
        "data: <p>a</p>\n\n",
        "data: <p>b</p>\n\n",
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
async def test_no_line_end_leaves_the_data(end: str):
    sent = await chunks(texts(f"a{end}event: evil{end}{end}data: b"))
    assert sent == ["data: a\ndata: event: evil\ndata: \ndata: data: b\n\n"]


async def test_a_silent_stream_is_kept_open_by_comments():
    waiting = stream.answer(Endless().fragments(), heartbeat_s=0.01)
    sent = aiter(waiting)
    assert await anext(sent) == b"data: first\n\n"
    assert await anext(sent) == b":\n\n"
    assert await anext(sent) == b":\n\n"
    await sent.aclose()  # type: ignore[attr-defined]


async def test_nobody_on_the_way_collects_or_compresses_it():
    response = stream.answer(texts())
    assert response["Content-Type"] == "text/event-stream"
    assert "no-transform" in response["Cache-Control"]
    assert response["X-Accel-Buffering"] == "no"


async def test_what_the_fragments_raise_ends_the_stream():
    async def failing() -> AsyncGenerator[str]:
        yield "first"
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await chunks(failing())


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("text/html, text/event-stream", True),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("", False),
    ],
)
def test_only_who_asks_for_a_stream_gets_one(
    rf: RequestFactory, accept: str, wanted: bool
):
    assert stream.is_wanted(rf.get("/", headers={"accept": accept})) is wanted


# --- Who leaves --------------------------------------------------------------


async def test_the_fragments_are_closed_when_the_reader_is_cancelled():
    endless = Endless()
    reading = asyncio.ensure_future(chunks(endless.fragments()))
    async with asyncio.timeout(PATIENCE_S):
        await endless.is_waiting.wait()
        reading.cancel()
        await asyncio.wait([reading])
        await endless.is_closed.wait()


async def test_the_fragments_are_closed_when_the_stream_is():
    endless = Endless()
    sent = aiter(stream.answer(endless.fragments()))
    await anext(sent)
    await sent.aclose()  # type: ignore[attr-defined]
    async with asyncio.timeout(PATIENCE_S):
        await endless.is_closed.wait()


async def test_all_fragments_are_made_by_one_task():
    tasks = set()

    async def fragments() -> AsyncGenerator[str]:
        for _ in range(3):
            tasks.add(asyncio.current_task())
            yield "x"

    await chunks(fragments())
    assert len(tasks) == 1
