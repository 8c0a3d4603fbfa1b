import pytest
from mcp import Client

from demo.hostile import Era, Hostile
from demo.hostile.peer import LEGACY, MODERN
from demo.tests.dialling import Session, ask, error, http, message, post, result, sse

CALLED = {"name": "echo", "arguments": {"text": "hi"}}


@pytest.mark.parametrize(
    ("era", "mode", "version"),
    [
        ("modern", "auto", MODERN),
        ("legacy", "auto", LEGACY),
        ("legacy", "legacy", LEGACY),
        ("both", "auto", MODERN),
        ("both", "legacy", LEGACY),
    ],
)
async def test_the_good_path_is_a_correct_server(
    hostile: Hostile, era: Era, mode: str, version: str
) -> None:
    async with Client(hostile.url("good", era), mode=mode) as client:
        assert client.protocol_version == version
        assert client.server_info
        assert client.server_info.title == "Hostile peer"
        assert client.instructions == "A peer for tests."
        assert [tool.name for tool in (await client.list_tools()).tools] == [
            "echo",
            "add",
        ]
        said = await client.call_tool("echo", {"text": "hi"})
        added = await client.call_tool("add", {"a": 1, "b": 2})
    assert said.content[0].model_dump()["text"] == "hi"
    assert added.structured_content == {"result": 3}


async def test_it_speaks_over_two_connections(hostile: Hostile) -> None:
    async with sse(hostile.url("sse-good")) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == [
            "echo",
            "add",
        ]
        added = await client.call_tool("add", {"a": 1, "b": 2})
    assert added.structured_content == {"result": 3}


def test_a_modern_result_carries_what_the_spec_requires(hostile: Hostile) -> None:
    url = hostile.url("good")
    discovered = result(ask(url, "server/discover"))
    listed = result(ask(url, "tools/list"))
    called = result(ask(url, "tools/call", CALLED))
    for one in (discovered, listed, called):
        assert one["resultType"] == "complete"
        assert one["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "hostile"
    for one in (discovered, listed):
        assert (one["ttlMs"], one["cacheScope"]) == (0, "private")
    assert discovered["supportedVersions"] == [MODERN]


def test_a_modern_path_knows_no_sessions(hostile: Hostile) -> None:
    opening = Session(hostile.url("good")).opening
    assert opening.status_code == 400
    assert error(opening)["code"] == -32022
    assert error(opening)["data"]["supported"] == [MODERN]


def test_a_modern_request_names_its_method_in_a_header(hostile: Hostile) -> None:
    answer = ask(hostile.url("good"), "tools/list", mcp_method="tools/call")
    assert answer.status_code == 400
    assert error(answer)["code"] == -32020


def test_a_legacy_path_wants_a_session(hostile: Hostile) -> None:
    url = hostile.url("good", "legacy")
    assert ask(url, "server/discover").status_code == 400
    assert error(ask(url, "tools/list"))["code"] == -32600
    assert ask(url, "tools/list", mcp_session_id="made-up").status_code == 404


def test_a_session_ends_when_it_is_deleted(hostile: Hostile) -> None:
    session = Session(hostile.url("good", "legacy"))
    assert session.ask("notifications/initialized").status_code == 202
    assert result(session.ask("ping")) == {}
    assert "tools" in result(session.ask("tools/list"))
    with http() as client:
        assert client.get(session.url).status_code == 405
        assert client.delete(session.url, headers=session.headers).status_code == 200
    assert session.ask("tools/list").status_code == 404


@pytest.mark.parametrize("asked", ["2024-11-05", "2025-06-18", LEGACY])
def test_a_session_begins_with_the_version_that_was_asked_for(
    hostile: Hostile, asked: str
) -> None:
    opening = message("initialize", {"protocolVersion": asked})
    answer = post(hostile.url("good", "legacy"), opening, {})
    assert result(answer)["protocolVersion"] == asked


def test_an_unknown_version_is_answered_with_the_newest(hostile: Hostile) -> None:
    opening = message("initialize", {"protocolVersion": "2030-01-01"})
    answer = post(hostile.url("good", "legacy"), opening, {})
    assert result(answer)["protocolVersion"] == LEGACY


def test_what_it_does_not_know_is_an_error(hostile: Hostile) -> None:
    url = hostile.url("good")
    assert error(ask(url, "tools/call", {"name": "none"}))["code"] == -32602
    unknown = ask(url, "resources/list")
    assert (unknown.status_code, error(unknown)["code"]) == (404, -32601)
    session = Session(hostile.url("good", "legacy"))
    assert error(session.ask("resources/list"))["code"] == -32601
    assert post(url, [1], {}).status_code == 400
    assert ask(url, "notifications/cancelled").status_code == 202
