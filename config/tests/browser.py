"""Chromium for tests: pages on a live server, watched for everything that is wrong.

A test that takes `page`, `signed_out_page` or `open_page` is marked `browser` and
runs, with Playwright, on the one loop of the run: Playwright's synchronous API would
leave a running loop in the main thread, which the synchronous ORM refuses.

A page fails its test at the end if its console showed an error, a script raised, the
content security policy was violated, or it asked anybody but ourselves for anything.
"""

import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from django.test import Client
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    async_playwright,
)

from accounts.models import User
from config.tests import services
from config.tests.live import LiveServer

TIMEOUT_MS = 15_000
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    # Nothing outside of this machine is found, whatever a page asks for.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
# What Chromium says of a form that was answered with its errors.
EXPECTED = re.compile(r"Failed to load resource: .* status of 422")
WCAG_2_2_AA = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}

OpenPage = Callable[..., Awaitable[Page]]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
            if inspect.iscoroutinefunction(getattr(item, "obj", None)):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@dataclass
class Watch:
    """What went wrong on the pages of one test."""

    url: str
    problems: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def allow(self, text: str) -> None:
        """Expect a problem that contains `text`, such as "status of 404"."""
        self.allowed.append(text)

    def unexpected(self) -> list[str]:
        return [
            problem
            for problem in self.problems
            if not any(text in problem for text in self.allowed)
        ]

    def over(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", lambda error: self.problems.append(str(error.error)))
        context.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not EXPECTED.match(message.text):
            self.problems.append(f"{message.text} ({message.location.get('url')})")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:", "blob:")):
            self.problems.append(f"asked somebody else: {request.url}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Start the browser of this run, or of this worker."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=services.chromium_program(), args=ARGUMENTS
        )
        yield browser
        await browser.close()


@pytest.fixture
def watch(live_server_asgi: LiveServer) -> Watch:
    return Watch(url=live_server_asgi.url)


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser, watch: Watch) -> AsyncIterator[OpenPage]:
    """Open pages of people and of strangers, of any size and theme.

    `await open_page(user=bob, width=390, height=844, dark=True, javascript=False)`
    """
    contexts: list[BrowserContext] = []

    async def new(
        *,
        user: User | None = None,
        width: int = 1280,
        height: int = 800,
        dark: bool = False,
        javascript: bool = True,
        timezone: str = "UTC",
    ) -> Page:
        context = await browser.new_context(
            base_url=watch.url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            # A page in motion has contrasts that it will not keep.
            reduced_motion="reduce",
            java_script_enabled=javascript,
            timezone_id=timezone,
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        await context.add_init_script(REPORT_VIOLATIONS)
        watch.over(context)
        if user is not None:
            await context.add_cookies([await _session_cookie(user, watch.url)])
        return await context.new_page()

    yield new
    for context in contexts:
        await context.close()
    assert not watch.unexpected()


@pytest_asyncio.fixture(loop_scope="session")
async def page(open_page: OpenPage, alice: User) -> Page:
    """A page on which alice is signed in."""
    return await open_page(user=alice)


@pytest_asyncio.fixture(loop_scope="session")
async def signed_out_page(open_page: OpenPage) -> Page:
    return await open_page()


async def _session_cookie(user: User, url: str) -> Any:
    client = Client()
    await client.aforce_login(user)
    return {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": url}


async def assert_accessible(page: Page) -> None:
    """Fail with what axe finds against WCAG 2.2 AA on the page as it is now."""
    results = await Axe().run(page, options=WCAG_2_2_AA)
    findings = [
        f"{rule['id']}: {rule['help']}\n"
        + "\n".join(f"  {node['target']} {node['html']}" for node in rule["nodes"])
        for rule in results.response["violations"]
    ]
    assert not findings, "\n".join(findings)


async def assert_fits(page: Page) -> None:
    """Fail if the page scrolls sideways."""
    too_wide = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert too_wide <= 0, f"{page.url} is {too_wide} px too wide"
