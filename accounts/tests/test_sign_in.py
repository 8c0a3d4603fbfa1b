"""Signing in and out, resetting the password: as a person at a browser does it."""

import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts import demo
from accounts.models import User
from accounts.tests.hashing import CountingHasher
from accounts.tests.signed_in import username
from accounts.tests.smtp import Mailbox
from conftest import PASSWORD

LOGIN = "/accounts/login/"
RESET = "/accounts/password/reset/"
NEW_PASSWORD = "staple battery horse correct"


def sign_in(
    client: Client, login: str, password: str = PASSWORD, **extra: str
) -> HttpResponse:
    data = {"login": login, "password": password, **extra}
    return client.post(LOGIN, data)  # type: ignore[return-value]


def signed_in(client: Client) -> str | None:
    return client.session.get("_auth_user_id")


@pytest.mark.parametrize(
    "login", ["alice", "ALICE", "alice@example.com", "Alice@EXAMPLE.com"]
)
def test_a_person_signs_in_by_username_or_address_in_any_case(
    client: Client, alice: User, login: str
) -> None:
    answer = sign_in(client, login)

    assert answer.status_code == 302
    assert answer["Location"] == "/"
    assert signed_in(client) == str(alice.pk)


@pytest.mark.parametrize("login", ["alice", "nobody", "nobody@example.com"])
def test_a_wrong_password_and_an_unknown_person_read_the_same(
    client: Client, alice: User, login: str
) -> None:
    answer = sign_in(client, login, "wrong password")

    assert answer.status_code == 200
    assert "do not go together" in answer.text
    assert "wrong password" not in answer.text
    assert signed_in(client) is None


def test_an_unknown_person_costs_as_many_password_hashes_as_a_known_one(
    client: Client, alice: User, settings: Settings
) -> None:
    hashed = []
    settings.PASSWORD_HASHERS = ["accounts.tests.hashing.CountingHasher"]
    alice.set_password(PASSWORD)
    alice.save()
    for login in ("alice", "nobody", "alice@example.com", "nobody@example.com"):
        CountingHasher.count = 0
        sign_in(client, login, "wrong password")
        hashed.append(CountingHasher.count)

    assert hashed == [1, 1, 1, 1]


def test_after_signing_in_a_person_goes_on_where_they_wanted_to(
    client: Client, alice: User
) -> None:
    answer = sign_in(client, "alice", next="/accounts/email/")

    assert answer["Location"] == "/accounts/email/"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "javascript:alert(1)"]
)
def test_signing_in_leads_to_no_other_site(
    client: Client, alice: User, elsewhere: str
) -> None:
    answer = sign_in(client, "alice", next=elsewhere)

    assert answer["Location"] == "/"


def test_an_inactive_person_is_told_so_and_not_let_in(
    client: Client, alice: User
) -> None:
    alice.is_active = False
    alice.save()

    answer = sign_in(client, "alice")

    assert answer["Location"] == "/accounts/inactive/"
    assert "not active" in client.get(answer["Location"]).text
    assert signed_in(client) is None


@pytest.mark.usefixtures("db")
def test_the_password_of_the_demo_opens_nothing_outside_of_development(
    client: Client, settings: Settings
) -> None:
    demo.ensure_user()

    sign_in(client, demo.USERNAME, demo.PASSWORD)
    assert signed_in(client) is None

    settings.DEVELOPMENT = True
    sign_in(client, demo.USERNAME, demo.PASSWORD)
    assert signed_in(client)


def test_the_sixth_attempt_on_one_person_has_to_wait(
    client: Client, alice: User
) -> None:
    for _ in range(5):
        sign_in(client, "alice", "wrong password")

    answer = sign_in(client, "alice")

    assert "Too many attempts" in answer.text
    assert signed_in(client) is None


def test_attempts_count_together_whatever_host_and_case_they_came_by(
    client: Client, alice: User, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    for port in range(5):
        data = {"login": "aLiCe", "password": "wrong password"}
        client.post(LOGIN, data, headers={"Host": f"testserver:{8000 + port}"})

    assert "Too many attempts" in sign_in(client, "alice").text


def test_a_person_whom_somebody_else_kept_out_is_not_the_one_who_waits(
    client: Client, alice: User, bob: User
) -> None:
    for _ in range(5):
        sign_in(client, "bob", "wrong password")

    assert sign_in(client, "alice").status_code == 302


def test_too_many_sign_ins_from_one_place_are_429(client: Client, alice: User) -> None:
    for n in range(30):
        sign_in(client, f"somebody{n}", "x")

    answer = sign_in(client, "alice")

    assert answer.status_code == 429
    assert "Too many attempts" in answer.text


def test_signing_out_asks_first_and_needs_a_post(client: Client, alice: User) -> None:
    client.force_login(alice)

    assert "Sign out?" in client.get("/accounts/logout/").text
    assert signed_in(client)
    answer = client.post("/accounts/logout/", follow=True)
    assert signed_in(client) is None
    assert "You are signed out." in answer.text


def test_signing_in_needs_the_csrf_token(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)

    assert sign_in(client, "alice").status_code == 403
    page = client.get(LOGIN)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token
    sign_in(client, "alice", csrfmiddlewaretoken=token[1])
    assert signed_in(client) == str(alice.pk)


def reset_link(mail: str) -> str:
    (link,) = re.findall(r"http://\S+/password/reset/key/\S+", mail)
    return str(link)


def test_a_forgotten_password_is_reset_by_a_link_in_a_mail(
    client: Client, alice: User, mailbox: Mailbox, settings: Settings
) -> None:
    settings.PUBLIC_URL = "http://testserver"
    with capture_logs() as logs:
        asked = client.post(RESET, {"email": "Alice@example.com"}, follow=True)
    assert "Look into your mail" in asked.text
    (sent,) = [event for event in logs if event["event"] == "mail.sent"]
    assert "alice" not in str(sent).lower()
    (mail,) = mailbox.mails
    assert mail["To"] == "alice@example.com"
    assert mail["Subject"] == "[Patchbay] Reset your password"

    page = client.get(reset_link(mailbox.text()), follow=True)
    assert "Choose a new password" in page.text
    # The key is in the session by now: not in the address, nor in a Referer.
    path = page.redirect_chain[-1][0]
    assert "set-password" in path
    changed = client.post(
        path, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}, follow=True
    )
    assert "Your password is changed" in changed.text

    assert sign_in(client, "alice").status_code == 200
    assert sign_in(client, "alice", NEW_PASSWORD).status_code == 302


