"""Hostile input: wrong types, sizes, characters, credentials and ids."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from config.tests.rest import ApiClient
from connectors.models import UserMCPConnection

CONNECTORS = "/api/connectors"
TEST = "/api/connectors/test"
URL = "https://example.com/mcp"
WRONG_TYPES = [None, 1, 1.5, True, [], ["a"], {}, {"a": 1}]


def _refused(response: Any) -> list[Any]:
    """Return the `loc` of the first error of a 422."""
    assert response.status_code == 422, response.text
    loc: list[Any] = response.json()["detail"][0]["loc"]
    assert loc[0] == "body"
    return loc[1:]


@pytest.fixture(autouse=True)
def _nothing_is_saved(db: None) -> Any:
    yield
    assert UserMCPConnection.objects.count() == 0


# --- Missing and of the wrong type -------------------------------------------


@pytest.mark.parametrize("body", [None, {}, {"name": "x"}, b"{}"])
def test_a_missing_server_url_is_refused(api: ApiClient, body: Any) -> None:
    for path in (CONNECTORS, TEST):
        assert _refused(api.post(path, body)) == ["server_url", "required"]


def test_every_missing_field_is_named(api: ApiClient) -> None:
    detail = api.post(CONNECTORS, {}).json()["detail"]
    assert [error["loc"][1] for error in detail] == ["server_url", "name"]


@pytest.mark.parametrize("field", ["server_url", "name", "description", "test_ticket"])
@pytest.mark.parametrize("value", WRONG_TYPES, ids=json.dumps)
def test_what_should_be_text_is_not_converted(
    api: ApiClient, field: str, value: Any
) -> None:
    if field == "test_ticket" and value is None:
        return
    body = {"name": "x", "server_url": URL, field: value}
    constraint = "null" if value is None else "string"
    assert _refused(api.post(CONNECTORS, body)) == [field, constraint]


@pytest.mark.parametrize("value", WRONG_TYPES, ids=json.dumps)
def test_a_server_url_that_is_no_text_is_not_tested(api: ApiClient, value: Any) -> None:
    constraint = "null" if value is None else "string"
    assert _refused(api.post(TEST, {"server_url": value})) == ["server_url", constraint]


@pytest.mark.parametrize("value", [None, 0, 1, "true", "yes", [], {}], ids=json.dumps)
def test_what_should_be_a_flag_is_not_converted(api: ApiClient, value: Any) -> None:
    constraint = "null" if value is None else "boolean"
    body = {"name": "x", "server_url": URL, "allow_duplicate": value}
    assert _refused(api.post(CONNECTORS, body)) == ["allow_duplicate", constraint]
    response = api.post(f"{CONNECTORS}/1/toggle", {"is_active": value})
    assert _refused(response) == ["is_active", constraint]


@pytest.mark.parametrize("value", [None, 1, "a", True, []], ids=json.dumps)
def test_arguments_are_an_object(api: ApiClient, value: Any) -> None:
    response = api.post(f"{CONNECTORS}/1/tools/echo/call", {"arguments": value})
    constraint = "null" if value is None else "object"
    assert _refused(response) == ["arguments", constraint]


@pytest.mark.parametrize("value", [1, "token", True, [], [["token", "x"]]], ids=repr)
def test_credentials_are_an_object(api: ApiClient, value: Any) -> None:
    body = {"server_url": URL, "auth_type": "api_key", "auth_config": value}
    assert _refused(api.post(TEST, body)) == ["auth_config", "object"]


@pytest.mark.parametrize("value", [None, 1, "", "bearer", "NONE", ["none"], {}])
def test_the_sign_in_is_one_of_three(api: ApiClient, value: Any) -> None:
    loc = _refused(api.post(TEST, {"server_url": URL, "auth_type": value}))
    assert loc[0] == "auth_type"
    assert len(loc) == 2


def test_what_was_sent_is_not_repeated(api: ApiClient) -> None:
    secret = "a-secret-in-the-wrong-place"
    key = {"server_url": URL, "auth_type": "api_key"}
    for body in (
        {"server_url": URL, "auth_type": secret},
        key | {"auth_config": {"key": secret}},
        key | {"auth_config": {"token": f"é{secret}"}},
        {"server_url": [secret]},
    ):
        response = api.post(TEST, body)
        assert response.status_code == 422
        assert secret not in response.text


# --- Texts -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "constraint"),
    [
        ("", "url"),
        ("invalid-url", "url"),
        ("ftp://example.com/mcp", "url"),
        ("javascript:alert(1)", "url"),
        ("file:///etc/passwd", "url"),
        ("http://", "url"),
        ("https://exa mple.com", "url"),
        ("https://example.com/\r\nHost: inside", "url"),
        ("https://user:secret@example.com/mcp", "userinfo"),
        ("https://user@example.com/mcp", "userinfo"),
        ("https://example.com/" + "x" * 2048, "max_length"),
        ("https://example.com/" + "x" * 500_000, "max_length"),
    ],
    ids=lambda value: value[:40],
)
def test_a_url_that_cannot_be_dialled_is_refused(
    api: ApiClient, url: str, constraint: str
) -> None:
    loc = _refused(api.post(CONNECTORS, {"name": "Test", "server_url": url}))
    assert loc == ["server_url", constraint]


@pytest.mark.parametrize(
    ("name", "constraint"),
    [
        ("", "blank"),
        (" \t\n ", "blank"),
        ("\u200b\u202e\u2066", "blank"),
        ("\x1b[31m", "blank"),
        ("x" * 101, "max_length"),
        ("x" * 900_000, "max_length"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_name_that_people_cannot_read_is_refused(
    api: ApiClient, name: str, constraint: str
) -> None:
    assert _refused(api.post(CONNECTORS, {"name": name, "server_url": URL})) == [
        "name",
        constraint,
    ]


def test_a_description_has_at_most_500_characters(api: ApiClient) -> None:
    body = {"name": "x", "server_url": URL, "description": "x" * 501}
    assert _refused(api.post(CONNECTORS, body)) == ["description", "max_length"]


# --- The body as a whole -----------------------------------------------------


@pytest.mark.parametrize(
    ("body", "constraint"),
    [
        (b"{", "json"),
        (b"[]", "object"),
        (b"null", "object"),
        (b'{"server_url": NaN}', "number"),
        (b'{"server_url": "a", "server_url": "b"}', "duplicate_key"),
        (b'{"server_url": "\\u0000"}', "characters"),
        (b'{"server_url": "\\ud800"}', "characters"),
        (b'{"server_url": "\xff"}', "encoding"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "depth"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_body_that_is_not_plainly_json_is_refused(
    api: ApiClient, body: bytes, constraint: str
) -> None:
    assert _refused(api.post(TEST, body)) == [constraint]


def test_a_body_of_more_than_1_mib_is_refused(api: ApiClient) -> None:
    response = api.post(TEST, {"server_url": "x" * (1 << 20)})
    assert response.status_code == 413
    assert response.json()["error"] == "PAYLOAD_TOO_LARGE"


def test_only_json_is_read(api: ApiClient) -> None:
    content_type = "application/x-www-form-urlencoded"
    response = api.post(TEST, f"server_url={quote(URL)}", content_type=content_type)
    assert response.status_code == 415


# --- Credentials -------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "Content-Length",
        "Content-Type",
        "Transfer-Encoding",
        "Connection",
        "Cookie",
        "Mcp-Session-Id",
        "mcp-protocol-version",
        "MCP-Anything",
        "Proxy-Authorization",
        "X-Forwarded-For",
        ":authority",
        "Bad Name",
        "Bad\r\nName",
        "Näme",
        "",
    ],
)
def test_a_header_that_would_change_the_request_is_refused(
    api: ApiClient, name: str
) -> None:
    config = {"headers": {name: "x"}}
    body = {"server_url": URL, "auth_type": "api_key", "auth_config": config}
    for path, more in ((TEST, {}), (CONNECTORS, {"name": "x"})):
        assert _refused(api.post(path, body | more))[:2] == ["auth_config", "headers"]


@pytest.mark.parametrize(
    "value", ["", " ", "a\r\nHost: inside", "a\nb", "a\x00", "ä", 1, None, ["a"]]
)
def test_a_header_value_that_could_be_two_is_refused(
    api: ApiClient, value: Any
) -> None:
    config = {"headers": {"X-Key": value}}
    body = {"server_url": URL, "auth_type": "api_key", "auth_config": config}
    assert api.post(TEST, body).status_code == 422


@pytest.mark.parametrize(
    "config",
    [
        None,
        {},
        {"token": ""},
        {"token": None},
        {"token": 1},
        {"token": "two words"},
        {"token": "a\nb"},
        {"token": "x" * 100_000},
        {"headers": {}},
        {"headers": []},
        {"headers": {f"X-{n}": "x" for n in range(10_000)}},
        {"token": "x", "headers": {"X-Key": "x"}},
        {"password": "x"},
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_api_key_is_a_token_or_headers(api: ApiClient, config: Any) -> None:
    body = {"server_url": URL, "auth_type": "api_key", "auth_config": config}
    assert _refused(api.post(TEST, body))[0] == "auth_config"


def test_credentials_without_a_sign_in_are_not_dropped_silently(
    api: ApiClient,
) -> None:
    body = {"server_url": URL, "auth_config": {"token": "x"}}
    assert _refused(api.post(TEST, body))[0] == "auth_config"


# --- Ids ---------------------------------------------------------------------

IDS = ["0", "-1", "99999999999999999999", "9" * 5000, "abc", "1.5", "٣", "1%00", "%2e"]


@pytest.mark.parametrize("connector_id", IDS, ids=lambda value: value[:22])
@pytest.mark.parametrize(
    ("method", "rest"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/toggle"),
        ("POST", "/retest"),
        ("POST", "/tools/echo/call"),
    ],
)
def test_an_id_of_nothing_is_404(
    api: ApiClient, connector_id: str, method: str, rest: str
) -> None:
    path = f"{CONNECTORS}/{connector_id}{rest}"
    response = api.send(method, path, {"is_active": True})
    assert response.status_code == 404
    assert response.json()["error"] in {"NOT_FOUND", "CONNECTOR_NOT_FOUND"}


@pytest.mark.parametrize("path", ["/api/connectors/", "/api/connectors/1/", "/api/x"])
def test_an_unknown_address_is_404_for_everybody(api: ApiClient, path: str) -> None:
    for client in (api, ApiClient()):
        response = client.get(path)
        assert response.status_code == 404
        assert response.json()["error"] == "NOT_FOUND"
