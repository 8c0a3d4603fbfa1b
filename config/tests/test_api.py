import json
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest
from django.test import Client
from rest_framework.exceptions import ParseError

from accounts import tokens
from accounts.models import User
from config.api import read_object
from config.tests.live import LiveServer

REST = "/api/rest"


@pytest.fixture
def client(settings: Any) -> Client:
    settings.ROOT_URLCONF = "config.tests.failing_urls"
    settings.MAX_JSON_DEPTH = 5
    return Client()


def _post(
    client: Client, body: bytes | str, content_type: str = "application/json"
) -> Any:
    return client.post(REST, data=body, content_type=content_type)


@pytest.mark.parametrize(
    ("body", "constraint"),
    [
        (b"", "json"),
        (b"{", "json"),
        (b"{'a': 1}", "json"),
        (b"\xef\xbb\xbf{}", "json"),
        (b'{"a": "\x01"}', "json"),
        (b'{"a": ' + b"9" * 5000 + b"}", "json"),
        (b'{"a": "\xff"}', "encoding"),
        ('{"a": 1}'.encode("utf-16"), "encoding"),
        (b'{"a": "\xed\xa0\x80"}', "encoding"),
        (b"[]", "object"),
        (b"null", "object"),
        (b'"text"', "object"),
        (b"1", "object"),
        (b'{"a": NaN}', "number"),
        (b'{"a": [-Infinity]}', "number"),
        (b'{"a": 1e999}', "number"),
        (b'{"a": 1, "a": 1}', "duplicate_key"),
        (b'{"a": {"b": 1, "b": 2}}', "duplicate_key"),
        (b'{"a": "\\u0000"}', "characters"),
        (b'{"\\u0000": 1}', "characters"),
        (b'{"a": [{"b": "x\\ud800y"}]}', "characters"),
        (b'{"\\udfff": 1}', "characters"),
        (b'{"a":' * 6 + b"1" + b"}" * 6, "depth"),
        (b'{"a":' + b"[" * 5 + b"]" * 5 + b"}", "depth"),
        (b'{"a":' + b"[" * 200_000, "depth"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_a_body_that_is_not_plainly_json_is_refused(
    settings: Any, body: bytes, constraint: str
) -> None:
    settings.MAX_JSON_DEPTH = 5
    with pytest.raises(ParseError) as refused:
        read_object(body)
    assert refused.value.get_codes() == constraint


def test_what_json_can_say_is_read_as_it_is(settings: Any) -> None:
    settings.MAX_JSON_DEPTH = 5
    value = {"a": [1, -2.5, True, None, "é😀\n"], "b": {"c": [[{}]]}, "d": 2**70}
    assert read_object(json.dumps(value).encode()) == value
    assert read_object(json.dumps(value, ensure_ascii=False).encode()) == value


def test_a_refused_body_is_answered_422(client: Client) -> None:
    response = _post(client, b"[]")
    assert response.status_code == 422
    (error,) = response.json()["detail"]
    assert error["loc"] == ["body", "object"]
    assert error["type"] == "object"


def test_a_body_over_the_limit_is_answered_413(client: Client, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    fits = json.dumps({"a": "x" * 91})
    assert len(fits) == 100
    assert _post(client, fits).status_code == 200
    response = _post(client, fits + " ")
    assert response.status_code == 413
    assert response.json()["error"] == "PAYLOAD_TOO_LARGE"


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8"]
)
def test_json_is_read(client: Client, content_type: str) -> None:
    response = _post(client, '{"a": "é"}', content_type)
    assert response.json() == {"a": "é"}


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"],
)
def test_anything_but_json_is_answered_415(client: Client, content_type: str) -> None:
    response = _post(client, '{"a": 1}', content_type)
    assert response.status_code == 415
    assert response.json()["error"] == "UNSUPPORTED_MEDIA_TYPE"


def test_a_client_that_takes_no_json_is_answered_406(client: Client) -> None:
    response = client.get(REST, headers={"accept": "text/html"})
    assert response.status_code == 406
    assert response.json()["error"] == "NOT_ACCEPTABLE"


@pytest.mark.parametrize(
    ("chunks", "status"),
    [([b'{"server_url"', b': "not-a-url"}'], 200), ([b"["], 422), ([], 422)],
)
def test_a_body_in_chunks_is_read_too(
    live_server_asgi: LiveServer, alice: User, chunks: list[bytes], status: int
) -> None:
    _, token = tokens.issue(user=alice, name="chunks")
    connection = HTTPConnection(
        live_server_asgi.host, live_server_asgi.port, timeout=20
    )
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with closing(connection):
        connection.request(
            "POST", "/api/connectors/test", iter(chunks), headers, encode_chunked=True
        )
        response = connection.getresponse()
        body = response.read()
    assert response.status == status, body


def test_options_names_the_methods(client: Client) -> None:
    response = client.options(REST)
    assert response.status_code == 200
    assert response.json() == {"methods": ["GET", "OPTIONS", "POST"]}
