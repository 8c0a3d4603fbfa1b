"""A client that is not ours signs in: what the demo asks for is what others do."""

import asyncio

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from pydantic import AnyUrl

from demo.authority.running import RunningAuthority
from demo.tests.walking import REDIRECT, SCOPE, query


class Signing:
    """The person, and where the SDK keeps what it was given."""

    def __init__(self, authority: RunningAuthority) -> None:
        self.authority = authority
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None
        self.asked: list[str] = []
        self.sent_back = ""

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info

    async def open_page(self, url: str) -> None:
        self.asked.append(query(url)["scope"])
        self.sent_back = await asyncio.to_thread(self.authority.sign_in, url, "grace")

    async def come_back(self) -> AuthorizationCodeResult:
        answer = query(self.sent_back)
        return AuthorizationCodeResult(
            code=answer["code"], state=answer["state"], iss=answer.get("iss")
        )


@pytest.mark.parametrize("challenges", [True, False])
async def test_the_sdk_signs_in_and_asks_for_more_when_it_is_needed(
    authority: RunningAuthority, challenges: bool
) -> None:
    authority.switches.challenges = challenges
    signing = Signing(authority)
    provider = OAuthClientProvider(
        authority.mcp_url,
        OAuthClientMetadata(
            client_name="The SDK",
            redirect_uris=[AnyUrl(REDIRECT)],
            scope="journal:read",
        ),
        signing,
        redirect_handler=signing.open_page,
        callback_handler=signing.come_back,
    )
    async with (
        httpx2.AsyncClient(auth=provider, trust_env=False) as http,
        Client(streamable_http_client(authority.mcp_url, http_client=http)) as client,
    ):
        person = await client.call_tool("whoami", {})
        assert person.structured_content
        assert person.structured_content["email"] == "grace@demo.example"
        assert set(signing.asked[0].split()) == set(SCOPE.split())
        # Without the challenge nothing says which scope is missing.
        authority.switches.challenges = True
        added = await client.call_tool("add_entry", {"title": "Today"})
    assert not added.is_error
    assert "journal:write" in signing.asked[1].split()
    assert authority.mcp_calls == [
        {"tool": "whoami", "account": "grace"},
        {"tool": "add_entry", "account": "grace"},
    ]
    assert [seen["outcome"] for seen in authority.token_requests] == ["ok", "ok"]
