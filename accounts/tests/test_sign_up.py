"""Creating an account, confirming an address, changing it."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from accounts.tests.signed_in import username
from accounts.tests.smtp import Mailbox
from conftest import PASSWORD

SIGNUP = "/accounts/signup/"
NEW = {
    "username": "dave",
    "email": "Dave@example.com",
    "password1": PASSWORD,
    "password2": PASSWORD,
}


@pytest.fixture
def open_signup(settings: Settings) -> None:
    settings.SIGNUP_OPEN = True


@pytest.fixture
def unverified(settings: Settings) -> None:
    """Addresses count without a mail, as in a development installation."""
    settings.ACCOUNT_EMAIL_VERIFICATION = "none"


def link(mail: str) -> str:
    (found,) = re.findall(r"http://[^/\s]+(/accounts/confirm-email/\S+)", mail)
    return str(found)


def sign_in(client: Client, login: str) -> Any:
    return client.post("/accounts/login/", {"login": login, "password": PASSWORD})


@pytest.mark.usefixtures("db")
def test_where_sign_up_is_closed_nobody_gets_in_by_it(client: Client) -> None:
    assert "made by the administrator" in client.get(SIGNUP).text
    assert "made by the administrator" in client.post(SIGNUP, NEW).text
    assert SIGNUP not in client.get("/accounts/login/").text
    assert not User.objects.exists()


@pytest.mark.usefixtures("db", "open_signup", "unverified")
def test_where_it_is_open_a_person_is_signed_in_at_once(client: Client) -> None:
    assert SIGNUP in client.get("/accounts/login/").text

    answer = client.post(SIGNUP, NEW, follow=True)

    assert answer.redirect_chain[-1] == ("/chat", 302)
    assert username(client) == "dave"
    user = User.objects.get()
    assert (user.username, user.email) == ("dave", "dave@example.com")
    assert not user.is_staff


@pytest.mark.usefixtures("db", "open_signup")
def test_a_new_person_confirms_their_address_before_they_get_in(
    client: Client, mailbox: Mailbox
) -> None:
    answer = client.post(SIGNUP, NEW, follow=True)
    assert "Confirm your e-mail address" in answer.text
    assert username(client) == ""

    (mail,) = mailbox.mails
    assert mail["To"] == "dave@example.com"
    assert mail["Subject"] == "[Patchbay] Confirm your e-mail address"
    asked = client.get(link(mailbox.text()))
    assert "Is <b>dave@example.com</b> the address of <b>dave</b>?" in asked.text
    client.post(link(mailbox.text()))

    sign_in(client, "dave")
    assert username(client) == "dave"


@pytest.mark.usefixtures("db", "open_signup")
def test_opening_the_link_alone_confirms_nothing(
    client: Client, mailbox: Mailbox
) -> None:
    # Mail scanners open links.
    client.post(SIGNUP, NEW)
    client.get(link(mailbox.text()))

    assert not EmailAddress.objects.get().verified


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("key", ["nonsense", "MQ:1abcde:" + "x" * 43])
def test_a_link_that_is_no_good_says_what_to_do(client: Client, key: str) -> None:
    page = client.get(f"/accounts/confirm-email/{key}/")

    assert "This link is used up" in page.text


@pytest.mark.usefixtures("open_signup")
def test_a_taken_address_is_told_to_its_owner_alone(
    client: Client, alice: User, mailbox: Mailbox
) -> None:
    fresh = client.post(SIGNUP, NEW, follow=True)
    taken = Client().post(
        SIGNUP, {**NEW, "username": "other", "email": "ALICE@example.com"}, follow=True
    )

    assert [p for p, _ in taken.redirect_chain] == [p for p, _ in fresh.redirect_chain]
    assert mailbox.mails[-1]["To"] == "alice@example.com"
    assert mailbox.mails[-1]["Subject"] == "[Patchbay] You have an account already"
    assert not User.objects.filter(username="other").exists()


@pytest.mark.usefixtures("open_signup", "unverified")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "ALICE"),
        ("username", "Änne"),
        ("username", ""),
        ("email", "nonsense"),
        ("email", ""),
        ("password1", "password"),
        ("password2", "another one"),
    ],
)
def test_what_cannot_be_taken_is_said_at_the_field(
    client: Client, alice: User, field: str, value: str
) -> None:
    page = client.post(SIGNUP, {**NEW, field: value})

    assert page.status_code == 200
    assert re.search(rf'id="id_{field}_note"|id="id_password1_note"', page.text)
    assert 'aria-invalid="true"' in page.text
    assert PASSWORD not in page.text
    assert User.objects.count() == 1


@pytest.mark.usefixtures("transactional_db", "open_signup", "unverified")
def test_pressing_the_button_twice_makes_one_account_and_no_failure() -> None:
    start = threading.Barrier(2, timeout=10)

    def press(_: int) -> int:
        try:
            start.wait()
            return int(Client().post(SIGNUP, NEW).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(press, range(2)))

    # The slower one is sent to sign in, or is told that the name is taken.
    assert set(codes) <= {200, 302}
    assert User.objects.count() == EmailAddress.objects.count() == 1


# --- People whom an administrator made ----------------------------------------


@pytest.mark.parametrize("login", ["alice", "alice@example.com"])
def test_an_address_that_an_administrator_entered_needs_no_mail(
    client: Client, alice: User, mailbox: Mailbox, login: str
) -> None:
    sign_in(client, login)

    assert username(client) == "alice"
    assert EmailAddress.objects.get(user=alice).verified
    assert not mailbox.mails
    client.logout()
    assert sign_in(client, login)["Location"] == "/"


@pytest.mark.usefixtures("db")
def test_a_person_without_an_address_gets_in(client: Client) -> None:
    User.objects.create_user("eve", password=PASSWORD)

    sign_in(client, "eve")

    assert username(client) == "eve"
    assert "You have none so far" in client.get("/accounts/email/").text


# --- Changing the address -----------------------------------------------------


def change_address(client: Client, address: str, password: str = PASSWORD) -> Any:
    """Ask for a new address, and give the password that this asks for."""
    wanted = {"action_add": "", "email": address}
    asked = client.post("/accounts/email/", wanted, follow=True)
    assert "Your password once more" in asked.text
    given = {"password": password, "next": "/accounts/email/"}
    return client.post("/accounts/reauthenticate/", given, follow=True)


def test_a_new_address_counts_once_it_is_confirmed(
    client: Client, alice: User, mailbox: Mailbox
) -> None:
    address = "o'hara@example.com"
    sign_in(client, "alice")
    assert "waits for its link" in change_address(client, address).text
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"

    client.post(link(mailbox.text()))

    alice.refresh_from_db()
    assert alice.email == address
    told = mailbox.mails[-1]
    assert told["To"] == "alice@example.com"
    assert f"from alice@example.com to {address}" in mailbox.text()


def test_a_stolen_session_cannot_change_the_address(
    client: Client, alice: User, mailbox: Mailbox
) -> None:
    sign_in(client, "alice")

    page = change_address(client, "thief@example.com", password="a guess")

    assert "This is not your password." in page.text
    assert not mailbox.mails
    assert EmailAddress.objects.get().email == "alice@example.com"


def test_a_change_of_address_can_be_called_off(
    client: Client, alice: User, mailbox: Mailbox
) -> None:
    sign_in(client, "alice")
    change_address(client, "new@example.com")

    client.post("/accounts/email/", {"action_remove": "", "email": "new@example.com"})

    page = client.get("/accounts/email/")
    assert "waits for its link" not in page.text
    assert "alice@example.com" in page.text


def test_a_confirmation_link_wears_out(
    client: Client, alice: User, mailbox: Mailbox, settings: Settings
) -> None:
    sign_in(client, "alice")
    change_address(client, "new@example.com")
    settings.ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 0

    assert "This link is used up" in client.get(link(mailbox.text())).text
