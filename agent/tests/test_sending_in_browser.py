"""What becomes of a message in a real browser, and where the person is after it."""

import re
from datetime import timedelta
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.utils import timezone
from playwright.async_api import Page, expect

from accounts.models import User
from agent import journal
from agent.models import Conversation, Message, Turn, TurnState
from agent.tests import threads
from agent.tests.composer_pages import box_of, chip_of, opened
from agent.tests.threads import done, happen
from config.tests.browser import Watch
from config.tests.live import LiveServer


def begun(user: User, state: str = TurnState.DONE) -> Turn:
    """A turn that somebody is at for some minutes, if it is at work."""
    turn = threads.turn(threads.conversation(user), state=state)
    turn.lease_until = timezone.now() + timedelta(minutes=5)
    turn.save()
    return turn


# --- A session that ended elsewhere --------------------------------------------------


async def test_what_was_written_is_there_after_a_new_sign_in(
    page: Page, alice: User
) -> None:
    conversation = (await sync_to_async(begun)(alice)).conversation
    await opened(page, alice, f"/chat/{conversation.pk}?pick=connector:{{id}}")
    kept = await page.context.cookies()
    await page.context.clear_cookies(name="sessionid")
    await box_of(page).fill("Half an hour of work")
    await box_of(page).press("Enter")
    await expect(page).to_have_url(re.compile("/accounts/login/"))
    await page.context.add_cookies(cast(Any, kept))
    await page.goto(f"/chat/{conversation.pk}")
    await expect(box_of(page)).to_have_value("Half an hour of work")
    await expect(chip_of(page)).to_have_text("Any GitHub tool")
    assert await Message.objects.acount() == 2
    await box_of(page).press("Enter")
    await expect(box_of(page)).to_have_value("")
    await expect(chip_of(page)).to_have_count(0)
    assert await Message.objects.filter(text="Half an hour of work").acount() == 1


async def test_a_first_message_survives_a_session_that_ended(
    page: Page, live_server_asgi: LiveServer
) -> None:
    kept = await page.context.cookies()
    await page.goto("/chat")
    await page.context.clear_cookies(name="sessionid")
    await box_of(page).fill("A first one")
    await box_of(page).press("Enter")
    await expect(page).to_have_url(re.compile("/accounts/login/"))
    await page.context.add_cookies(cast(Any, kept))
    await page.goto("/chat")
    await expect(box_of(page)).to_have_value("A first one")
    assert not await Conversation.objects.aexists()


# --- Where one goes on ---------------------------------------------------------------


async def test_after_the_first_message_the_next_can_be_typed(page: Page) -> None:
    await page.goto("/chat")
    await page.keyboard.type("First")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"/chat/\d+$"))
    await expect(box_of(page)).to_be_focused()
    # Who only comes to read is not taken there.
    await page.reload()
    await expect(page.locator("#composer-turn")).to_be_visible()
    await expect(box_of(page)).not_to_be_focused()


async def test_who_was_faster_than_the_scripts_can_go_on_as_well(
    page: Page, watch: Watch
) -> None:
    watch.allow("htmx is not defined")
    await page.route("**/htmx*.js", lambda route: route.fulfill(body=""))
    await page.goto("/chat")
    await page.keyboard.type("First")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"/chat/\d+$"))
    await expect(box_of(page)).to_be_focused()


async def test_that_an_answer_is_written_is_said_until_it_has_ended(
    page: Page, alice: User
) -> None:
    turn = await sync_to_async(begun)(alice, TurnState.RUNNING)
    await page.goto(f"/chat/{turn.conversation_id}")
    await box_of(page).fill("And then?")
    await box_of(page).press("Enter")
    notice = page.locator("#composer-problem").get_by_role("alert")
    await expect(notice).to_contain_text("An answer is being written")
    await sync_to_async(happen)(turn, done(), state=TurnState.DONE)
    await journal.wake(turn.conversation_id)
    await expect(page.get_by_role("button", name="Send")).to_be_visible()
    await expect(notice).to_have_count(0)
    await expect(box_of(page)).to_have_value("And then?")
