import asyncio
import socket
from collections.abc import Iterator

import pytest

from demo.broken import SHOWN, build, faults
from demo.hostile import FAULTS, Hostile, running
from demo.tests.dialling import ask, http, request_bytes, result


@pytest.fixture(scope="module")
def broken() -> Iterator[Hostile]:
    with running(faults=faults()) as server:
        yield server


def test_it_shows_known_faults_and_a_server_that_dies() -> None:
    assert list(faults()) == ["mcp", *SHOWN]
    assert set(SHOWN.values()) <= set(FAULTS)
    assert {"html", "500", "slow", "empty", "bad-tool"} <= set(SHOWN)


def test_the_usual_path_dies_after_the_handshake(broken: Hostile) -> None:
    url = broken.url("mcp")
    assert "supportedVersions" in result(ask(url, "server/discover"))
    assert ask(url, "tools/list").status_code == 500


def test_the_front_page_lists_every_path(broken: Hostile) -> None:
    with http() as client:
        page = client.get(broken.origin)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for path, fault in faults().items():
        assert f"<code>{broken.url(path)}</code>" in page.text
        assert fault.about in page.text


def test_one_bad_tool_is_listed_among_good_ones(broken: Hostile) -> None:
    listed = result(ask(broken.url("bad-tool"), "tools/list"))["tools"]
    assert [tool["name"] for tool in listed if "inputSchema" not in tool] == ["bad"]


async def test_it_stops_while_somebody_listens() -> None:
    server = build()
    await server.start([socket.create_server(("127.0.0.1", 0))])
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request_bytes(server.url("call-slow"), "tools/call"))
    await reader.readuntil(b"notifications/progress")
    await server.stop()
    assert b"result" not in await reader.read()
    writer.close()
    await writer.wait_closed()
