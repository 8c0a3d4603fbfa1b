"""Each switch of the demo authorization server, and the page that turns them."""

import json
import threading
from typing import Any

import httpx2
import pytest

from demo.authority.metadata import FIRST_SCOPES
from demo.authority.running import RunningAuthority
from demo.authority.switches import Switches
from demo.tests.dialling import ask, http
from demo.tests.walking import Walk, get, query

HUNG_UP_S = 0.1
PATIENCE_S = 5.0


@pytest.fixture
def walk(authority: RunningAuthority) -> Walk:
    return Walk(authority=authority).registered()


def metadata(authority: RunningAuthority) -> Any:
    return get(f"{authority.issuer}/.well-known/oauth-authorization-server").json()


def resource(authority: RunningAuthority) -> Any:
    origin = authority.mcp_url.removesuffix("/mcp")
    return get(f"{origin}/.well-known/oauth-protected-resource/mcp").json()


def opens(authority: RunningAuthority, given: dict[str, Any]) -> bool:
    bearer = f"Bearer {given['access_token']}"
    return ask(authority.mcp_url, "tools/list", authorization=bearer).is_success


# --- Tokens ------------------------------------------------------------------


def test_tokens_expire_when_it_is_wanted(
    authority: RunningAuthority, walk: Walk
) -> None:
    authority.switches.expires_in_s = 5
    assert walk.tokens()["expires_in"] == 5
    authority.switches.expires_in_s = 0
    given = walk.tokens()
    assert not opens(authority, given)
    authority.switches.expires_in_s = 3600
    assert opens(authority, walk.refresh(given["refresh_token"]).json())


def test_all_tokens_expire_at_once(authority: RunningAuthority, walk: Walk) -> None:
    given = walk.tokens()
    assert opens(authority, given)
    authority.expire_all()
    assert not opens(authority, given)
    assert opens(authority, walk.refresh(given["refresh_token"]).json())


def test_the_expiry_is_not_said(authority: RunningAuthority, walk: Walk) -> None:
    authority.switches.says_expiry = False
    assert "expires_in" not in walk.tokens()


def test_the_refresh_token_stays_the_same(
    authority: RunningAuthority, walk: Walk
) -> None:
    authority.switches.rotates = False
    token = walk.tokens()["refresh_token"]
    for _ in range(2):
        assert "refresh_token" not in walk.refresh(token).json()
    assert authority.reuses == 0


def test_there_is_no_refresh_token(authority: RunningAuthority, walk: Walk) -> None:
    authority.switches.issues_refresh_token = False
    assert "refresh_token" not in walk.tokens()


def test_a_fresh_token_is_refused(authority: RunningAuthority, walk: Walk) -> None:
    authority.switches.refuses_tokens = True
    given = walk.tokens()
    assert not opens(authority, given)
    assert authority.mcp_refusals == [{"status": 401, "error": "invalid_token"}]
    assert walk.refresh(given["refresh_token"]).status_code == 200