def test_a_reset_link_is_good_for_one_use(
    client: Client, alice: User, mailbox: Mailbox
) -> None:
    client.post(RESET, {"email": "alice@example.com"})
    link = reset_link(mailbox.text())
    alice.set_password(NEW_PASSWORD)
    alice.save()

    assert "This link is used up" in client.get(link, follow=True).text


def test_resetting_ends_the_sessions_and_lifts_the_lockout(
    client: Client, alice: User, mailbox: Mailbox
) -> None:
    elsewhere = Client()
    elsewhere.force_login(alice)
    for _ in range(5):
        sign_in(client, "alice@example.com", "wrong password")
    client.post(RESET, {"email": "alice@example.com"})

    page = client.get(reset_link(mailbox.text()), follow=True)
    client.post(
        page.redirect_chain[-1][0],
        {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
    )

    assert username(elsewhere) == ""
    told = mailbox.mails[-1]
    assert told["Subject"] == "[Patchbay] Your password was reset"


@pytest.mark.parametrize("weak", ["12345678", "password", "short", "alice@example"])
def test_a_weak_new_password_is_refused(
    client: Client, alice: User, mailbox: Mailbox, weak: str
) -> None:
    client.post(RESET, {"email": "alice@example.com"})
    page = client.get(reset_link(mailbox.text()), follow=True)

    answer = client.post(
        page.redirect_chain[-1][0], {"password1": weak, "password2": weak}
    )

    assert answer.status_code == 200
    assert 'aria-invalid="true"' in answer.text
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_asking_for_an_unknown_address_looks_the_same_and_mails_the_same_times(
    client: Client, alice: User, mailbox: Mailbox
) -> None:
    known = client.post(RESET, {"email": "alice@example.com"}, follow=True)
    unknown = client.post(RESET, {"email": "nobody@example.com"}, follow=True)

    def without_address(page: Any) -> str:
        return re.sub(r"\w+@example.com|value=\"\w+\"", "", page.text)

    assert without_address(known) == without_address(unknown)
    assert [mail["To"] for mail in mailbox.mails] == [
        "alice@example.com",
        "nobody@example.com",
    ]
    assert "There is no account with this address" in mailbox.text()
    assert "/signup/" not in mailbox.text()


def test_the_link_leads_to_our_address_whatever_the_host_said(
    client: Client, alice: User, mailbox: Mailbox, settings: Settings
) -> None:
    settings.PUBLIC_URL = "http://patchbay.test"
    client.post(
        RESET, {"email": "alice@example.com"}, headers={"Host": "testserver:666"}
    )

    assert reset_link(mailbox.text()).startswith("http://patchbay.test/accounts/")
    assert "666" not in mailbox.text()


def test_a_mail_that_cannot_be_sent_is_said_and_logged_without_the_address(
    client: Client, alice: User, mailbox: Mailbox
) -> None:
    mailbox.refuses = True

    with capture_logs() as logs:
        answer = client.post(RESET, {"email": "alice@example.com"})

    assert answer.status_code == 503
    assert "The mail was not sent" in answer.text
    (line,) = [line for line in logs if line["event"] == "mail.failed"]
    assert line["reason"] == "SMTPRecipientsRefused"
    assert "alice@" not in str(line)


def test_too_many_reset_mails_are_429(
    client: Client, alice: User, mailbox: Mailbox
) -> None:
    codes = [
        client.post(RESET, {"email": "alice@example.com"}).status_code for _ in range(6)
    ]

    assert codes == [302] * 5 + [429]
    assert len(mailbox.mails) == 5


def test_a_person_changes_their_password_and_stays_signed_in(
    client: Client, alice: User, mailbox: Mailbox
) -> None:
    elsewhere = Client()
    elsewhere.force_login(alice)
    sign_in(client, "alice")

    answer = client.post(
        reverse("account_change_password"),
        {
            "oldpassword": PASSWORD,
            "password1": NEW_PASSWORD,
            "password2": NEW_PASSWORD,
        },
        follow=True,
    )

    assert "Your password is changed." in answer.text
    assert username(client) == "alice"
    assert username(elsewhere) == ""


def test_a_password_change_holds_although_its_notice_cannot_be_sent(
    client: Client, alice: User, mailbox: Mailbox
) -> None:
    sign_in(client, "alice")
    mailbox.refuses = True

    answer = client.post(
        reverse("account_change_password"),
        {
            "oldpassword": PASSWORD,
            "password1": NEW_PASSWORD,
            "password2": NEW_PASSWORD,
        },
        follow=True,
    )

    assert "Your password is changed." in answer.text
