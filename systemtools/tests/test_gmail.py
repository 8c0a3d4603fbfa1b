"""Gmail, with a Google on this machine."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from connectors import sign_in
from connectors.errors import (
    ConnectionFailed,
    ConnectorError,
    OutcomeUnknown,
    ServerError,
    SignInFailed,
    SignInRequired,
    TimedOut,
)
from connectors.models import GrantState, OAuthGrant, OAuthRevocation, ToolCall
from demo.google.records import READONLY, SEND
from demo.google.running import RunningGoogle
from systemtools import consent, manager, statuses
from systemtools.errors import ToolUnavailable
from systemtools.statuses import Status
from systemtools.tests.mailing import (
    answer,
    begun,
    call,
    connected,
    found,
    headers,
    params_of,
    refusal,
)

HELLO: dict[str, Any] = {"to": ["john@example.com"], "subject": "Hi", "body": "Hello."}


@pytest.fixture
def person(alice: User, google: RunningGoogle) -> User:
    """alice, who has connected Gmail."""
    connected(alice, google)
    return alice


def status(user: User) -> Status:
    return statuses.one_of(user_id=user.pk, tool_id="gmail")


def outcome() -> tuple[str, str]:
    row = ToolCall.objects.latest("pk")
    return row.outcome, row.error_code


def end_token() -> None:
    """Let the access token have ended, by our own clock alone."""
    OAuthGrant.objects.update(expires_at=timezone.now())


# --- Connecting ---------------------------------------------------------------


def test_connecting_leads_to_the_page_that_asks(alice: User, google: RunningGoogle):
    came = async_to_sync(manager.connect)(user_id=alice.pk, tool_id="gmail")
    assert came.requires_oauth
    assert came.oauth_url is not None
    assert came.oauth_url.endswith("/system-tools/gmail/sign-in")
    assert set(params_of(begun(alice))["scope"].split()) >= {SEND, READONLY}


def test_who_signed_in_has_its_tools(alice: User, google: RunningGoogle):
    with capture_logs() as logs:
        done = connected(alice, google)
    assert done.system_tool == "gmail"
    mine = status(alice)
    assert mine.is_connected
    assert mine.connected_at is not None
    assert mine.account_label == "ada@demo.example"
    assert list(mine.methods) == ["search", "read", "send", "reply"]
    assert "oauth.finished" in [one["event"] for one in logs]


def test_fewer_permissions_give_fewer_tools_and_it_is_said(
    alice: User, google: RunningGoogle
):
    connected(alice, google, without=[READONLY])
    assert list(status(alice).methods) == ["send"]
    left_out = ["Search mail", "Read a mail", "Answer a mail"]
    assert consent.left_out(status(alice)) == left_out
    assert answer(alice, "send", **HELLO)["to"] == ["john@example.com"]
    with pytest.raises(SignInRequired, match="not allowed"):
        call(alice, "search", query="x")


def test_an_installation_may_ask_for_sending_alone(
    alice: User, google: RunningGoogle, settings: Settings
):
    settings.GMAIL_SCOPES = ["gmail.send"]
    assert READONLY not in params_of(begun(alice))["scope"]
    connected(alice, google)
    assert list(status(alice).methods) == ["send"]
    assert consent.left_out(status(alice)) == []


def test_without_a_client_of_the_operator_it_is_not_offered(
    alice: User, settings: Settings
):
    settings.OAUTH_CLIENTS = {}
    assert "not set up Google" in status(alice).why_not
    with pytest.raises(ToolUnavailable):
        async_to_sync(manager.connect)(user_id=alice.pk, tool_id="gmail")


def test_a_sign_in_that_failed_can_be_told(alice: User, google: RunningGoogle):
    with pytest.raises(SignInFailed) as caught:
        connected(alice, google, allow=False)
    flow_id = caught.value.flow_id or 0
    failed = sign_in.failed_flow(user_id=alice.pk, flow_id=flow_id)
    assert (failed.reason, failed.system_tool) == ("access_denied", "gmail")
    assert not status(alice).is_connected


# --- Disconnecting ------------------------------------------------------------


def test_disconnecting_ends_it_at_google(person: User, google: RunningGoogle):
    came = async_to_sync(manager.disconnect)(user_id=person.pk, tool_id="gmail")
    assert came.revoked
    assert google.revocations[0] == {"account": "ada", "outcome": "ok"}
    assert not status(person).is_connected
    with pytest.raises(SignInRequired):
        call(person, "send", **HELLO)


def test_google_may_be_down_when_it_is_disconnected(
    person: User, google: RunningGoogle
):
    google.switches.revocation = "503"
    came = async_to_sync(manager.disconnect)(user_id=person.pk, tool_id="gmail")
    assert (came.success, came.revoked) == (True, False)
    assert "asked again" in came.message
    assert not status(person).is_connected
    assert OAuthRevocation.objects.count() == 1


# --- Mail ---------------------------------------------------------------------


def test_mail_is_sent_as_it_was_written(person: User, google: RunningGoogle):
    with capture_logs() as logs:
        sent = answer(
            person,
            "send",
            to=["john@example.com", "grace@demo.example"],
            cc=["cc@example.com"],
            bcc=["bcc@example.com"],
            subject="Grüße",
            body="Hello John.\n\nBis bald,\nAda ✓\n",
        )
    [mail] = google.sent
    assert mail.id == sent["message_id"]
    assert mail.header("From") == "Ada <ada@demo.example>"
    assert mail.header("To") == "john@example.com, grace@demo.example"
    assert mail.header("Cc") == "cc@example.com"
    assert mail.header("Bcc") == "bcc@example.com"
    assert mail.header("Subject") == "Grüße"
    assert mail.text.splitlines() == ["Hello John.", "", "Bis bald,", "Ada ✓"]
    assert outcome() == ("ok", "")
    [event] = [one for one in logs if one["event"] == "mail.sent"]
    assert "john" not in str(event)


def test_mail_is_found_and_read(person: User, google: RunningGoogle):
    one = found(person, "subject:budget")
    assert (one["sender"], one["subject"]) == (
        "Grace <grace@demo.example>",
        "Budget 2027",
    )
    mail = answer(person, "read", message_id=one["message_id"])
    assert mail["text"] == "The budget is attached. Übersicht: 12 €."
    assert mail["attachments"] == [
        {"name": "budget.pdf", "content_type": "application/pdf", "size_bytes": 8}
    ]
    assert not mail["text_cut"]


def test_of_html_only_the_words_are_read(person: User, google: RunningGoogle):
    one = found(person, "from:news")
    mail = answer(person, "read", message_id=one["message_id"])
    assert mail["text"] == "News\nTea & cake."


def test_a_search_shows_as_many_as_were_asked_for(person: User, google: RunningGoogle):
    assert len(answer(person, "search", query="", limit=2)["mails"]) == 2
    assert answer(person, "search", query="nothing like it")["mails"] == []


def test_a_mail_that_is_not_there_is_said_to_be_missing(
    person: User, google: RunningGoogle
):
    assert "not found" in refusal(person, "read", message_id="0")


def test_an_answer_stays_in_its_thread(person: User, google: RunningGoogle):
    one = found(person, "lunch")
    sent = answer(
        person,
        "reply",
        message_id=one["message_id"],
        to=["john@example.com"],
        subject="Re: Lunch on Thursday?",
        body="Yes.",
    )
    assert sent["thread_id"] == one["thread_id"]
    [mail] = google.sent
    assert mail.header("In-Reply-To") == "<lunch-on-thursday@mail.demo.example>"


def test_an_answer_under_another_subject_is_not_sent(
    person: User, google: RunningGoogle
):
    one = found(person, "lunch")
    told = refusal(
        person, "reply", message_id=one["message_id"], **HELLO | {"subject": "Else"}
    )
    assert told.endswith("its subject is: Re: Lunch on Thursday?")
    assert google.sent == []


# --- What a mail may not be -----------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Hi\r\nBcc: evil@example.com"},
        {"subject": "Hi\nBcc: evil@example.com"},
        {"subject": "Hi\rBcc: evil@example.com"},
        {"subject": "Hi\u2028Bcc: evil@example.com"},
        {"subject": "Hi\x00"},
        {"to": ["john@example.com\r\nBcc: evil@example.com"]},
        {"to": ["john@example.com\n"]},
        {"to": ["john@example.com, evil@example.com"]},
        {"to": ["John <john@example.com>"]},
        {"to": ["john@localhost"]},
        {"to": ["john@exa mple.com"]},
        {"to": ["a" * 65 + "@example.com"]},
        {"to": ["john@" + "a." * 130 + "com"]},
        {"to": []},
        {"to": ["john@example.com"] * 51},
        {"cc": ["x@example.com\nTo: evil@example.com"]},
        {"bcc": ["not an address"]},
        # Encoded words: what is approved reads otherwise where it arrives.
        {"to": ["=?utf-8?q?evil=40example.org=2C?=@example.com"]},
        {"cc": ["a.=?utf-8?b?ZXZpbA==?=@example.com"]},
        {"subject": "=?utf-8?q?Another_subject?="},
        {"subject": "x" * 401},
        {"body": "x" * 200_001},
    ],
)
def test_what_would_make_another_mail_of_it_is_refused(
    person: User, google: RunningGoogle, changes: dict[str, Any]
):
    with pytest.raises(ConnectorError) as caught:
        call(person, "send", **HELLO | changes)
    assert caught.value.code == "INVALID_INPUT"
    assert google.gmail_requests == []


def test_a_body_is_no_header(person: User, google: RunningGoogle):
    body = "\nBcc: evil@example.com\r\n\r\n.\r\nFrom me\n"
    answer(person, "send", **HELLO | {"body": body})
    [mail] = google.sent
    assert mail.header("Bcc") == ""
    assert mail.text.split() == body.split()
    assert headers(mail) == [
        "content-transfer-encoding",
        "content-type",
        "from",
        "message-id",
        "mime-version",
        "subject",
        "to",
    ]


# --- When something fails -------------------------------------------------------


def test_a_token_that_has_ended_is_renewed_first(person: User, google: RunningGoogle):
    end_token()
    found(person, "lunch")
    assert google.token_requests[-1] == {
        "grant_type": "refresh_token",
        "account": "ada",
        "outcome": "ok",
    }


def test_a_token_that_is_refused_is_renewed_and_the_mail_sent_once(
    person: User, google: RunningGoogle
):
    google.expire_all()
    answer(person, "send", **HELLO)
    assert [one["status"] for one in google.gmail_requests] == [401, 200]
    assert len(google.sent) == 1


def test_many_requests_that_are_refused_at_once_renew_once(
    person: User, google: RunningGoogle, settings: Settings
):
    google.expire_all()
    assert len(answer(person, "search", query="")["mails"]) == 3
    renewals = [one for one in google.token_requests if one["outcome"] == "ok"]
    assert len(renewals) == 2
    assert status(person).is_connected


def test_a_new_token_that_is_refused_too_wants_another_sign_in(
    person: User, google: RunningGoogle
):
    google.switches.gmail = "401"
    with pytest.raises(SignInRequired) as caught:
        call(person, "send", **HELLO)
    assert caught.value.system_tool == "gmail"
    assert [one["status"] for one in google.gmail_requests] == [401, 401]
    assert OAuthGrant.objects.get().state == GrantState.SIGN_IN_AGAIN
    assert status(person).signs_in_again
    assert outcome() == ("refused", "SIGN_IN_REQUIRED")


def test_what_was_withdrawn_wants_another_sign_in(person: User, google: RunningGoogle):
    google.withdraw()
    with pytest.raises(SignInRequired, match="Sign in to Gmail again"):
        call(person, "send", **HELLO)
    assert status(person).signs_in_again
    assert google.sent == []
    connected(person, google)
    answer(person, "send", **HELLO)


@pytest.mark.parametrize("how", ["lost", "503"])
def test_a_mail_that_may_have_been_sent_is_never_sent_again(
    person: User, google: RunningGoogle, how: Any
):
    google.switches.gmail = how
    with pytest.raises(OutcomeUnknown):
        call(person, "send", **HELLO)
    assert len(google.gmail_requests) == 1
    assert len(google.sent) == (how == "lost")
    assert outcome() == ("unknown", "OUTCOME_UNKNOWN")


def test_no_answer_to_a_mail_is_an_unknown_outcome(
    person: User, google: RunningGoogle, settings: Settings
):
    settings.CALL_TIMEOUT_S = 1
    google.switches.gmail = "silent"
    with pytest.raises(OutcomeUnknown):
        call(person, "send", **HELLO)
    assert len(google.sent) == 1
    with pytest.raises(TimedOut):
        call(person, "search", query="x")


def test_a_google_that_is_busy_says_that_nothing_was_done(
    person: User, google: RunningGoogle
):
    google.switches.gmail = "429"
    assert "Nothing was done" in refusal(person, "send", **HELLO)


@pytest.mark.parametrize("how", ["503", "html"])
def test_reading_from_a_google_that_fails_is_a_failure(
    person: User, google: RunningGoogle, how: Any
):
    google.switches.gmail = how
    with pytest.raises(ServerError):
        call(person, "search", query="x")
    assert outcome() == ("failed", "SERVER_ERROR")


def test_a_google_that_is_not_there_is_tried_once_more_and_was_sent_nothing(
    person: User, google: RunningGoogle, settings: Settings, closed_url: str
):
    settings.RETRY_DELAY_S = 0.01
    settings.GOOGLE_BASE_URLS = {**google.base_urls, "gmail": closed_url}
    with capture_logs() as logs, pytest.raises(ConnectionFailed):
        call(person, "send", **HELLO)
    assert "tool.call.retried" in [one["event"] for one in logs]
    assert outcome() == ("not_sent", "CONNECTION_FAILED")


def test_a_sign_in_service_that_is_down_ends_nothing(
    person: User, google: RunningGoogle
):
    end_token()
    google.switches.token_endpoint = "503"
    with pytest.raises(ConnectorError):
        call(person, "send", **HELLO)
    assert google.sent == []
    google.switches.token_endpoint = "works"
    answer(person, "send", **HELLO)


def test_others_do_not_have_it(person: User, bob: User, google: RunningGoogle):
    with pytest.raises(SignInRequired):
        call(bob, "search", query="x")
    assert google.gmail_requests == []
