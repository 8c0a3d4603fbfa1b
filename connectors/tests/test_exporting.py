"""One's connectors as files of other clients: nothing secret in them, all else."""

import json
import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import User
from connectors import exporting, importing_file
from connectors.models import UserMCPConnection
from connectors.tests import rows, verbs
from connectors.tests.tool_pages import plain

SECRET = "s3cret-canary-value"
EXPORT = "/connectors/export"
SHAPES = [shape.key for shape in exporting.SHAPES]


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def written(user: User, shape: str = "cursor") -> dict[str, Any]:
    content, _ = exporting.write(user_id=user.pk, shape=shape)
    found: dict[str, Any] = json.loads(content)
    return found


def with_token(user: User, **changes: Any) -> UserMCPConnection:
    fields = {"name": "Linear", "server_url": "https://linear.example/mcp", **changes}
    return rows.connector(user, **(verbs.token(SECRET) | fields))


@pytest.fixture
def everything(alice: User) -> None:
    """A connector of each kind, secrets wherever one can be."""
    with_token(alice)
    headers = {"X-Key": SECRET, "Authorization": f"Basic {SECRET}"}
    rows.connector(
        alice,
        2,
        name="Wiki · work",
        server_url=f"https://wiki.example/mcp?key={SECRET}&team={SECRET}",
        auth_type="api_key",
        auth_config={"headers": headers},
    )
    rows.connector(
        alice,
        3,
        name="Docs",
        server_url="https://docs.example/sse",
        transport="sse",
        protocol_version="2024-11-05",
        auth_type="oauth",
        auth_config={"client_id": "me", "client_secret": SECRET},
    )
    rows.removed(alice)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.usefixtures("everything")
def test_no_secret_is_in_any_of_them(alice: User, browser: Client, shape: str):
    assert SECRET not in str(written(alice, shape))
    assert SECRET not in browser.get(EXPORT, {"for": shape}).text


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.usefixtures("everything")
def test_what_is_exported_can_be_imported_and_asks_for_the_secrets(
    alice: User, shape: str
):
    content, count = exporting.write(user_id=alice.pk, shape=shape)
    linear, wiki, docs = importing_file.read(content).rows
    assert count == 3
    assert not any(row.problem for row in (linear, wiki, docs))
    assert [row.name for row in (linear, wiki, docs)] == [
        "Linear",
        "Wiki · work",
        "Docs",
    ]
    assert linear.server_url == "https://linear.example/mcp"
    assert linear.missing == ["Bearer token"]
    assert len(wiki.missing) == 4
    assert wiki.address == "https://wiki.example/mcp"
    assert not docs.missing


def test_cursor_has_variables_of_the_environment(alice: User):
    with_token(alice)
    headers = {"Authorization": "Bearer ${env:LINEAR_TOKEN}"}
    entry = {"url": "https://linear.example/mcp", "headers": headers}
    assert written(alice, "cursor") == {"mcpServers": {"Linear": entry}}


def test_vs_code_asks_for_its_inputs(alice: User):
    with_token(alice)
    found = written(alice, "vscode")
    [asked] = found["inputs"]
    assert asked["password"] is True
    assert asked["description"] == "Linear: token"
    entry = found["servers"]["Linear"]
    assert entry["type"] == "http"
    assert entry["headers"]["Authorization"] == f"Bearer ${{input:{asked['id']}}}"


def test_claude_desktop_goes_over_a_bridge(alice: User):
    with_token(alice)
    entry = written(alice, "claude")["mcpServers"]["Linear"]
    assert entry["command"] == "npx"
    assert entry["args"][-2:] == ["--header", "Authorization:${LINEAR_TOKEN}"]
    assert entry["env"] == {"LINEAR_TOKEN": "Bearer …"}


@pytest.mark.usefixtures("everything")
def test_an_older_server_says_its_transport(alice: User):
    assert written(alice, "vscode")["servers"]["Docs"]["type"] == "sse"


def test_credentials_that_cannot_be_read_are_a_placeholder_too(alice: User):
    row = with_token(alice)
    UserMCPConnection.objects.filter(pk=row.pk).update(vault_id=uuid4())
    entry = written(alice)["mcpServers"]["Linear"]
    assert entry["headers"] == {"Authorization": "Bearer ${env:LINEAR_TOKEN}"}


def test_what_others_have_is_not_in_it(alice: User, bob: User):
    with_token(bob)
    assert written(alice) == {"mcpServers": {}}


def test_it_is_shown_and_downloaded(browser: Client, alice: User):
    with_token(alice, name="<b>Linear")
    shown = browser.get(EXPORT, {"for": "vscode"}).text
    assert "1 connector for VS Code" in plain(shown)
    assert "<b>Linear" not in shown
    file = browser.get(EXPORT, {"for": "vscode", "download": "1"})
    assert file["Content-Disposition"] == 'attachment; filename="mcp.json"'
    assert file["X-Content-Type-Options"] == "nosniff"
    assert "<b>Linear" in file.json()["servers"]


def test_an_unknown_client_gets_the_first(browser: Client, alice: User):
    with_token(alice)
    assert "for Cursor" in plain(browser.get(EXPORT, {"for": "nobody"}).text)


def test_without_connectors_there_is_nothing_to_export(browser: Client):
    assert "There is nothing to export yet" in plain(browser.get(EXPORT).text)


def test_strangers_are_asked_to_sign_in(client: Client, db: None):
    assert client.get(EXPORT).status_code == 302


@pytest.mark.parametrize("shape", SHAPES)
def test_two_headers_that_look_alike_are_asked_for_apart(alice: User, shape: str):
    headers = {"X-Key": SECRET, "X_Key": SECRET}
    rows.connector(
        alice, name="Wiki", auth_type="api_key", auth_config={"headers": headers}
    )
    content, _ = exporting.write(user_id=alice.pk, shape=shape)
    asked = set(re.findall(r"\$\{(?:env:|input:)?([^}]*)\}", content))
    assert len(asked) == 2
    if shape == "vscode":
        assert len(json.loads(content)["inputs"]) == 2
