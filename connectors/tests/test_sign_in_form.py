"""What leads to a sign-in: a server, a name, and maybe a client of one's own."""

import pytest

from connectors.sign_in_form import ClientForm, SignInForm

URL = "https://mcp.example.com/mcp"
SECRET = "s3cret-canary-value"


def form(**given: str) -> SignInForm:
    return SignInForm({"server_url": URL, **given})


def test_an_address_is_enough() -> None:
    one = form()
    assert one.is_valid()
    assert one.wanted == {"server_url": URL, "name": "", "auth_config": None}


def test_the_name_that_somebody_typed_is_kept() -> None:
    one = form(name="Mine", suggested_name="Example")
    assert one.is_valid()
    assert one.wanted["name"] == "Mine"


def test_a_name_that_was_only_suggested_waits_for_the_account() -> None:
    one = form(name="Example", suggested_name="Example")
    assert one.is_valid()
    assert one.wanted["name"] == ""


def test_a_client_of_ones_own_goes_along() -> None:
    one = form(client_id=" abc ", client_secret=SECRET, scope="journal:read")
    assert one.is_valid()
    assert one.wanted["auth_config"] == {
        "client_id": "abc",
        "client_secret": SECRET,
        "scope": "journal:read",
    }


@pytest.mark.parametrize("url", ["", "nonsense", "https://ada:pw@a.example/mcp"])
def test_what_is_no_address_is_refused_at_its_field(url: str) -> None:
    one = SignInForm({"server_url": url})
    assert not one.is_valid()
    assert list(one.errors) == ["server_url"]


def test_a_secret_without_its_client_is_refused_and_not_repeated() -> None:
    one = ClientForm({"client_secret": SECRET})
    assert not one.is_valid()
    assert one.errors["client_id"] == ["A secret needs its client id."]
    assert SECRET not in str(one.errors)


def test_an_id_that_cannot_be_sent_is_refused() -> None:
    one = ClientForm({"client_id": "a\u2028b"})
    assert list(one.errors) == ["client_id"]
