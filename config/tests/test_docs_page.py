import re
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils.csp import build_policy
from playwright.async_api import ConsoleMessage, async_playwright

from config.tests import services
from config.tests.live import LiveServer

DOCS = "/api/docs"


def test_the_page_of_the_api_keeps_the_policy_of_the_pages() -> None:
    response = Client().get(DOCS)
    assert response.status_code == 200
    configured: Any = django_settings.SECURE_CSP
    policy = build_policy(configured)
    assert response["Content-Security-Policy"] == policy
    assert "unsafe" not in policy
    assert "<style" not in response.text
    assert "style=" not in response.text
    assert re.findall(r"<script(?![^>]* src=)", response.text) == []
    assert re.findall(r'(?:src|href)="(?!/)', response.text) == []


def test_the_script_of_the_page_comes_by_itself() -> None:
    response = Client().get(f"{DOCS}?script=")
    assert response["Content-Type"] == "application/javascript"
    assert '"/api/schema"' in response.text.replace("\\u002D", "-")


@pytest.mark.browser
async def test_a_browser_shows_and_tries_the_operations(
    live_server_asgi: LiveServer,
) -> None:
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "401" not in message.text:
            complaints.append(message.text)

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=services.chromium_program(), args=["--no-sandbox"]
        )
        page = await browser.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{live_server_asgi.url}{DOCS}")
        listing: Any = page.locator("#operations-connectors-list_connectors")
        await listing.locator(".opblock-summary-control").click()
        await listing.locator(".try-out__btn").click()
        await listing.locator(".execute").click()
        answered = listing.locator(".live-responses-table .response-col_status")
        await answered.get_by_text("401").first.wait_for()
        await browser.close()
    assert complaints == []
