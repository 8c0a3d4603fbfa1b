"""The composer in a real browser: what is typed and picked is sent once, or kept."""

import re
from datetime import timedelta
from typing import Any, cast

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from playwright.async_api import Page, Route, expect
from pytest_django import Settings

from accounts.models import User
from agent.models import Conversation, Message, Role, Turn, TurnState
from agent.sending import TEXT_CHARS
from agent.tests.composer_pages import (
    apps_button,
    box_of,
    chip_of,
    menu_of,
    menu_opened,
    opened,
    picked,
)
from config.tests.browser import OpenPage, Watch, assert_accessible, assert_fits
from connectors.tests import verbs
from demo.fixtures import DemoServer

PICKED = "/chat?pick=connector_tool:{id}:search_issues"
# As an answer of Direct mode proposes a tool.
OFFER = """
const link = document.createElement("a");
Object.assign(link, { href: "/", innerText: "Use Atlas" });
const pick = { pick: "connector:7", label: "Any Atlas tool", glyph: "blocks" };
Object.assign(link.dataset, pick);
document.querySelector("#thread").append(link);
"""


@pytest.fixture(autouse=True)
def _no_second_try_later(settings: Settings) -> None:
    settings.RETRY_DELAY_S = 0


@pytest.fixture
def dialling(allow_loopback: None, settings: Settings) -> None:
    """Let the live server start although connectors may reach this machine."""
    settings.EGRESS_ALLOW_IN_PRODUCTION = True


def begun(user: User, state: str = TurnState.DONE) -> Conversation:
    """A conversation with one message, and what became of it."""
    conversation = Conversation.objects.create(user=user, title="Payouts")
    message = Message.objects.create(
        conversation=conversation, seq=1, role=Role.USER, text="Which ones?"
    )
    Message.objects.create(conversation=conversation, seq=2, role=Role.ASSISTANT)
    Turn.objects.create(
        conversation=conversation,
        user_message=message,
        state=state,
        lease_until=timezone.now() + timedelta(minutes=5),
    )
    return conversation


@sync_to_async
def sent() -> list[tuple[str, str, str]]:
    """Return what people sent: the words, and what was picked."""
    rows = Message.objects.filter(role=Role.USER).order_by("pk")
    return [(row.text, row.selection_kind, row.selection_ref) for row in rows]


async def draft(page: Page) -> str:
    kept = await page.evaluate("JSON.stringify(sessionStorage)")
    assert isinstance(kept, str)
    return kept


# --- Sending -------------------------------------------------------------------------


async def test_enter_sends_and_the_conversation_is_there(
    page: Page, alice: User
) -> None:
    first = await opened(page, alice, PICKED)
    await expect(chip_of(page)).to_have_text("GitHub: Search issues")
    await page.keyboard.type("Which are open?")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("Since when?")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"/chat/\d+$"))
    await expect(box_of(page)).to_have_value("")
    await expect(chip_of(page)).to_have_count(0)
    assert await sent() == [
        ("Which are open?\nSince when?", "connector_tool", f"{first.pk}:search_issues")
    ]
    assert "open" not in await draft(page)
    await page.goto("/chat")
    await expect(box_of(page)).to_have_value("")


@pytest.mark.usefixtures("dialling")
async def test_what_is_picked_in_the_menu_is_what_is_used(
    page: Page, alice: User, notes_server: DemoServer
) -> None:
    await sync_to_async(verbs.add)(alice, notes_server.url, "Notes")
    await page.goto("/chat")
    await menu_opened(page)
    await page.keyboard.type("search notes", delay=20)
    await expect(page.locator("#apps-said")).to_contain_text("Enter picks Notes:")
    await page.keyboard.press("Enter")
    await page.keyboard.type("release")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"/chat/\d+$"))
    thread = page.get_by_role("log")
    await expect(thread.get_by_text("Notes: Search")).to_be_visible()
    await expect(thread.locator(".receipt [data-state=ready]")).to_be_visible()
    await expect(page.get_by_role("button", name="Send")).to_be_visible()
    await expect(chip_of(page)).to_have_count(0)
    await expect(box_of(page)).to_have_value("")


