import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from demo.fixtures import DemoServer
from demo.releases import RELEASES
from demo.tests.dialling import ask, result


def test_without_a_token_it_asks_for_one(token_server: DemoServer) -> None:
    answer = ask(token_server.url, "tools/list")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="demo"'


@pytest.mark.parametrize(
    "offered", ["Bearer wrong", "Bearer", "bearer demo-token2", b"Bearer d\xe9mo"]
)
def test_a_wrong_token_is_called_invalid(
    token_server: DemoServer, offered: str | bytes
) -> None:
    answer = ask(token_server.url, "tools/list", authorization=offered)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_other_credentials_are_no_token(token_server: DemoServer) -> None:
    answer = ask(token_server.url, "tools/list", authorization="Basic ZGVtbzpkZW1v")
    assert answer.headers["www-authenticate"] == 'Bearer realm="demo"'


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_the_right_token_opens_it(token_server: DemoServer, scheme: str) -> None:
    answer = ask(
        token_server.url, "tools/list", authorization=f"{scheme} {token_server.token}"
    )
    names = [tool["name"] for tool in result(answer)["tools"]]
    assert names == ["latest_release", "find_releases"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_its_tools_work_with_the_token(
    token_server: DemoServer, mode: str
) -> None:
    headers = {"Authorization": f"Bearer {token_server.token}"}
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False) as http,
        Client(
            streamable_http_client(token_server.url, http_client=http), mode=mode
        ) as client,
    ):
        latest = await client.call_tool("latest_release", {})
        found = await client.call_tool("find_releases", {"text": "TABLET"})
    assert latest.structured_content == RELEASES[0].model_dump()
    assert found.structured_content == {"result": [RELEASES[0].model_dump()]}
