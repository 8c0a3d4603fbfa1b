"""The journal, behind its door: tokens, scopes, and two people's entries."""

from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from demo.authority.running import RunningAuthority
from demo.journal import FIRST_ENTRIES
from demo.tests.dialling import ask, result
from demo.tests.walking import SCOPE, Walk, get


@pytest.fixture
def walk(authority: RunningAuthority) -> Walk:
    return Walk(authority=authority).registered()


def metadata_url(authority: RunningAuthority) -> str:
    origin = authority.mcp_url.removesuffix("/mcp")
    return f"{origin}/.well-known/oauth-protected-resource/mcp"


def call(authority: RunningAuthority, token: str, tool: str) -> httpx2.Response:
    return ask(
        authority.mcp_url,
        "tools/call",
        {"name": tool, "arguments": {"title": "Today"} if tool == "add_entry" else {}},
        authorization=f"Bearer {token}",
    )


async def entries(
    authority: RunningAuthority, token: str, mode: str, tool: str, **arguments: Any
) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False) as http,
        Client(
            streamable_http_client(authority.mcp_url, http_client=http), mode=mode
        ) as client,
    ):
        answer = await client.call_tool(tool, arguments)
    assert answer.structured_content
    return answer.structured_content


# --- The door ----------------------------------------------------------------


def test_without_a_token_it_says_where_its_metadata_is(
    authority: RunningAuthority,
) -> None:
    answer = ask(authority.mcp_url, "tools/list")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == (
        f'Bearer resource_metadata="{metadata_url(authority)}"'
    )
    assert get(metadata_url(authority)).json() == {
        "resource": authority.mcp_url,
        "resource_name": "Journal",
        "authorization_servers": [authority.issuer],
        "scopes_supported": SCOPE.split(),
        "bearer_methods_supported": ["header"],
    }
    assert authority.mcp_refusals == [{"status": 401, "error": ""}]


@pytest.mark.parametrize("offered", ["Bearer wrong", "Bearer", "Basic YTpi"])
def test_a_wrong_token_is_called_invalid(
    authority: RunningAuthority, offered: str
) -> None:
    answer = ask(authority.mcp_url, "tools/list", authorization=offered)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_writing_needs_a_scope_that_is_not_asked_for_at_first(
    authority: RunningAuthority, walk: Walk
) -> None:
    refused = call(authority, walk.tokens()["access_token"], "add_entry")
    assert refused.status_code == 403
    assert refused.headers["www-authenticate"] == (
        'Bearer error="insufficient_scope", scope="journal:write",'
        f' resource_metadata="{metadata_url(authority)}"'
    )
    assert authority.mcp_calls == []
    more = walk.tokens(scope=f"{SCOPE} journal:write")["access_token"]
    added = result(call(authority, more, "add_entry"))["structuredContent"]
    assert added["title"] == "Today"
    assert authority.mcp_calls == [{"tool": "add_entry", "account": "ada"}]


def test_a_token_that_may_not_read_opens_nothing(
    authority: RunningAuthority, walk: Walk
) -> None:
    token = walk.tokens(scope="openid")["access_token"]
    refused = call(authority, token, "whoami")
    assert refused.status_code == 403
    assert 'scope="journal:read"' in refused.headers["www-authenticate"]


# --- The tools ---------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_two_people_see_their_own_entries(
    authority: RunningAuthority, walk: Walk, mode: str
) -> None:
    ada = walk.tokens("ada")["access_token"]
    grace = walk.tokens("grace")["access_token"]
    assert (await entries(authority, ada, mode, "whoami"))["name"] == "Ada"
    listed = (await entries(authority, grace, mode, "list_entries"))["result"]
    assert [entry["title"] for entry in listed] == [
        entry.title for entry in reversed(FIRST_ENTRIES["grace"])
    ]
    words = {"text": "TEA"}
    found = (await entries(authority, ada, mode, "search_entries", **words))["result"]
    assert [entry["title"] for entry in found] == ["Tea with Charles"]
    none = await entries(authority, grace, mode, "search_entries", **words)
    assert none == {"result": []}


def test_what_was_written_is_listed_first(
    authority: RunningAuthority, walk: Walk
) -> None:
    token = walk.tokens(scope=f"{SCOPE} journal:write")["access_token"]
    assert call(authority, token, "add_entry").status_code == 200
    listed = result(call(authority, token, "list_entries"))["structuredContent"]
    assert [entry["title"] for entry in listed["result"]][:2] == [
        "Today",
        "Tea with Charles",
    ]
