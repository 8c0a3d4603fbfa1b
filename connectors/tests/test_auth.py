"""The kinds of sign-in: what is accepted, what is sent, what is refused."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync

from connectors import auth, pools
from connectors.auth import api_key, oauth
from connectors.egress import FORBIDDEN_HEADERS, Operation
from connectors.errors import InvalidInput


def refusal(auth_type: str, config: Any) -> list[Any]:
    with pytest.raises(InvalidInput) as caught:
        auth.check_config(auth_type, config)
    return list(caught.value.errors[0]["loc"])


def test_an_unknown_kind_is_refused():
    assert refusal("basic", None) == ["body", "auth_type", "enum"]


def test_none_takes_no_credentials():
    assert auth.check_config("none", None) is None
    assert auth.check_config("none", {}) is None
    assert auth.headers_for("none", None) == {}
    assert refusal("none", {"token": "x"})[1] == "auth_config"


@pytest.mark.parametrize(
    "typed",
    ["abc", "  abc\n", "Bearer abc", "bearer   abc", "Authorization: Bearer abc"],
)
def test_a_token_is_sent_as_bearer_however_it_was_copied(typed: str):
    config = auth.check_config("api_key", {"token": typed})
    assert auth.headers_for("api_key", config) == {"Authorization": "Bearer abc"}


@pytest.mark.parametrize(
    "config",
    [
        None,
        {},
        [],
        "abc",
        {"token": ""},
        {"token": " "},
        {"token": None},
        {"token": 5},
        {"token": "a b"},
        {"token": "a\r\nHost: evil"},
        {"token": "ü"},
        {"token": "x" * 8001},
        {"token": "a", "headers": {"X-Key": "b"}},
        {"key": "a"},
        {"headers": None},
        {"headers": {}},
        {"headers": ["X-Key: b"]},
        {"headers": {"X-Key": 5}},
        {"headers": {"X-Key": ""}},
        {"headers": {"X-Key": "a\r\nX-Other: b"}},
        {"headers": {"X-Key": "a\x00b"}},
        {"headers": {"X Key": "a"}},
        {"headers": {"X-Key\r\nHost": "a"}},
        {"headers": {"": "a"}},
        {"headers": {"X-Key": "a", "x-key": "b"}},
        {"headers": {"X-Key": "a" * 8001}},
        {"headers": {f"X-{n}": "a" for n in range(21)}},
    ],
)
def test_what_cannot_be_a_credential_is_refused(config: Any):
    assert refusal("api_key", config)[:2] == ["body", "auth_config"]


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Upgrade",
        "TE",
        "Cookie",
        "Set-Cookie",
        "Accept-Encoding",
        "Content-Type",
        "Mcp-Session-Id",
        "MCP-Protocol-Version",
        "Last-Event-ID",
        "Proxy-Authorization",
        "X-Forwarded-For",
        "Sec-Fetch-Site",
        "X-Patchbay-Hop",
        "Origin",
        "Expect",
    ],
)
def test_headers_that_would_change_the_request_itself_are_refused(name: str):
    loc = refusal("api_key", {"headers": {name: "x"}})
    assert loc == ["body", "auth_config", "headers", name, "forbidden"]


def test_own_headers_are_sent_as_given():
    config = auth.check_config("api_key", {"headers": {"X-API-Key": " k 1 "}})
    assert auth.headers_for("api_key", config) == {"X-API-Key": "k 1"}


def test_a_refusal_never_repeats_the_value():
    with pytest.raises(InvalidInput) as caught:
        auth.check_config("api_key", {"headers": {"X-Key": "canary\r\n"}, "token": "c"})
    assert "canary" not in str(caught.value.errors)


def test_client_settings_of_oauth_are_texts():
    assert auth.check_config("oauth", None) is None
    assert auth.check_config("oauth", {"client_id": "a"}) == {"client_id": "a"}
    assert refusal("oauth", {"client_id": 5})[1] == "auth_config"
    assert auth.headers_for("oauth", None) == {}


def test_a_bearer_challenge_is_read():
    found = oauth.challenge(
        'Bearer realm="a \\"quoted\\" realm", error=invalid_token, '
        'scope="read write", resource_metadata="https://x.example/.well-known/r"'
    )
    assert found.scheme == "Bearer"
    assert found.realm == 'a "quoted" realm'
    assert found.error == "invalid_token"
    assert found.scope == "read write"
    assert found.wants_oauth
    assert found.public()["resource_metadata"].startswith("https://x.example/")


@pytest.mark.parametrize(
    "header", [None, "", "Basic", '"', "Bearer =", "\x00", "," * 9]
)
def test_a_malformed_challenge_is_left_out(header: str | None):
    assert not oauth.challenge(header).wants_oauth


def test_control_characters_of_a_challenge_are_removed():
    assert oauth.challenge('Bearer realm="a\x1b[31mb\u202e"').realm == "ab"


@pytest.mark.parametrize(
    "config",
    [
        {"token": "x" * api_key.MAX_VALUE_CHARS},
        {"headers": {"X" * 100: "a b c" * 1000}},
    ],
)
def test_the_largest_credential_can_be_sent(config: dict[str, Any]):
    headers = auth.headers_for("api_key", auth.check_config("api_key", config))

    async def open_client() -> None:
        operation = Operation(max_bytes=1, deadline_s=1)
        async with pools.http(operation, headers=headers) as client:
            assert all(client.headers[name] == headers[name] for name in headers)

    async_to_sync(open_client)()


def test_nothing_that_egress_refuses_is_taken():
    for name in FORBIDDEN_HEADERS:
        assert refusal("api_key", {"headers": {name: "x"}})[-1] == "forbidden"
