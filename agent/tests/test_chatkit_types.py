"""The document of /chatkit/config against the types of OpenAI's front end."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import chatkit_types

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
