"""The page with OpenAI's component, in a real browser, with a stand-in for it.

OpenAI's own cannot be had without the internet: a custom element of the same name
takes its place, which notes what it is given and says what the real one would.
"""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import Locator, Page, Route, expect
from pytest_django import Settings

from accounts.models import User
from agent.chatkit import messages, options
from agent.chatkit.pages import CDN, COMPONENT
from agent.tests import boxes
from config.tests.browser import OpenPage, Watch, assert_accessible, assert_fits

pytestmark = pytest.mark.usefixtures("no_system_tools")

STAND_IN = """
const style = document.createElement("style");
style.textContent = "openai-chatkit { display: block }";
document.head.append(style);
customElements.define("openai-chatkit", class extends HTMLElement {
  given = [];
  values = [];
  setOptions(options) {
    this.given.push(options);
    this.textContent = options.startScreen.greeting;
    this.dataset.given = this.given.length;
    this.dataset.theme = options.theme;
    if (this.given.length === 1 && !window.isSilent) this.say("chatkit.ready");
  }
  async setComposerValue(value) { this.values.push(value); }
  async fetchUpdates() { this.dataset.fetched = 1 + Number(this.dataset.fetched ?? 0); }
  say(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }
});
"""
ELEMENT = "document.querySelector('openai-chatkit')"
LAST = f"{ELEMENT}.given.at(-1)"


async def served(page: Page, text: str = STAND_IN) -> None:
    """Answer for OpenAI, whom nobody asks anything else."""

    async def answer(route: Route) -> None:
        await route.fulfill(content_type="text/javascript", body=text)

    await page.route(COMPONENT, answer)


@pytest.fixture(autouse=True)
def _shown(settings: Settings, watch: Watch) -> None:
    settings.CHATKIT_DEMO = True
    watch.allow(f"asked somebody else: {COMPONENT}")


async def opened(page: Page, path: str = "/chatkit/demo") -> None:
    await served(page)
    await page.goto(path)
    await expect(page.get_by_text(options.GREETING)).to_be_visible()


def component(page: Page) -> Locator:
    return page.locator("openai-chatkit")


async def say(page: Page, event: str, **detail: Any) -> None:
    """Have the component say something."""
    said = json.dumps(detail)
    await page.evaluate(f"{ELEMENT}.say('chatkit.{event}', {said})")


async def given(page: Page) -> dict[str, Any]:
    """Return the options that the component has now, but for functions."""
    text = await page.evaluate(f"JSON.stringify({LAST})")
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"width": 390, "height": 844}])
async def test_the_page_fits_and_can_be_read(
    open_page: OpenPage, alice: User, look: dict[str, Any]
) -> None:
    page = await open_page(user=alice, **look)
    await opened(page)
    box = await component(page).bounding_box()
    assert box is not None
    assert box["height"] > 400
    assert box["width"] > 300
    await assert_fits(page)
    # It scrolls by itself: a page that scrolls as well would hide its composer.
    root = "document.documentElement"
    assert await page.evaluate(f"{root}.scrollHeight <= {root}.clientHeight")
    await assert_accessible(page)


async def test_the_component_gets_what_the_installation_says(
    page: Page, alice: User
) -> None:
    await sync_to_async(boxes.connector)(alice, "Notes")
    await opened(page)
    expected = await sync_to_async(options.document)(user_id=alice.pk)
    shown = await given(page)
    assert shown["composer"] == expected["composer"]
    assert shown["disclaimer"] == expected["disclaimer"]
    assert shown["api"] == expected["api"]
    assert shown["header"]["rightAction"] == {"icon": "settings-cog"}
    assert (shown["theme"], shown["initialThread"]) == ("light", None)


async def test_it_asks_with_the_session_and_its_token(page: Page) -> None:
    await opened(page)
    status = await page.evaluate(
        f"""{LAST}.api.fetch({LAST}.api.url, {{
          method: "POST",
          headers: {{ "Content-Type": "application/json" }},
          body: JSON.stringify({{ type: "threads.list", params: {{ limit: 9 }} }}),
        }}).then(async (response) => [response.status, await response.json()])"""
    )
    assert status == [200, {"data": [], "has_more": False}]


async def test_the_session_is_for_this_installation_alone(page: Page) -> None:
    await opened(page)
    for address in (f"{CDN}/x", "/api/apps", "/chatkit/../api/apps"):
        refused = await page.evaluate(
            f"{LAST}.api.fetch('{address}').then(() => '', (error) => error.message)"
        )
        assert refused == "ChatKit is asked for something that is not its own."


async def test_connectors_open_beside_the_chat(page: Page) -> None:
    await opened(page)
    async with page.expect_popup() as popup:
        await page.evaluate(f"{LAST}.header.rightAction.onClick()")
    await (await popup.value).wait_for_url("**/connectors")
    await (await popup.value).close()
    async with page.expect_popup() as popup:
        await say(page, "tool.change", toolId=options.MANAGE)
    await (await popup.value).wait_for_url("**/connectors")
    assert await page.evaluate(f"{ELEMENT}.values") == [{"selectedToolId": None}]
    # Another tool is the component's own business.
    await say(page, "tool.change", toolId="x")
    assert len(await page.evaluate(f"{ELEMENT}.values")) == 1


