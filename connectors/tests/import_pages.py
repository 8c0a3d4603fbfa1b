"""The pages of an import, as a browser sends them, for tests."""

import json
import re
from html import unescape
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from connectors.tests.add_pages import value

IMPORT = "/connectors/import"


def content(**entries: Any) -> str:
    """Return the text of an `mcp.json` with these servers."""
    return json.dumps({"mcpServers": entries})


def read(client: Client, text: str) -> Any:
    """Paste the text of a file."""
    return client.post(IMPORT, {"text": text})


def upload(client: Client, data: bytes) -> Any:
    return client.post(IMPORT, {"file": SimpleUploadedFile("mcp.json", data)})


def fields(html: str) -> dict[str, str]:
    """Return what the browser sends of the rows: as they are filled in."""
    sent = {"kept": value(html, "kept")}
    for tag in re.findall(r"<input[^>]*>", html):
        name = re.search(r' name="(row-[^"]*)"', tag)
        if not name or ('type="checkbox"' in tag and " checked" not in tag):
            continue
        given = re.search(r' value="([^"]*)"', tag)
        sent[name[1]] = unescape(given[1]) if given else ""
    return sent


def chosen(html: str) -> set[str]:
    """Return the numbers of the rows that are chosen."""
    return set(re.findall(r'name="row-(\d+)-chosen"[^>]* checked', html))