def test_what_one_person_allowed_is_withdrawn(
    authority: RunningAuthority, walk: Walk
) -> None:
    ada, grace = walk.tokens("ada"), walk.tokens("grace")
    authority.withdraw("ada")
    assert not opens(authority, ada)
    refused = walk.refresh(ada["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert opens(authority, grace)
    authority.withdraw()
    assert not opens(authority, grace)
    # Whoever signs in again is in again.
    assert opens(authority, walk.tokens("ada"))


def test_nobody_unknown_is_withdrawn(authority: RunningAuthority) -> None:
    with pytest.raises(ValueError, match="no account 'eve'"):
        authority.withdraw("eve")


# --- The token endpoint ------------------------------------------------------


def test_the_token_endpoint_is_slow(authority: RunningAuthority, walk: Walk) -> None:
    token = walk.tokens()["refresh_token"]
    authority.switches.token_delay_s = HUNG_UP_S
    assert walk.refresh(token).status_code == 200


def test_who_hangs_up_on_a_slow_token_endpoint_changed_nothing(
    authority: RunningAuthority, walk: Walk
) -> None:
    token = walk.tokens()["refresh_token"]
    authority.switches.token_delay_s = 60
    with pytest.raises(httpx2.ReadTimeout):
        walk.refresh(token, timeout_s=HUNG_UP_S)
    authority.switches.token_delay_s = 0
    assert walk.refresh(token).status_code == 200
    assert authority.reuses == 0


@pytest.mark.parametrize(
    ("how", "status", "content_type"),
    [
        ("503", 503, "text/plain; charset=utf-8"),
        ("html", 200, "text/html; charset=utf-8"),
        ("garbled", 400, "application/json"),
    ],
)
def test_the_token_endpoint_answers_nonsense_and_changes_nothing(
    authority: RunningAuthority, walk: Walk, how: Any, status: int, content_type: str
) -> None:
    token = walk.tokens()["refresh_token"]
    authority.switches.token_endpoint = how
    answer = walk.refresh(token)
    assert answer.status_code == status
    assert answer.headers["content-type"] == content_type
    assert authority.token_requests[-1]["outcome"] == how
    authority.switches.token_endpoint = "works"
    assert walk.refresh(token).status_code == 200


def test_a_garbled_error_has_control_characters(
    authority: RunningAuthority, walk: Walk
) -> None:
    authority.switches.token_endpoint = "garbled"
    assert "\x1b[31m" in walk.refresh("any").json()["error_description"]


def test_the_token_endpoint_answers_without_end(authority: RunningAuthority) -> None:
    authority.switches.token_endpoint = "huge"
    url = f"{authority.issuer}/token"
    size = 0
    with http() as client, client.stream("POST", url, data={"a": "b"}) as answer:
        for part in answer.iter_raw():
            size += len(part)
            if size > 20 << 20:
                break
    assert size > 20 << 20


@pytest.mark.parametrize("how", ["lost", "silent"])
def test_the_token_endpoint_works_and_its_answer_is_lost(
    authority: RunningAuthority, walk: Walk, how: Any
) -> None:
    token = walk.tokens()["refresh_token"]
    authority.switches.token_endpoint = how
    if how == "lost":
        assert walk.refresh(token).status_code == 503
    else:
        with pytest.raises(httpx2.ReadTimeout):
            walk.refresh(token, timeout_s=HUNG_UP_S)
    assert authority.token_requests[-1]["outcome"] == "ok"
    authority.switches.token_endpoint = "works"
    assert walk.refresh(token).json()["error"] == "invalid_grant"
    assert authority.reuses == 1


# --- Metadata, redirects, registration, revocation ---------------------------


def test_pkce_is_not_in_the_metadata(authority: RunningAuthority) -> None:
    authority.switches.pkce_in_metadata = False
    assert "code_challenge_methods_supported" not in metadata(authority)


def test_the_metadata_names_another_issuer(authority: RunningAuthority) -> None:
    authority.switches.wrong_issuer = True
    assert metadata(authority)["issuer"] == "https://elsewhere.example"


@pytest.mark.parametrize(
    ("state", "sent", "promised"),
    [
        ("wrong", "https://elsewhere.example", True),
        ("missing", None, True),
        ("not offered", None, False),
    ],
)
@pytest.mark.parametrize("allow", [True, False])
def test_the_redirect_names_another_issuer_or_none(
    authority: RunningAuthority,
    walk: Walk,
    state: Any,
    sent: str | None,
    promised: bool,
    allow: bool,
) -> None:
    authority.switches.iss = state
    answer = query(authority.sign_in(walk.url(), allow=allow))
    assert answer.get("iss") == sent
    said = metadata(authority)
    assert ("authorization_response_iss_parameter_supported" in said) is promised


@pytest.mark.parametrize(
    ("state", "status", "named"), [("refused", 403, True), ("not offered", 404, False)]
)
def test_nobody_registers(
    authority: RunningAuthority, walk: Walk, state: Any, status: int, named: bool
) -> None:
    authority.switches.registration = state
    assert walk.register().status_code == status
    assert ("registration_endpoint" in metadata(authority)) is named


@pytest.mark.parametrize(
    ("state", "status", "named"), [("fails", 503, True), ("not offered", 404, False)]
)
def test_nothing_is_revoked(
    authority: RunningAuthority, walk: Walk, state: Any, status: int, named: bool
) -> None:
    given = walk.tokens()
    authority.switches.revocation = state
    assert walk.revoke(given["refresh_token"]).status_code == status
    assert ("revocation_endpoint" in metadata(authority)) is named
    assert opens(authority, given)


# --- The journal's side ------------------------------------------------------


def test_a_refusal_does_not_say_where_the_metadata_is(
    authority: RunningAuthority,
) -> None:
    authority.switches.challenges = False
    answer = ask(authority.mcp_url, "tools/list")
    assert answer.status_code == 401
    assert "www-authenticate" not in answer.headers
    assert resource(authority)["scopes_supported"] == FIRST_SCOPES


def test_the_journals_metadata_describes_another_server(
    authority: RunningAuthority,
) -> None:
    authority.switches.wrong_resource = True
    assert resource(authority)["resource"] == "https://elsewhere.example/mcp"


@pytest.mark.parametrize(
    ("state", "place"), [("first of two", 0), ("second of two", 1)]
)
def test_the_journal_lists_two_authorization_servers(
    authority: RunningAuthority, state: Any, place: int
) -> None:
    authority.switches.authorization_servers = state
    listed = resource(authority)["authorization_servers"]
    assert len(listed) == 2
    assert listed[place] == authority.issuer
    other = listed[1 - place]
    path = other.removeprefix(authority.issuer)
    for url in (
        f"{authority.issuer}/.well-known/oauth-authorization-server{path}",
        f"{authority.issuer}/.well-known/openid-configuration{path}",
        f"{other}/.well-known/openid-configuration",
    ):
        assert get(url).status_code == 404


# --- The switches themselves -------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "state"),
    [
        ({"rotates": "off"}, False),
        ({"rotates": False}, False),
        ({"refuses_tokens": "on"}, True),
        ({"expires_in_s": "5"}, 5),
        ({"token_delay_s": 0.5}, 0.5),
        ({"registration": "not offered"}, "not offered"),
    ],
)
def test_a_switch_is_turned_by_a_word(wanted: dict[str, Any], state: Any) -> None:
    switches = Switches()
    switches.change(wanted)
    assert switches.state() == Switches().state() | {next(iter(wanted)): state}


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"nothing": "on"}, "no switch 'nothing'"),
        ({"rotates": "maybe"}, "rotates is on or off"),
        ({"registration": "shut"}, "one of: open, refused, not offered"),
        ({"expires_in_s": "soon"}, "a number of seconds"),
        ({"expires_in_s": -1}, "a number of seconds"),
        ({"token_delay_s": "nan"}, "a number of seconds"),
        ({"token_delay_s": None}, "a number of seconds"),
    ],
)
def test_a_state_that_is_none_changes_nothing(
    wanted: dict[str, Any], says: str
) -> None:
    switches = Switches()
    with pytest.raises(ValueError, match=says):
        switches.change({"wrong_issuer": True} | wanted)
    assert switches == Switches()


