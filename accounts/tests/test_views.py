"""The landing page, the demo, and what every page of accounts keeps to."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts import demo
from accounts.models import User

OPEN = ["/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"]
OPEN += ["/accounts/password/reset/done/", "/accounts/password/reset/key/done/"]
OPEN += ["/accounts/password/reset/key/1-x/", "/accounts/inactive/"]
OPEN += ["/accounts/confirm-email/", "/accounts/confirm-email/x/"]
OURS = [
    "/settings",
    "/settings/tokens",
    "/accounts/logout/",
    "/accounts/email/",
    "/accounts/password/change/",
]
OURS += ["/accounts/reauthenticate/"]


@pytest.fixture
def development(settings: Settings) -> None:
    settings.DEVELOPMENT = True
    settings.SIGNUP_OPEN = True


@pytest.mark.usefixtures("db")
def test_strangers_see_the_way_in_and_no_demo(client: Client) -> None:
    page = client.get("/")

    assert 'href="/accounts/login/"' in page.text
    assert "Try the demo" not in page.text
    assert "/accounts/signup/" not in page.text


@pytest.mark.usefixtures("db", "development")
def test_in_development_the_demo_is_one_click_away(client: Client) -> None:
    assert "Try the demo" in client.get("/").text

    answer = client.post("/demo")

    assert (answer.status_code, answer["Location"]) == (303, "/connectors")
    assert f"{demo.USERNAME}, account menu" in text_of(client.get("/settings").text)


@pytest.mark.usefixtures("db", "development")
def test_the_demo_needs_a_post_with_its_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)

    assert client.get("/demo").status_code == 405
    assert client.post("/demo").status_code == 403
    assert not User.objects.exists()


@pytest.mark.usefixtures("db")
def test_outside_of_development_there_is_no_demo(client: Client) -> None:
    User.objects.create_user(demo.USERNAME)

    assert client.post("/demo").status_code == 404
    assert "_auth_user_id" not in client.session


def test_people_are_led_to_the_chat(client: Client, alice: User) -> None:
    client.force_login(alice)
    answer = client.get("/")

    assert (answer.status_code, answer["Location"]) == (302, "/chat")
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize(("name", "is_shown"), [("alice", False), ("carol", True)])
def test_staff_alone_see_the_way_to_the_administration(
    client: Client, alice: User, carol: User, name: str, is_shown: bool
) -> None:
    client.force_login(User.objects.get(username=name))

    assert (reverse("admin:index") in client.get("/settings").text) == is_shown


@pytest.mark.usefixtures("db")
def test_the_landing_page_changes_nothing_and_is_not_kept(client: Client) -> None:
    assert client.post("/").status_code == 405
    assert "no-store" in client.get("/")["Cache-Control"]


@pytest.mark.usefixtures("db", "development")
@pytest.mark.parametrize("path", OPEN)
def test_each_page_for_strangers_is_whole(client: Client, path: str) -> None:
    assert_whole(client, path)


@pytest.mark.parametrize("path", OURS)
def test_each_page_for_people_is_whole(client: Client, alice: User, path: str) -> None:
    client.force_login(alice)

    assert_whole(client, path)


def test_a_person_without_a_password_chooses_one(client: Client, alice: User) -> None:
    alice.set_unusable_password()
    alice.save()
    client.force_login(alice)

    assert_whole(client, "/accounts/password/set/")


@pytest.mark.parametrize("path", OURS)
@pytest.mark.usefixtures("db")
def test_pages_for_people_send_strangers_elsewhere(client: Client, path: str) -> None:
    assert client.get(path).status_code == 302


def text_of(page: str) -> str:
    return re.sub(r"<[^>]+>", "", page)


def assert_whole(client: Client, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert page.text.count("<h1>") == 1
    assert re.search(r"<title>.+ · Patchbay</title>", page.text)
    for field in re.findall(r'<input class="input"[^>]*>', page.text):
        (name,) = re.findall(r' id="([\w-]+)"', field)
        assert page.text.count(f'<label for="{name}">') == 1
