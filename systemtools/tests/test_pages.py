"""The pages of system tools: the list, one tool, connecting and disconnecting."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from connectors.models import OAuthGrant
from systemtools.models import UserToolStatus

pytestmark = pytest.mark.usefixtures("sample_tools")

HTMX = {"HX-Request": "true"}
KEY = "k3ys"


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def connected(user: User, tool_id: str) -> bool:
    rows = UserToolStatus.objects.owned_by(user).filter(tool_id=tool_id)
    return rows.filter(is_connected=True).exists()


def group(html: str, heading: str) -> str:
    """Return the part of the list under a heading."""
    return html.partition(f">{heading} · ")[2].partition("</section>\n")[0]


def said(response: Any) -> str:
    return " ".join(str(one) for one in response.context["messages"])


# --- The list ------------------------------------------------------------------


def test_the_list_shows_what_is_connected_available_and_announced(
    browser: Client,
) -> None:
    browser.post("/system-tools/diary/connect")
    html = browser.get("/system-tools").text
    order = [html.index(f">{one} · ") for one in ("Connected", "Available")]
    assert order == sorted(order)
    assert html.index(">Connected · 1") < html.index("Diary")
    assert html.index(">Available · ") < html.index("Weather")
    assert html.index(">Coming soon · ") < html.index("Google Drive")
    assert ">Beta</span>" in html
    assert "/chat?pick=system_tool:diary" in html
    assert 'action="/system-tools/google-drive/connect"' not in html


def test_the_page_of_a_tool_says_what_it_can_do(browser: Client) -> None:
    html = browser.get("/system-tools/diary").text
    assert "Write down what happened." in html
    assert "Changes · asks you" in html
    assert ">Reads</span>" in html


@pytest.mark.parametrize("page", ["", "/config", "/disconnect", "/sign-in"])
def test_an_unknown_tool_is_404(browser: Client, page: str) -> None:
    assert browser.get(f"/system-tools/nothing{page}").status_code == 404


# --- A click --------------------------------------------------------------------


def test_a_tool_that_asks_for_nothing_is_connected_by_a_click(
    browser: Client, alice: User, bob: User
) -> None:
    answer = browser.post("/system-tools/diary/connect", follow=True)
    assert answer.redirect_chain == [("/system-tools/diary", 303)]
    assert said(answer) == "Diary is connected."
    assert connected(alice, "diary")
    assert not connected(bob, "diary")


def test_in_the_list_the_card_alone_changes(browser: Client, alice: User) -> None:
    answer = browser.post("/system-tools/diary/connect", {"from": "list"}, headers=HTMX)
    assert answer.text.lstrip().startswith("<article")
    assert "Diary: Connected" in answer["HX-Trigger"]
    assert "Use in chat" in answer.text
    assert connected(alice, "diary")


def test_connecting_twice_says_so(browser: Client) -> None:
    browser.post("/system-tools/diary/connect", follow=True)
    answer = browser.post("/system-tools/diary/connect", follow=True)
    assert said(answer) == "Diary is already connected."


def test_what_is_announced_cannot_be_connected(browser: Client, alice: User) -> None:
    answer = browser.post("/system-tools/google-drive/connect")
    assert answer.status_code == 409
    assert "coming soon" in answer.text
    assert not connected(alice, "google-drive")


def test_a_link_connects_nothing(browser: Client, alice: User) -> None:
    assert browser.get("/system-tools/diary/connect").status_code == 405
    assert not connected(alice, "diary")


def test_who_disconnects_is_asked_first(browser: Client, alice: User) -> None:
    browser.post("/system-tools/diary/connect")
    assert "Disconnect Diary?" in browser.get("/system-tools/diary/disconnect").text
    part = browser.get("/system-tools/diary/disconnect", headers=HTMX).text
    assert part.lstrip().startswith("<form")
    assert connected(alice, "diary")
    answer = browser.post("/system-tools/diary/disconnect", follow=True)
    assert said(answer).startswith("Diary is disconnected.")
    assert not connected(alice, "diary")


# --- A form ---------------------------------------------------------------------


def test_a_tool_that_asks_for_something_shows_its_form(browser: Client) -> None:
    answer = browser.post("/system-tools/weather/connect", follow=True)
    assert answer.redirect_chain == [("/system-tools/weather/config", 303)]
    assert 'name="arg.town"' in answer.text
    assert 'type="password" name="arg.key"' in answer.text
    assert 'value="3"' in answer.text


def test_what_was_entered_is_kept_and_the_secret_never_shown(
    browser: Client, alice: User
) -> None:
    entered = {"arg.town": "Ulm", "arg.days": "2", "arg.key": KEY}
    answer = browser.post("/system-tools/weather/config", entered, follow=True)
    assert said(answer) == "Weather is connected."
    row = UserToolStatus.objects.get(user=alice)
    assert row.config == {"town": "Ulm", "days": 2}
    assert row.credentials.open() == {"key": KEY}
    html = browser.get("/system-tools/weather/config").text
    assert 'value="Ulm"' in html
    assert "One is stored. Left empty, it stays." in html
    assert KEY not in html


def test_a_secret_that_is_left_empty_stays(browser: Client, alice: User) -> None:
    entered = {"arg.town": "Ulm", "arg.days": "2", "arg.key": KEY}
    browser.post("/system-tools/weather/config", entered, follow=True)
    changed = {"arg.town": "Bonn", "arg.days": "2", "arg.key": ""}
    answer = browser.post("/system-tools/weather/config", changed, follow=True)
    assert said(answer) == "What you entered is kept."
    row = UserToolStatus.objects.get(user=alice)
    assert (row.config["town"], row.credentials.open()) == ("Bonn", {"key": KEY})


def test_what_does_not_fit_is_said_at_its_field(browser: Client, alice: User) -> None:
    entered = {"arg.town": "Ulm", "arg.days": "2", "arg.key": "x"}
    answer = browser.post("/system-tools/weather/config", entered)
    assert answer.status_code == 422
    assert 'id="arg.key-error"' in answer.text
    assert 'value="Ulm"' in answer.text
    assert not connected(alice, "weather")


def test_a_tool_that_asks_for_nothing_has_no_form(browser: Client) -> None:
    assert browser.get("/system-tools/diary/config").status_code == 409


# --- A sign-in ------------------------------------------------------------------


def test_the_page_before_a_sign_in_says_what_for(browser: Client) -> None:
    answer = browser.post("/system-tools/letters/connect")
    assert answer.status_code == 303
    html = browser.get("/system-tools/letters/sign-in?from=chat").text
    assert "Connect Letters" in html
    assert "Look into the box<br>" in html
    assert "Send a letter. You are asked each time<br>" in html
    assert "Continue to Letters" in html
    assert 'href="/system-tools/letters/sign-in/go?from=chat"' in html


def test_whoever_goes_on_is_sent_to_the_provider(browser: Client) -> None:
    answer = browser.get("/system-tools/letters/sign-in/go")
    assert answer.status_code == 302
    assert answer["Location"].startswith("https://post.example/letters?session=")


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Purpose": "prefetch"}]
)
def test_nobody_is_sent_there_by_another_site_or_ahead_of_time(
    browser: Client, headers: dict[str, str]
) -> None:
    answer = browser.get("/system-tools/letters/sign-in/go", headers=headers)
    assert answer["Location"] == "/system-tools/letters/sign-in"


def test_a_tool_without_a_sign_in_has_no_such_page(browser: Client) -> None:
    assert browser.get("/system-tools/diary/sign-in").status_code == 409
    assert browser.get("/system-tools/google-drive/sign-in").status_code == 409


def test_what_was_not_allowed_is_said_after_the_sign_in(
    browser: Client, alice: User
) -> None:
    done = "/system-tools/letters/sign-in/done"
    assert browser.get(done)["Location"] == "/system-tools/letters"
    OAuthGrant.objects.create(
        user=alice,
        system_tool="letters",
        scope="letters.read",
        account_label="ann@post.example",
        tokens={"access_token": KEY},
    )
    html = browser.get(done).text
    assert "Connected Successfully!" in html
    assert "ann@post.example" in html
    assert "Left out: Send a letter." in html
    assert "/chat?pick=system_tool:letters" in html
    assert KEY not in html
    detail = browser.get("/system-tools/letters").text
    assert "Look into the box" in detail
    assert "<b>Send a letter</b>" not in detail
    assert "Left out: Send a letter." in detail


@pytest.mark.parametrize("query", ["", "?flow=1", "?flow=x&error=<b>", "?error=used"])
def test_a_sign_in_that_failed_says_why_and_nothing_of_the_address(
    browser: Client, query: str
) -> None:
    answer = browser.get(f"/system-tools/letters/sign-in/error{query}")
    assert answer.status_code == 200
    assert "Try Again" in answer.text
    assert 'href="/system-tools/letters/sign-in"' in answer.text
    assert "<b>" not in answer.text.partition("<main")[2].partition("Details")[0]
