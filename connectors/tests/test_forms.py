import json
from typing import Any

import pytest

from connectors import kept
from connectors.forms import AddForm, Entry

URL = "https://mcp.example.com/mcp"
SECRET = "s3cret-value"
USER = 7


def form(**data: Any) -> AddForm:
    """A form that was sent, with a plain URL if nothing else is said."""
    found = AddForm({"server_url": URL, **data}, user_id=USER)
    found.is_valid()
    return found


def entry(**data: Any) -> Entry:
    found = form(**data)
    assert found.entry is not None, found.errors
    return found.entry


def carried(url: str = URL, **config: Any) -> str:
    return kept.seal(user_id=USER, url=url, auth_config=config or {"token": SECRET})


# --- What was meant ----------------------------------------------------------


def test_a_url_alone_is_tested_without_credentials():
    assert entry().target == {
        "server_url": URL,
        "auth_type": "none",
        "auth_config": None,
    }


def test_what_is_no_url_is_left_to_the_test():
    assert entry(server_url="hello there").server_url == "hello there"


def test_a_token_is_sent_if_its_kind_is_chosen():
    assert entry(sign_in="token", token=SECRET).auth_config == {"token": SECRET}
    assert entry(sign_in="none", token=SECRET).auth_config is None


def test_headers_are_one_a_line():
    found = entry(sign_in="headers", headers=f"X-Key: {SECRET}\nX-Team: core")
    assert found.auth_config == {"headers": {"X-Key": SECRET, "X-Team": "core"}}


def test_a_pasted_line_brings_url_and_credentials():
    found = entry(server_url=f"curl {URL} -H 'Authorization: Bearer {SECRET}'")
    assert found.server_url == URL
    assert found.auth_config == {"token": SECRET}
    assert found.is_pasted


def test_a_pasted_entry_brings_its_name():
    snippet = json.dumps({"mcpServers": {"linear": {"url": URL}}})
    assert entry(server_url=snippet).name == "linear"
    assert entry(server_url=snippet, name="Mine").name == "Mine"
    assert entry(server_url=snippet, name="X", suggested_name="X").name == "linear"


def test_what_is_pasted_wins_over_what_was_typed_before():
    found = entry(
        server_url=f"curl {URL} -H 'Authorization: Bearer {SECRET}'",
        sign_in="token",
        token="older",
    )
    assert found.auth_config == {"token": SECRET}


def test_a_placeholder_asks_for_the_real_token():
    snippet = json.dumps({"url": URL, "headers": {"Authorization": "Bearer ${T}"}})
    found = form(server_url=snippet)
    assert "placeholder" in str(found.errors["token"])
    assert found.kind == "token"
    assert entry(server_url=snippet, sign_in="token", token=SECRET).auth_config


# --- What is refused ---------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"server_url": ""}, "server_url"),
        ({"server_url": "{" * 60_000}, "server_url"),
        ({"server_url": '{"mcpServers": {"a": {"command": "npx"}}}'}, "server_url"),
        ({"name": "x" * 101}, "name"),
        ({"sign_in": "oauth"}, "sign_in"),
        ({"sign_in": "token"}, "token"),
        ({"sign_in": "token", "token": "two words"}, "token"),
        ({"sign_in": "headers"}, "headers"),
        ({"sign_in": "headers", "headers": "no colon"}, "headers"),
        ({"sign_in": "headers", "headers": "Host: evil.example"}, "headers"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(data: dict[str, Any], field: str):
    found = form(**data)
    assert list(found.errors) == [field]
    assert found.entry is None


def test_no_message_repeats_a_secret():
    for data in (
        {"server_url": f'{{"a": {{"command": "x", "env": {{"K": "{SECRET}"}}}}}}'},
        {"sign_in": "token", "token": f"{SECRET} {SECRET}"},
        {"sign_in": "headers", "headers": f"X-Key {SECRET}"},
        {"sign_in": "headers", "headers": f"Host: {SECRET}"},
    ):
        found = form(**data)
        assert found.errors
        assert SECRET not in str(found.errors)


# --- What is carried along ---------------------------------------------------


def test_credentials_come_back_sealed():
    sealed = form(sign_in="token", token=SECRET).sealed
    assert SECRET not in sealed
    assert entry(sign_in="token", kept=sealed).auth_config == {"token": SECRET}


def test_what_is_typed_replaces_what_was_carried():
    found = entry(sign_in="token", token="newer-value", kept=carried())
    assert found.auth_config == {"token": "newer-value"}


def test_what_was_carried_is_of_one_kind():
    assert "headers" in form(sign_in="headers", kept=carried()).errors
    assert entry(sign_in="none", kept=carried()).auth_config is None


def test_for_another_server_the_credentials_are_asked_for_again():
    found = form(server_url="https://evil.example/", sign_in="token", kept=carried())
    assert "another server" in str(found.errors["token"])


def test_nobody_else_can_use_what_was_carried():
    other = kept.seal(user_id=8, url=URL, auth_config={"token": SECRET})
    assert "token" in form(sign_in="token", kept=other).errors


# --- A fix -------------------------------------------------------------------


def test_a_fix_keeps_the_credentials_on_the_same_server():
    found = entry(
        server_url="https://mcp.example.com/",
        try_url=URL,
        sign_in="token",
        kept=carried(),
    )
    assert (found.server_url, found.auth_config) == (URL, {"token": SECRET})


@pytest.mark.parametrize("way", ["token", "kept"])
def test_a_fix_never_takes_credentials_to_another_server(way: str):
    # Sealed here: what was sealed when tests were collected may be over by now.
    typed = {way: SECRET if way == "token" else carried()}
    found = form(try_url="https://evil.example/mcp", sign_in="token", **typed)
    assert found.entry is not None
    assert found.entry.server_url == "https://evil.example/mcp"
    assert found.entry.auth_config is None
    assert found.sealed == ""
    assert found.is_switched


# --- What is shown again -----------------------------------------------------


def test_a_paste_is_not_shown_again():
    assert form(server_url='{"env": {"KEY": "s3cret"}}').shown_url == ""
    assert form(server_url=f"curl -H 'X: {SECRET}'").shown_url == ""
    assert form(server_url=f"curl {URL}").shown_url == URL


def test_a_password_in_a_url_is_not_shown_again():
    assert form(server_url=f"https://ada:{SECRET}@a.example/x").shown_url == (
        "https://a.example/x"
    )


def test_a_name_that_was_suggested_is_not_taken_for_typed():
    assert form(name="Notes").has_typed_name
    assert not form(name="Notes", suggested_name="Notes").has_typed_name
    assert not form().has_typed_name


def test_only_the_names_of_headers_are_told():
    found = form(sign_in="headers", headers=f"X-Key: {SECRET}")
    assert found.header_names == ["X-Key"]


def test_no_secret_is_in_the_repr():
    assert SECRET not in repr(entry(sign_in="token", token=SECRET))
