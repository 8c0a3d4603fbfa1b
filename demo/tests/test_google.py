"""The demo Google is as strict as the real one."""

import base64
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from demo.google.records import CLIENT_ID, CLIENT_SECRET, READONLY, SEND
from demo.google.running import RunningGoogle
from demo.tests.dialling import http
from demo.tests.walking import VERIFIER, challenge, get, query

REDIRECT = "http://127.0.0.1:8000/api/oauth/callback"
SCOPE = f"openid email {SEND} {READONLY}"
GMAIL = "/gmail/v1/users/me/messages"


@pytest.fixture
def google(google_server: RunningGoogle) -> RunningGoogle:
    google_server.clear()
    return google_server


def url(google: RunningGoogle, **changes: str | None) -> str:
    usual: dict[str, str | None] = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT,
        "code_challenge": challenge(),
        "code_challenge_method": "S256",
        "scope": SCOPE,
        "state": "a state",
        "access_type": "offline",
        "prompt": "consent",
    }
    asked = {name: text for name, text in (usual | changes).items() if text}
    return f"{google.url}/o/oauth2/v2/auth?{urlencode(asked)}"


def post(google: RunningGoogle, path: str, **form: str) -> httpx2.Response:
    with http() as client:
        return client.post(f"{google.url}{path}", data=form)


def redeem(google: RunningGoogle, code: str, **changes: str) -> httpx2.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }
    return post(google, "/token", **{**form, **changes})


def tokens(
    google: RunningGoogle, *, without: tuple[str, ...] = (), **changes: str | None
) -> dict[str, Any]:
    back = google.sign_in(url(google, **changes), without=without)
    told: dict[str, Any] = redeem(google, query(back)["code"]).json()
    return told


def send(google: RunningGoogle, token: str, raw: bytes, **more: str) -> httpx2.Response:
    body = {"raw": base64.urlsafe_b64encode(raw).decode(), **more}
    with http() as client:
        return client.post(
            f"{google.url}{GMAIL}/send",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
        )


def letter(**headers: str) -> bytes:
    message = EmailMessage()
    for name, value in {"To": "grace@demo.example", "Subject": "Hi"}.items():
        message[name] = headers.pop(name, value)
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Hello.")
    return message.as_bytes()


def test_a_sign_in_gives_tokens_for_what_was_ticked(google: RunningGoogle):
    given = tokens(google, without=(READONLY,))
    assert READONLY not in given["scope"]
    assert SEND in given["scope"]
    assert given["refresh_token"].startswith("1//")
    assert "id_token" in given


def test_a_refresh_token_comes_only_where_it_was_asked_for(google: RunningGoogle):
    assert "refresh_token" not in tokens(google, access_type=None)
    assert "refresh_token" not in tokens(google, prompt=None)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "somebody"}, "invalid_client"),
        ({"redirect_uri": "https://evil.example/api/oauth/callback"}, "redirect_uri"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "https://mail.google.com/"}, "invalid_scope"),
        ({"resource": "https://gmail.googleapis.com"}, "invalid_request"),
    ],
)
def test_a_request_that_google_would_refuse_is_refused(
    google: RunningGoogle, changes: dict[str, str | None], code: str
):
    page = get(url(google, **changes))
    assert page.status_code >= 400
    assert code in page.text


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"redirect_uri": f"{REDIRECT}/"}, "redirect_uri_mismatch"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_code_is_proven(google: RunningGoogle, changes: dict[str, str], code: str):
    back = google.sign_in(url(google))
    assert redeem(google, query(back)["code"], **changes).json()["error"] == code


def test_a_code_is_used_once(google: RunningGoogle):
    code = query(google.sign_in(url(google)))["code"]
    assert redeem(google, code).status_code == 200
    assert redeem(google, code).json()["error"] == "invalid_grant"


def test_a_refresh_gives_no_other_refresh_token(google: RunningGoogle):
    given = tokens(google)
    form = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
    who = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    renewed = post(google, "/token", **form, **who).json()
    assert renewed["access_token"] != given["access_token"]
    assert "refresh_token" not in renewed


def test_revoking_one_token_ends_all_and_only_once(google: RunningGoogle):
    given = tokens(google)
    assert post(google, "/revoke", token=given["refresh_token"]).json() == {}
    again = post(google, "/revoke", token=given["access_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")
    assert send(google, given["access_token"], letter()).status_code == 401


def test_a_token_does_what_its_scopes_allow(google: RunningGoogle):
    token = tokens(google, without=(READONLY,))["access_token"]
    bearer = {"authorization": f"Bearer {token}"}
    assert get(f"{google.url}{GMAIL}", **bearer).status_code == 403
    assert send(google, token, letter()).status_code == 200


def test_mail_is_found_and_read(google: RunningGoogle):
    bearer = {"authorization": f"Bearer {tokens(google)['access_token']}"}
    found = get(f"{google.url}{GMAIL}?q=subject:budget", **bearer).json()
    [one] = found["messages"]
    full = get(f"{google.url}{GMAIL}/{one['id']}", **bearer).json()
    assert full["payload"]["mimeType"] == "multipart/mixed"
    asked = f"{google.url}{GMAIL}/{one['id']}?format=metadata&metadataHeaders=Subject"
    brief = get(asked, **bearer).json()
    headers = brief["payload"]["headers"]
    assert headers == [{"name": "Subject", "value": "Budget 2027"}]
    assert get(f"{google.url}{GMAIL}/unknown", **bearer).status_code == 404


def test_what_is_sent_arrives(google: RunningGoogle):
    token = tokens(google)["access_token"]
    sent = send(google, token, letter()).json()
    assert google.sent[-1].id == sent["id"]
    assert google.sent[-1].header("From") == "Ada <ada@demo.example>"
    theirs = {"authorization": f"Bearer {token_of(google, 'grace')}"}
    assert get(f"{google.url}{GMAIL}?q=from:ada+subject:hi", **theirs).json()[
        "messages"
    ]
    assert "Hello." in get(google.url).text


def token_of(google: RunningGoogle, account: str) -> str:
    back = google.sign_in(url(google), account)
    told: dict[str, Any] = redeem(google, query(back)["code"]).json()
    return str(told["access_token"])


def test_a_thread_takes_only_what_refers_to_it(google: RunningGoogle):
    token = tokens(google)["access_token"]
    bearer = {"authorization": f"Bearer {token}"}
    [one] = get(f"{google.url}{GMAIL}?q=lunch", **bearer).json()["messages"]
    thread, refers = one["threadId"], "<lunch-on-thursday@mail.demo.example>"
    right = letter(Subject="Re: Lunch on Thursday?", In_Reply_To=refers)
    assert send(google, token, right, threadId=thread).json()["threadId"] == thread
    other = letter(Subject="Something else", In_Reply_To=refers)
    assert send(google, token, other, threadId=thread).json()["threadId"] != thread
    assert send(google, token, right, threadId="none").status_code == 404


@pytest.mark.parametrize("raw", [b"", b"Subject: nobody\r\n\r\nHello"])
def test_what_is_no_mail_is_refused(google: RunningGoogle, raw: bytes):
    token = tokens(google)["access_token"]
    assert send(google, token, raw).status_code == 400


def test_its_page_turns_switches(google: RunningGoogle):
    post(google, "/switches", gmail="503")
    assert google.google.stats()["switches"]["gmail"] == "503"
    assert post(google, "/switches", gmail="nonsense").status_code == 400
    post(google, "/actions", action="repair")
    assert google.switches.gmail == "works"
    assert get(f"{google.url}/stats").json()["switches"]["gmail"] == "works"
