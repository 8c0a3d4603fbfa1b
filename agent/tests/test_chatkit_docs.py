"""What docs/chatkit.md shows works as it stands there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import Page, expect
from pytest_django import Settings

from accounts import tokens
from accounts.models import User
from agent.chatkit import options
from agent.chatkit.pages import COMPONENT
from agent.tests import boxes
from agent.tests.test_chatkit_demo_in_browser import ELEMENT, given, say, served
from config.tests.browser import OpenPage, Watch
from config.tests.live import LiveServer, serve
from config.tests.rest import ApiClient

ADDRESS = "https://patchbay.example"

pytestmark = pytest.mark.usefixtures("no_system_tools")


@pytest.fixture
def blocks(project_root: Path) -> dict[str, list[str]]:
    text = (project_root / "docs" / "chatkit.md").read_text()
    found: dict[str, list[str]] = {}
    for language, block in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL):
        found.setdefault(language, []).append(block)
    assert set(found) == {"sh", "js", "html"}
    return found


def test_the_command_sends_what_can_be_answered(
    blocks: dict[str, list[str]], api: ApiClient
) -> None:
    (command,) = [block for block in blocks["sh"] if "curl" in block]
    assert f"curl {ADDRESS}/chatkit " in command
    body = json.loads(re.findall(r"-d '(.*)'", command)[0])
    response = api.post("/chatkit", body)
    assert (response.status_code, response.json()["data"]) == (200, [])


def test_the_other_commands_name_what_there_is(
    blocks: dict[str, list[str]], project_root: Path
) -> None:
    said = "".join(blocks["sh"])
    assert (project_root / "requirements-chatkit.txt").is_file()
    assert "pip install -r requirements-chatkit.txt" in said
    assert "issue_token USERNAME" in said
    assert "ARG CHATKIT" in (project_root / "Dockerfile").read_text()


async def test_a_page_of_ours_asks_with_the_session(
    page: Page, blocks: dict[str, list[str]]
) -> None:
    (script,) = blocks["js"]
    await page.goto("/chat")
    status = await page.evaluate(
        f"""async () => {{
          {script}
          const body = JSON.stringify({{ type: "threads.list", params: {{}} }});
          const headers = {{ "Content-Type": "application/json" }};
          return (await ask("/chatkit", {{ method: "POST", headers, body }})).status;
        }}"""
    )
    assert status == 200


@pytest.fixture
def embedder(
    blocks: dict[str, list[str]],
    live_server_asgi: LiveServer,
    alice: User,
    settings: Settings,
    watch: Watch,
) -> Iterator[LiveServer]:
    """A page of another origin that has the component in it, as it is shown."""
    (page,) = blocks["html"]
    _, token = tokens.issue(user=alice, name="embedded", scopes=["chat"])
    answers = {
        "/": ("text/html", page.replace(ADDRESS, live_server_asgi.url)),
        "/patchbay-token": ("text/plain", token),
        "/favicon.ico": ("image/x-icon", ""),
    }

    async def app(scope: Any, receive: Any, send: Any) -> None:
        kind, text = answers[scope["path"]]
        headers = [(b"content-type", kind.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})

    with serve(app, lifespan="off") as server:
        settings.CORS_ALLOWED_ORIGINS = [server.url]
        watch.allow(f"asked somebody else: {server.url}/")
        watch.allow(f"asked somebody else: {COMPONENT}")
        yield server


async def test_a_page_of_another_origin_asks_with_a_token(
    open_page: OpenPage, alice: User, embedder: LiveServer
) -> None:
    await sync_to_async(boxes.connector)(alice, "Notes")
    page = await open_page()
    await served(page)
    await page.goto(f"{embedder.url}/")
    await expect(page.get_by_text(options.GREETING)).to_be_visible()
    labels = [tool["label"] for tool in (await given(page))["composer"]["tools"]]
    assert labels[0] == "Any Notes tool"
    status = await page.evaluate(
        f"""async () => {{
          const {{ url, fetch }} = {ELEMENT}.given.at(-1).api;
          const response = await fetch(url, {{
            method: "POST",
            headers: {{
              "Content-Type": "application/json",
              "ChatKit-Frame-Instance-ID": "1",
            }},
            body: JSON.stringify({{ type: "threads.list", params: {{}} }}),
          }});
          return [response.status, await response.json()];
        }}"""
    )
    assert status == [200, {"data": [], "has_more": False}]
    async with page.expect_popup() as popup:
        await say(page, "tool.change", toolId=options.MANAGE)
    assert "/connectors" in (await popup.value).url
