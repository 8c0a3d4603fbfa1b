"""A file that Export made is a link; what another tool says of one is text."""

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from agent import made_files
from agent.parts import Part
from agent.tests import boxes, threads
from agent.tests.chatting import say
from agent.tests.test_chat_views import shown_part
from agent.tool_types import Pick

ID = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"
FILE = {
    "name": "plans.md",
    "url": f"https://patchbay.example/exports/{ID}",
    "size_bytes": 12,
    "expires_at": "2026-09-15T08:30:00Z",
}
OURS = {"source": "system", "ref": "export", "label": "Export: Export a table"}


@pytest.fixture(autouse=True)
def public_url(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://patchbay.example"


def told(said: Any) -> str:
    return json.dumps({"content": json.dumps(said)})


def part(said: Any = FILE, **changes: Any) -> Part:
    return threads.call() | OURS | {"outcome": "ok", "model_text": told(said)} | changes


def test_a_file_that_export_made_is_found() -> None:
    made = made_files.of(part())
    assert made is not None
    assert (made.name, made.path, made.until) == (
        "plans.md", f"/exports/{ID}", "2026-09-15 08:30 UTC"
    )  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "connector", "ref": "12"},
        {"source": "connector", "ref": "export"},
        {"ref": "gmail"},
        {"outcome": "tool_error"},
        {"outcome": ""},
        {"model_text": ""},
        {"model_text": '{"content": "[[[["}'},
        *(
            {"model_text": told(FILE | {"url": url})}
            for url in (
                f"https://other.example/exports/{ID}",
                f"https://patchbay.example/other/{ID}",
                f"//other.example/exports/{ID}",
                f"/exports/{ID}?next=1",
                "/exports/7",
                7,
            )
        ),
        {"model_text": told(FILE | {"expires_at": "soon"})},
        {"model_text": told([FILE])},
        {"model_text": told({})},
    ],
)
def test_nothing_else_is_one(changes: dict[str, Any]) -> None:
    assert made_files.of(part(**changes)) is None


@pytest.mark.parametrize("ours", [True, False])
def test_the_receipt_leads_to_a_file_that_is_ours(alice: User, ours: bool) -> None:
    client = Client()
    client.force_login(alice)
    turn = threads.turn(threads.conversation(alice))
    source = OURS if ours else {"source": "connector", "ref": "12"}
    html = shown_part(
        client,
        turn,
        threads.started(**source),
        threads.finished(model_text=told(FILE)),
    )
    link = f'href="/exports/{ID}" download>'
    assert (link in html) is ours
    assert ("Deleted at 2026-09-15 08:30 UTC" in html) is ours
    assert ("<pre" in html) is not ours


def test_without_a_model_the_answer_is_the_link(
    alice: User, settings: Settings
) -> None:
    settings.LLM_MODEL = ""
    boxes.connect(alice, "export")
    pick = Pick(kind="system_tool", ref="export:conversation")
    said = say(alice, "format=markdown", pick)
    assert said.outcome == ("done", "used")
    (call,) = said.calls
    made = made_files.of(call)
    assert made is not None
    assert f"[{made.name}]({made.url})" in said.text
    assert "```" not in said.text
    client = Client()
    client.force_login(alice)
    assert client.get(made.path).status_code == 200