async def test_a_link_leads_to_what_the_page_knows_and_an_effect_to_our_pages(
    page: Page, watch: Watch
) -> None:
    await opened(page)
    ours = {"url": f"{watch.url}/connectors"}
    theirs = {"url": "https://x.example/connectors"}
    for event, name, data in (
        ("deeplink", messages.OPEN, ours),
        ("deeplink", "https://x.example", theirs),
        ("effect", messages.OPEN, theirs),
        ("effect", messages.OPEN, {}),
        ("effect", "connectors", ours),
    ):
        await say(page, event, name=name, data=data)
    assert len(page.context.pages) == 1
    for event, name in (("deeplink", "connectors"), ("effect", messages.OPEN)):
        async with page.expect_popup() as popup:
            await say(page, event, name=name, data=ours)
        await (await popup.value).wait_for_url("**/connectors")


async def test_who_comes_back_sees_what_is_new(page: Page, alice: User) -> None:
    await opened(page)
    shown = component(page)
    await page.evaluate("dispatchEvent(new Event('focus'))")
    await expect(shown).to_have_attribute("data-fetched", "1")
    # Nothing is set that is as it was: a draft might be lost.
    await expect(shown).to_have_attribute("data-given", "1")
    await sync_to_async(boxes.connector)(alice, "Notes")
    await page.evaluate("dispatchEvent(new Event('focus'))")
    await expect(shown).to_have_attribute("data-given", "2")
    labels = [tool["label"] for tool in (await given(page))["composer"]["tools"]]
    assert "Any Notes tool" in labels


async def test_the_theme_is_that_of_the_page(page: Page) -> None:
    await opened(page)
    await page.emulate_media(color_scheme="dark")
    await expect(component(page)).to_have_attribute("data-theme", "dark")
    await page.emulate_media(color_scheme="light")
    await expect(component(page)).to_have_attribute("data-theme", "light")


async def test_a_thread_stays_open_over_a_reload_and_a_new_theme(page: Page) -> None:
    await opened(page, "/chatkit/demo?thread=7")
    assert (await given(page))["initialThread"] == "7"
    await say(page, "thread.change", threadId="12")
    assert page.url.endswith("/chatkit/demo?thread=12")
    await page.emulate_media(color_scheme="dark")
    await expect(component(page)).to_have_attribute("data-theme", "dark")
    assert (await given(page))["initialThread"] == "12"
    await say(page, "thread.change", threadId=None)
    assert page.url.endswith("/chatkit/demo")


async def test_the_same_in_patchbay_is_the_same_conversation(page: Page) -> None:
    await opened(page, "/chatkit/demo?thread=7")
    link = page.get_by_role("link", name="The same in Patchbay")
    await expect(link).to_have_attribute("href", "/chat/7")
    await say(page, "thread.change", threadId="12")
    await expect(link).to_have_attribute("href", "/chat/12")
    await say(page, "thread.change", threadId=None)
    await expect(link).to_have_attribute("href", "/chat")


# --- What can be missing -----------------------------------------------------


async def test_without_the_component_the_page_says_so(page: Page, watch: Watch) -> None:
    watch.allow("ERR_FAILED")
    await page.route(COMPONENT, lambda route: route.abort())
    await page.goto("/chatkit/demo")
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("could not be loaded")
    await expect(alert.get_by_role("link", name="the chat")).to_be_visible()
    await assert_accessible(page)


async def test_a_network_that_answers_nothing_is_said_too(page: Page) -> None:
    await page.clock.install()
    held: list[Route] = []

    async def hold(route: Route) -> None:
        held.append(route)

    await page.route(COMPONENT, hold)
    async with page.expect_request(COMPONENT):
        await page.goto("/chatkit/demo", wait_until="commit")
    alert = page.get_by_role("alert")
    loading = page.get_by_text("Loading OpenAI’s component")
    await page.clock.fast_forward(19_000)
    await expect(alert).to_be_hidden()
    await expect(loading).to_be_visible()
    await page.clock.fast_forward(2_000)
    await expect(alert).to_contain_text("could not be loaded")
    await expect(loading).to_be_hidden()
    # Better late than never.
    await held[0].fulfill(content_type="text/javascript", body=STAND_IN)
    await expect(component(page)).to_be_visible()
    await expect(alert).to_be_hidden()


async def test_a_script_that_brings_no_component_is_said_too(page: Page) -> None:
    await page.clock.install()
    await served(page, "")
    async with page.expect_response(COMPONENT):
        await page.goto("/chatkit/demo")
    await page.clock.fast_forward(21_000)
    await expect(page.get_by_role("alert")).to_contain_text("could not be loaded")


async def test_a_component_that_does_not_start_is_not_an_empty_page(
    page: Page,
) -> None:
    await page.add_init_script("window.isSilent = true")
    await opened(page)
    await say(page, "error")
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("CHATKIT_DOMAIN_KEY")
    await say(page, "ready")
    await expect(alert).to_be_hidden()
    # Later errors are the component's own to show.
    await say(page, "error")
    await expect(alert).to_be_hidden()


async def test_a_session_that_ended_is_said(page: Page, watch: Watch) -> None:
    watch.allow("status of 401")
    await served(page)

    async def refuse(route: Route) -> None:
        await route.fulfill(status=401, json={"error": "UNAUTHORIZED"})

    await page.route("**/chatkit/config", refuse)
    await page.goto("/chatkit/demo")
    await expect(page.get_by_role("alert")).to_contain_text("did not say")


async def test_without_a_script_it_leads_to_the_chat(
    open_page: OpenPage, alice: User
) -> None:
    page = await open_page(user=alice, javascript=False)
    await page.goto("/chatkit/demo")
    await expect(page.get_by_text("needs a script")).to_be_visible()
