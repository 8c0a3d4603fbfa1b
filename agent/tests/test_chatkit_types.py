"""The document of /chatkit/config against the types of OpenAI's front end."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from agent.tests import boxes
from bench import chatkit_types
from connectors.models import Status

pytestmark = [pytest.mark.node, pytest.mark.chatkit_types]

MODULE = """\
import type {{ ChatKitOptions }} from "@openai/chatkit";
export const options: ChatKitOptions = {document};
"""
TOOL = {"id": "notes", "label": "Notes", "icon": "notebook"}
SMALL: dict[str, Any] = {
    "api": {"url": "/chatkit", "domainKey": "local"},
    "composer": {"tools": [TOOL]},
}


WRONG: dict[str, dict[str, Any]] = {
    "no_domain_key": {"api": {"url": "/chatkit"}},
    "no_such_icon": {"composer": {"tools": [{**TOOL, "icon": "spanner"}]}},
    "no_label": {"composer": {"tools": [{"id": "notes", "icon": "bolt"}]}},
    "no_such_option": {"colour": "red"},
}


def write(folder: Path, name: str, document: dict[str, Any]) -> None:
    text = MODULE.format(document=json.dumps(document, indent=2))
    (folder / f"{name}.ts").write_text(text)


def test_what_the_types_do_not_allow_is_refused(tmp_path: Path):
    write(tmp_path, "right", SMALL)
    for name, wrong in WRONG.items():
        write(tmp_path, name, SMALL | wrong)
    said = chatkit_types.complaints(tmp_path)
    named = {line.partition(".ts(")[0] for line in said if not line.startswith(" ")}
    assert named == WRONG.keys(), said


def test_what_a_front_end_is_configured_with_is_accepted(
    tmp_path: Path, alice: User, sample_tools: Any
):
    boxes.connect(alice, "analytics")
    notes = boxes.connector(alice, "Notes")
    boxes.decide(alice, notes, "search", pinned=True)
    boxes.connector(alice, "Away", status=Status.UNREACHABLE, last_error_code="TIMEOUT")
    boxes.connector(alice, "Out", status=Status.SIGN_IN_AGAIN, is_verified=False)
    boxes.connector(alice, "Paused", is_active=False)
    client = Client()
    client.force_login(alice)
    document = client.get("/chatkit/config").json()
    # Each of them is in it: a compiler has nothing against a list that is empty.
    labels = {tool["shortLabel"] for tool in document["composer"]["tools"]}
    assert labels >= {"Analytics", "Notes", "search", "Away", "Out", "Paused", "Manage"}
    write(tmp_path, "options", document)
    assert chatkit_types.complaints(tmp_path) == []
