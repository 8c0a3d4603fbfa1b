"""Whose account it is: for people to tell two of them apart, and for nothing else."""

import base64
import json
from typing import Any

import pytest

from connectors.auth import oauth
from connectors.auth.oauth import Tokens
from connectors.tests.loopback import hang
from connectors.tests.oauth_site import Page, as_json, server_of, site, status

pytestmark = pytest.mark.usefixtures("allow_loopback")


def id_token(claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{body}.c2ln"


async def label(
    page: Page | None = None,
    *,
    scope: str = "openid",
    endpoint: str = "",
    deadline_s: float = 5,
    **answer: Any,
) -> str:
    """Return the label of a token that came with `answer`, and a userinfo `page`."""
    async with site() as there:
        more: dict[str, Any] = {"userinfo_endpoint": f"{there.url}/userinfo"}
        if page is not None:
            there.publish({"/userinfo": page})
        if endpoint:
            more["authorization_endpoint"] = endpoint
        async with oauth.leg(deadline_s=deadline_s) as leg:
            return await oauth.account_label(
                leg,
                server=server_of(there.url, **more),
                tokens=Tokens(access_token="at", scope=scope, answer=answer),
            )


async def test_the_id_token_tells_it():
    token = id_token({"sub": "1", "name": "Ada", "email": "ada@demo.example"})
    assert await label(id_token=token) == "ada@demo.example"


async def test_the_userinfo_endpoint_tells_it():
    assert await label({"sub": "1", "name": "Ada"}) == "Ada"


async def test_nobody_is_asked_who_may_not_be():
    assert await label({"name": "Ada"}, scope="read") == ""


async def test_a_provider_tells_it_in_its_own_place():
    found = await label(
        endpoint="https://api.notion.com/v1/oauth/authorize", workspace_name="Team"
    )
    assert found == "Team"
    found = await label(
        endpoint="https://slack.com/oauth/v2/authorize", team={"name": "Sales"}
    )
    assert found == "Sales"


@pytest.mark.parametrize(
    "token",
    [
        7,
        "",
        "a.b",
        "a.b.c",
        "e30.!!!.c2ln",
        id_token([]),
        id_token("x"),
        id_token({"email": 7, "name": ["x"]}),
        "e30." + base64.urlsafe_b64encode(b"[" * 100_000).decode() + ".x",
    ],
)
async def test_an_id_token_that_cannot_be_read_tells_nothing(token: Any):
    assert await label(id_token=token) == ""


@pytest.mark.parametrize(
    "page",
    [
        status("403 Forbidden"),
        status("200 OK", b"<h1>Hello</h1>"),
        status("302 Found", b"", "Location: https://evil.example"),
        as_json({"email": {"x": 1}}),
        as_json({"email": ""}),
    ],
)
async def test_a_sign_in_is_as_good_without(page: bytes):
    assert await label(page) == ""


async def test_what_it_says_is_made_fit_to_be_read():
    name = "Ada\u202e\x1b[31m\n<b>" + "x" * 500
    found = await label(as_json({"name": name}))
    assert found.startswith("Ada <b>x")
    assert len(found) == 200
    assert found.isprintable()


async def test_an_endpoint_that_is_silent_does_not_end_the_sign_in():
    assert await label(hang, deadline_s=0.5) == ""