async def test_in_a_conversation_the_composer_is_empty_again(
    page: Page, alice: User
) -> None:
    conversation = await sync_to_async(begun)(alice)
    first = await opened(page, alice, f"/chat/{conversation.pk}?pick=connector:{{id}}")
    nonce = page.locator("#composer [name=nonce]")
    before = await nonce.input_value()
    await box_of(page).fill("And now?")
    await page.get_by_role("button", name="Send").click()
    await expect(box_of(page)).to_have_value("")
    await expect(box_of(page)).to_be_focused()
    await expect(chip_of(page)).to_have_count(0)
    assert await nonce.input_value() not in {"", before}
    assert (await sent())[1:] == [("And now?", "connector", str(first.pk))]
    await expect(page.get_by_role("button", name="Send")).to_be_visible()
    await page.keyboard.type("And then?")
    await page.keyboard.press("Enter")
    await expect(box_of(page)).to_have_value("")
    assert (await sent())[2:] == [("And then?", "", "")]


async def test_a_pick_needs_no_words(page: Page, alice: User) -> None:
    first = await opened(page, alice, PICKED)
    await box_of(page).press("Enter")
    await expect(page).to_have_url(re.compile(r"/chat/\d+$"))
    assert await sent() == [("", "connector_tool", f"{first.pk}:search_issues")]


async def test_after_a_way_back_the_next_message_is_another(
    page: Page, alice: User
) -> None:
    await page.goto("/chat")
    for words in ("First", "Second"):
        await box_of(page).fill(words)
        await box_of(page).press("Enter")
        await expect(page).to_have_url(re.compile(r"/chat/\d+$"))
        await page.go_back()
        await expect(page).to_have_url(re.compile(r"/chat$"))
        await expect(box_of(page)).to_have_value("")
    assert [text for text, *_ in await sent()] == ["First", "Second"]


async def test_enter_that_ends_the_choice_of_a_character_sends_nothing(
    page: Page, alice: User
) -> None:
    await opened(page, alice)
    await box_of(page).fill("東京")
    for extra in ("{isComposing: true}", "{keyCode: 229}"):
        await page.evaluate(
            "document.querySelector('#message').dispatchEvent(new KeyboardEvent("
            f"'keydown', {{key: 'Enter', bubbles: true, ...{extra}}}))"
        )
    await page.keyboard.press("x")
    await expect(box_of(page)).to_have_value("東京x")
    assert page.url.endswith("/chat")
    assert not await sent()


async def test_nothing_is_not_sent(page: Page, alice: User) -> None:
    await opened(page, alice)
    await box_of(page).fill("  ")
    await box_of(page).press("Enter")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(box_of(page)).to_have_value("  ")
    await assert_accessible(page)
    assert not await sent()
    await box_of(page).press("x")
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_backspace_in_an_empty_box_takes_the_chip_away(
    page: Page, alice: User
) -> None:
    await opened(page, alice, PICKED)
    await box_of(page).fill("ab")
    await box_of(page).press("Backspace")
    await box_of(page).press("Backspace")
    await expect(chip_of(page)).to_have_count(1)
    await box_of(page).press("Backspace")
    await expect(chip_of(page)).to_have_count(0)
    assert not await picked(page)


async def test_the_chip_has_a_button_to_take_it_away(page: Page, alice: User) -> None:
    await opened(page, alice, PICKED)
    await page.get_by_role("button", name="Remove GitHub: Search issues").click()
    await expect(chip_of(page)).to_have_count(0)
    await expect(box_of(page)).to_be_focused()
    assert not await picked(page)


async def test_a_pick_that_the_thread_offers_is_taken_over(
    page: Page, alice: User
) -> None:
    await opened(page, alice)
    await box_of(page).fill("stays")
    await page.evaluate(OFFER)
    await page.get_by_role("link", name="Use Atlas").click()
    await expect(chip_of(page)).to_have_text("Any Atlas tool")
    await expect(box_of(page)).to_have_value("stays")
    assert await picked(page) == "connector:7"


# --- What fails ----------------------------------------------------------------------


async def test_text_and_chip_stay_when_nobody_answers_and_arrive_once(
    page: Page, alice: User, watch: Watch
) -> None:
    """The first try arrives, its answer does not."""
    watch.allow("ERR_FAILED")
    watch.allow("Failed to fetch")

    async def arrives_unanswered(route: Route) -> None:
        await route.fetch(max_redirects=0)
        await route.abort()

    conversation = await sync_to_async(begun)(alice)
    address = f"/chat/{conversation.pk}"
    first = await opened(page, alice, f"{address}?pick=connector:{{id}}")
    await page.route(f"**{address}", arrives_unanswered)
    await box_of(page).fill("Once, please")
    await box_of(page).press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("did not answer")
    await expect(page.locator("#messages .notice")).to_have_count(0)
    await expect(box_of(page)).to_have_value("Once, please")
    await expect(chip_of(page)).to_have_text("Any GitHub tool")
    await assert_accessible(page)
    await page.unroute(f"**{address}")
    await page.reload()
    await expect(box_of(page)).to_have_value("Once, please")
    await box_of(page).press("Enter")
    await expect(box_of(page)).to_have_value("")
    await expect(chip_of(page)).to_have_count(0)
    assert (await sent())[1:] == [("Once, please", "connector", str(first.pk))]


