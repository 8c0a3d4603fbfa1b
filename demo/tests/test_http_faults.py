"""Each fault of whole responses: what an ordinary HTTP client sees."""

import json
from typing import Any

import pytest

from demo.hostile import PRIVATE_HOST, RETRY_AFTER_S, RIGHT_TOKEN, Hostile
from demo.hostile.http_faults import STATUSES
from demo.tests.dialling import Session, ask, http, result


@pytest.mark.parametrize("code", STATUSES)
def test_a_status_is_answered_to_everything(hostile: Hostile, code: int) -> None:
    url = hostile.url(str(code))
    for method in ("server/discover", "initialize", "tools/list"):
        assert ask(url, method).status_code == code
    with http() as client:
        assert client.get(url).status_code == code


@pytest.mark.parametrize(
    ("name", "status", "challenge"),
    [
        ("401", 401, 'Bearer realm="hostile"'),
        ("401-bare", 401, None),
        ("401-basic", 401, 'Basic realm="hostile"'),
        ("401-json-rpc", 401, None),
        (
            "403-scope",
            403,
            'Bearer error="insufficient_scope", scope="files:write"',
        ),
    ],
)
def test_a_challenge_is_sent(
    hostile: Hostile, name: str, status: int, challenge: str | None
) -> None:
    answer = ask(hostile.url(name), "tools/list")
    assert answer.status_code == status
    assert answer.headers.get("www-authenticate") == challenge


def test_a_challenge_names_the_metadata_of_this_server(hostile: Hostile) -> None:
    answer = ask(hostile.url("401-metadata"), "tools/list")
    assert answer.headers["www-authenticate"] == (
        f'Bearer resource_metadata="{hostile.origin}'
        '/.well-known/oauth-protected-resource/401-metadata", scope="read write"'
    )


def test_a_refusal_can_carry_the_code_of_a_timeout(hostile: Hostile) -> None:
    answer = ask(hostile.url("401-json-rpc"), "tools/list").json()
    assert answer["error"]["code"] == -32001


def test_a_token_is_wanted(hostile: Hostile) -> None:
    url = hostile.url("token")
    assert ask(url, "tools/list").headers["www-authenticate"] == (
        'Bearer realm="hostile"'
    )
    wrong = ask(url, "tools/list", authorization="Bearer wrong")
    assert wrong.status_code == 401
    assert 'error="invalid_token"' in wrong.headers["www-authenticate"]
    right = ask(url, "tools/list", authorization=f"Bearer {RIGHT_TOKEN}")
    assert "tools" in result(right)


def test_a_key_is_wanted_in_a_header_of_its_own(hostile: Hostile) -> None:
    url = hostile.url("api-key")
    assert ask(url, "tools/list").status_code == 403
    assert "tools" in result(ask(url, "tools/list", x_api_key=RIGHT_TOKEN))


@pytest.mark.parametrize(
    ("name", "wait"),
    [
        ("429", str(RETRY_AFTER_S)),
        ("429-date", "Fri, 31 Dec 2032 23:59:59 GMT"),
        ("429-nonsense", "9" * 400),
    ],
)
def test_too_many_requests_say_how_long_to_wait(
    hostile: Hostile, name: str, wait: str
) -> None:
    answer = ask(hostile.url(name), "tools/list")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, wait)


@pytest.mark.parametrize(
    ("name", "status", "target"),
    [
        ("redirect-302", 302, "/good"),
        ("redirect-same", 307, "/good"),
        ("redirect-308", 308, "/good"),
        ("redirect-2", 307, "/redirect-same"),
        ("redirect-3", 307, "/redirect-2"),
        ("redirect-4", 307, "/redirect-3"),
        ("redirect-loop", 307, "/redirect-loop"),
        ("redirect-elsewhere", 307, "http://127.0.0.1:{other}/trap"),
        ("redirect-private", 307, f"http://{PRIVATE_HOST}:{{port}}/trap"),
        ("redirect-user", 307, "http://user:pass@127.0.0.1:{port}/trap"),
        ("redirect-file", 307, "file:///etc/passwd"),
        ("redirect-nowhere", 307, None),
    ],
)
def test_a_redirect_leads_where_it_says(
    hostile: Hostile, name: str, status: int, target: str | None
) -> None:
    answer = ask(hostile.url(name), "tools/list")
    assert answer.status_code == status
    other = hostile.server.ports[-1]
    assert answer.headers.get("location") == (
        target and target.format(port=hostile.port, other=other)
    )


def test_a_chain_of_four_ends_at_the_good_path(hostile: Hostile) -> None:
    with http() as client:
        client.follow_redirects = True
        answer = client.post(hostile.url("redirect-4"), json={})
    assert str(answer.url) == hostile.url("good")
    assert len(answer.history) == 4


def test_a_redirect_stays_in_its_era(hostile: Hostile) -> None:
    answer = ask(hostile.url("redirect-same", "legacy"), "tools/list")
    assert answer.headers["location"] == "/legacy/good"


@pytest.mark.parametrize(
    ("name", "status", "kind", "text"),
    [
        ("html", 200, "text/html", "It works!"),
        ("text", 200, "text/plain", "Hello"),
        ("empty-200", 200, None, ""),
        ("202", 202, None, ""),
        ("204", 204, None, ""),
        ("not-json", 200, "application/json", "oops"),
        ("not-json-rpc", 200, "application/json", '{"hello":"you"}'),
        ("json-array", 200, "application/json", "[1,2,3]"),
        ("json-null", 200, "application/json", "null"),
        ("not-events", 200, "text/event-stream", '"jsonrpc"'),
    ],
)
def test_a_body_is_not_what_was_asked_for(
    hostile: Hostile, name: str, status: int, kind: str | None, text: str
) -> None:
    answer = ask(hostile.url(name), "tools/list")
    assert answer.status_code == status
    assert answer.headers.get("content-type") == kind
    assert text in answer.text


def test_half_of_a_json_document_is_not_json(hostile: Hostile) -> None:
    with pytest.raises(json.JSONDecodeError):
        ask(hostile.url("not-json"), "tools/list").json()


def test_bytes_are_not_utf8(hostile: Hostile) -> None:
    with pytest.raises(UnicodeDecodeError):
        ask(hostile.url("not-utf8"), "tools/list").content.decode()


@pytest.mark.parametrize(("name", "answered"), [("wrong-id", 987_654), ("no-id", None)])
def test_another_request_is_answered(
    hostile: Hostile, name: str, answered: Any
) -> None:
    answer = ask(hostile.url(name), "tools/list").json()
    assert answer.get("id") == answered
    assert answer["result"]["tools"]
    session = Session(hostile.url(name, "legacy"))
    assert session.opening.json()["result"]["serverInfo"]


@pytest.mark.parametrize(
    ("name", "levels"), [("deep-json", 200), ("very-deep-json", 100_000)]
)
def test_json_is_nested(hostile: Hostile, name: str, levels: int) -> None:
    answer = ask(hostile.url(name), "tools/list")
    assert answer.text.count('{"a":') == levels
    assert answer.text.endswith("}" * (levels + 1))