@pytest.mark.parametrize("number", [1, 2])
def test_a_test_does_not_see_what_another_did(
    authority: RunningAuthority, walk: Walk, number: int
) -> None:
    assert authority.switches == Switches()
    assert len(authority.registrations) == 1
    assert authority.token_requests == []
    authority.switches.expires_in_s = number
    walk.tokens()


def test_a_test_can_look_while_the_server_works(
    authority: RunningAuthority, walk: Walk
) -> None:
    signing_in = threading.Thread(target=lambda: [walk.tokens() for _ in range(5)])
    signing_in.start()
    while signing_in.is_alive():
        authority.authority.stats()
        authority.expire_all()
    signing_in.join(PATIENCE_S)
    assert len(authority.token_requests) == 5


# --- The control page --------------------------------------------------------


def send(authority: RunningAuthority, path: str, **sent: Any) -> httpx2.Response:
    with http() as client:
        return client.post(f"{authority.issuer}{path}", **sent)


def test_the_page_shows_every_switch_and_what_it_does(
    authority: RunningAuthority,
) -> None:
    authority.switches.registration = "refused"
    page = get(f"{authority.issuer}/").text
    assert page.count('action="/switches"') == len(authority.switches.state())
    assert "<option selected>refused</option>" in page
    assert page.count('class="turned"') == 1
    assert authority.mcp_url in page


def test_everything_is_repaired_without_forgetting(
    authority: RunningAuthority, walk: Walk
) -> None:
    given = walk.tokens()
    authority.switches.refuses_tokens = True
    send(authority, "/actions", data={"action": "repair"})
    assert authority.switches == Switches()
    assert opens(authority, given)


def test_a_form_turns_a_switch_and_comes_back(authority: RunningAuthority) -> None:
    answer = send(authority, "/switches", data={"rotates": "off"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert authority.switches.rotates is False


def test_another_process_turns_and_looks(
    authority: RunningAuthority, walk: Walk
) -> None:
    turned = send(authority, "/switches", json={"expires_in_s": 5, "rotates": False})
    assert turned.json()["switches"]["expires_in_s"] == 5
    given = walk.tokens()
    stats = get(f"{authority.issuer}/stats").json()
    assert stats["token_requests"] == authority.token_requests
    assert (stats["reuses"], len(stats["registrations"])) == (0, 1)
    assert given["access_token"] not in json.dumps(stats)


def test_another_process_withdraws_expires_and_clears(
    authority: RunningAuthority, walk: Walk
) -> None:
    ada, grace = walk.tokens("ada"), walk.tokens("grace")
    send(authority, "/actions", json={"action": "withdraw", "account": "ada"})
    assert (opens(authority, ada), opens(authority, grace)) == (False, True)
    send(authority, "/actions", data={"action": "expire", "account": ""})
    assert not opens(authority, grace)
    assert walk.refresh(grace["refresh_token"]).status_code == 200
    send(authority, "/actions", data={"action": "withdraw", "account": ""})
    assert walk.refresh(grace["refresh_token"]).status_code == 400
    cleared = send(authority, "/actions", json={"action": "clear"}).json()
    assert cleared["token_requests"] == []
    assert walk.register().status_code == 201


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/switches", {"json": {"nothing": 1}}),
        ("/switches", {"json": [1]}),
        (
            "/switches",
            {"content": b"{", "headers": {"content-type": "application/json"}},
        ),
        ("/actions", {"data": {"action": "explode"}}),
        ("/actions", {"data": {"action": "withdraw", "account": "eve"}}),
    ],
)
def test_nonsense_is_refused(
    authority: RunningAuthority, path: str, sent: dict[str, Any]
) -> None:
    assert send(authority, path, **sent).status_code == 400


def test_a_page_of_another_site_turns_nothing(authority: RunningAuthority) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    answer = send(authority, "/switches", data={"rotates": "off"}, headers=foreign)
    assert answer.status_code == 403
    assert authority.switches.rotates is True