@pytest.mark.parametrize("is_reloaded", [False, True])
async def test_what_is_changed_after_a_doubtful_try_is_a_message_of_its_own(
    page: Page, alice: User, watch: Watch, is_reloaded: bool
) -> None:
    watch.allow("ERR_FAILED")
    watch.allow("Failed to fetch")

    async def arrives_unanswered(route: Route) -> None:
        await route.fetch(max_redirects=0)
        await route.abort()

    conversation = await sync_to_async(begun)(alice)
    await page.goto(f"/chat/{conversation.pk}")
    await page.route(f"**/chat/{conversation.pk}", arrives_unanswered)
    await box_of(page).fill("One")
    await box_of(page).press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("did not answer")
    await page.unroute(f"**/chat/{conversation.pk}")
    if is_reloaded:
        await page.reload()
    await box_of(page).press_sequentially(" and two")
    await expect(page.get_by_role("alert")).to_have_count(0)
    await box_of(page).press("Enter")
    await expect(box_of(page)).to_have_value("")
    assert [text for text, *_ in await sent()] == ["Which ones?", "One", "One and two"]


async def test_what_the_server_refuses_is_said_at_the_composer(
    page: Page, alice: User, watch: Watch
) -> None:
    watch.allow("status of 404")
    conversation = await sync_to_async(begun)(alice)
    await opened(page, alice, f"/chat/{conversation.pk}?pick=connector:{{id}}")
    await Conversation.objects.all().adelete()
    await box_of(page).fill("Still there?")
    await box_of(page).press("Enter")
    notice = page.locator("#composer-problem").get_by_role("alert")
    await expect(notice).to_contain_text("no such conversation")
    await expect(page.locator("#messages .notice")).to_have_count(0)
    await expect(box_of(page)).to_have_value("Still there?")
    await expect(chip_of(page)).to_have_text("Any GitHub tool")


async def test_what_is_typed_meanwhile_is_not_lost(page: Page, alice: User) -> None:
    conversation = await sync_to_async(begun)(alice)
    await page.goto(f"/chat/{conversation.pk}")

    async def slowly(route: Route) -> None:
        response = await route.fetch(max_redirects=0)
        await box_of(page).press_sequentially(" next")
        await route.fulfill(response=response)

    await page.route(f"**/chat/{conversation.pk}", slowly)
    await box_of(page).fill("First")
    await box_of(page).press("Enter")
    await expect(box_of(page)).to_have_value("next")
    await page.unroute(f"**/chat/{conversation.pk}")
    await page.reload()
    await expect(box_of(page)).to_have_value("next")
    assert [text for text, *_ in await sent()] == ["Which ones?", "First"]


# --- Drafts --------------------------------------------------------------------------


async def test_a_draft_survives_a_reload_in_its_own_conversation(
    page: Page, alice: User
) -> None:
    first, second = [await sync_to_async(begun)(alice) for _ in range(2)]
    await opened(page, alice, f"/chat/{first.pk}?pick=connector:{{id}}")
    await box_of(page).fill("Half a thou")
    await page.goto(f"/chat/{second.pk}")
    await expect(box_of(page)).to_have_value("")
    await expect(chip_of(page)).to_have_count(0)
    await page.goto(f"/chat/{first.pk}")
    await expect(box_of(page)).to_have_value("Half a thou")
    await expect(chip_of(page)).to_have_text("Any GitHub tool")
    assert (await picked(page)).startswith("connector:")
    await assert_accessible(page)


async def test_a_link_that_picks_wins_once_over_the_draft(
    page: Page, alice: User
) -> None:
    await opened(page, alice, PICKED)
    assert page.url.endswith("/chat")
    await box_of(page).press("Backspace")
    await expect(chip_of(page)).to_have_count(0)
    await page.reload()
    await expect(chip_of(page)).to_have_count(0)


async def test_the_draft_of_one_person_is_not_shown_to_another(
    open_page: OpenPage, alice: User, bob: User
) -> None:
    page = await open_page(user=alice)
    await page.goto("/chat")
    await box_of(page).fill("Between us")
    others = await open_page(user=bob)
    await others.goto("/chat")
    cookies = await others.context.cookies()
    await page.context.add_cookies(cast(Any, cookies))
    await page.goto("/chat")
    await expect(page.get_by_text("bob, account menu")).to_be_attached()
    await expect(box_of(page)).to_have_value("")


# --- While an answer is written ------------------------------------------------------


async def test_while_an_answer_is_written_it_can_be_stopped(
    page: Page, alice: User
) -> None:
    conversation = await sync_to_async(begun)(alice, TurnState.RUNNING)
    await page.goto(f"/chat/{conversation.pk}")
    await expect(page.get_by_role("button", name="Send")).to_be_hidden()
    await box_of(page).fill("Wait")
    await box_of(page).press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text(
        "An answer is being written"
    )
    await expect(box_of(page)).to_have_value("Wait")
    await assert_accessible(page)
    await page.get_by_role("button", name="Stop").click()
    await expect(page.get_by_role("button", name="Send")).to_be_visible()
    await expect(box_of(page)).to_have_value("Wait")
    await expect(box_of(page)).to_be_focused()
    turn = await Turn.objects.aget()
    assert turn.state == TurnState.STOPPED


async def test_while_a_card_waits_people_may_write_on(page: Page, alice: User) -> None:
    conversation = await sync_to_async(begun)(alice, TurnState.WAITING)
    await page.goto(f"/chat/{conversation.pk}")
    await expect(box_of(page)).to_have_attribute(
        "placeholder", "Answer a card above, or write on"
    )
    await expect(page.get_by_role("button", name="Send")).to_be_visible()
    await expect(page.get_by_role("button", name="Stop")).to_be_hidden()


async def test_an_end_that_was_heard_of_first_is_the_last_word(
    page: Page, alice: User
) -> None:
    """The socket is faster than the answer to the form."""
    conversation = await sync_to_async(begun)(alice, TurnState.RUNNING)
    await page.goto(f"/chat/{conversation.pk}")
    turn = page.locator("#composer-turn")
    running = await turn.evaluate("element => element.outerHTML")
    over = running.replace('data-state="running"', 'data-state="idle"')
    swap = "html => htmx.swap({text: html, target: '#composer-turn', swap: 'outerHTML',"
    swap += " sourceElement: document.body})"
    await page.evaluate(f"html => ({swap})(html)", over)
    await expect(page.get_by_role("button", name="Send")).to_be_visible()
    await page.evaluate(f"html => ({swap})(html)", running)
    await expect(page.get_by_role("button", name="Send")).to_be_visible()
    await expect(page.get_by_role("button", name="Stop")).to_be_hidden()


# --- Without a script, and small screens ----------------------------------------------


async def test_without_a_script_there_is_a_list_to_pick_from(
    open_page: OpenPage, alice: User
) -> None:
    page = await open_page(user=alice, javascript=False)
    first = await opened(page, alice)
    await expect(apps_button(page)).to_be_hidden()
    await page.get_by_text("Pick a tool that must be used", exact=True).click()
    options = page.get_by_label("Tool that must be used")
    await options.select_option("GitHub: Create an issue")
    await box_of(page).fill("A new one")
    await page.get_by_role("button", name="Send").click()
    await expect(page).to_have_url(re.compile(r"/chat/\d+$"))
    await expect(box_of(page)).to_have_value("")
    assert await sent() == [("A new one", "connector_tool", f"{first.pk}:create_issue")]


async def test_without_a_script_a_refusal_keeps_everything(
    open_page: OpenPage, alice: User
) -> None:
    page = await open_page(user=alice, javascript=False)
    conversation = await sync_to_async(begun)(alice)
    path = f"/chat/{conversation.pk}?pick=connector_tool:{{id}}:search_issues"
    await opened(page, alice, path)
    text = "Keep me. " * (TEXT_CHARS // 8)
    options = page.get_by_label("Tool that must be used")
    await expect(options.locator("option:checked")).to_have_text(
        "GitHub: Search issues"
    )
    await box_of(page).fill(text)
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("alert")).to_contain_text("longer than")
    await expect(box_of(page)).to_have_value(text)
    await expect(options.locator("option:checked")).to_have_text(
        "GitHub: Search issues"
    )


@pytest.mark.parametrize("width", [320, 390])
async def test_a_long_text_and_a_long_name_fit(
    open_page: OpenPage, alice: User, width: int
) -> None:
    page = await open_page(user=alice, width=width, height=700)
    await opened(page, alice, PICKED)
    await box_of(page).fill("line\n" * 60 + "w" * 300)
    await page.evaluate(
        "document.querySelector('#picked .trunc').textContent = 'w'.repeat(200)"
    )
    await assert_fits(page)
    await expect(page.get_by_role("button", name="Send")).to_be_in_viewport()
    await expect(menu_of(page)).to_be_hidden()
    await assert_accessible(page)
