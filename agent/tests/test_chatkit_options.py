"""What a ChatKit front end is configured with: tools to pick, in a person's words."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from agent import selection
from agent.chatkit import options
from agent.models import Policy
from agent.selection import Resolved
from agent.tests import boxes
from agent.tests.boxes import listed
from connectors.models import Status

type Entry = dict[str, Any]

# ChatKitIcon, as far as it has no prefix: `@openai/chatkit` 1.9.0.
PLAIN_ICONS = {"settings-slider"}


def tools_of(user: User) -> list[Entry]:
    document = options.document(user_id=user.pk)
    tools: list[Entry] = document["composer"]["tools"]
    return tools


def labels(user: User) -> list[str]:
    return [tool["label"] for tool in tools_of(user)]


# --- The document ------------------------------------------------------------


@pytest.mark.usefixtures("no_system_tools")
def test_it_says_where_the_agent_is_and_what_is_offered(
    alice: User, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://patchbay.example"
    settings.CHATKIT_DOMAIN_KEY = "domain_pk_1"
    document = options.document(user_id=alice.pk)
    assert document["api"] == {
        "url": "https://patchbay.example/chatkit",
        "domainKey": "domain_pk_1",
    }
    assert document["history"] == {
        "enabled": True, "showDelete": True, "showRename": True
    }  # fmt: skip
    assert document["threadItemActions"] == {"feedback": False, "retry": True}
    assert document["composer"]["attachments"] == {"enabled": False}
    assert document["frameTitle"] == "Patchbay"
    link = "[Manage connectors](https://patchbay.example/connectors)"
    assert link in document["disclaimer"]["text"]
    assert json.loads(json.dumps(document)) == document


@pytest.mark.usefixtures("no_system_tools")
def test_who_has_nothing_yet_can_open_the_page_of_connectors(alice: User) -> None:
    (manage,) = tools_of(alice)
    assert (manage["id"], manage["label"]) == (options.MANAGE, "Manage connectors")


# --- What can be picked ------------------------------------------------------


@pytest.mark.usefixtures("no_system_tools")
def test_an_app_comes_as_a_whole_and_then_by_its_tools(alice: User) -> None:
    search = listed("search", title="Search the notes")
    row = boxes.connector(alice, "Notes", search, listed("add", reads=False))
    whole, first, second, manage = tools_of(alice)
    assert whole == {
        "id": f"connector:{row.pk}",
        "label": "Any Notes tool",
        "shortLabel": "Notes",
        "icon": "lucide:plug",
        "placeholderOverride": "Ask: a tool of Notes must be used",
        "pinned": False,
        "persistent": False,
    }
    assert first == {
        "id": f"connector_tool:{row.pk}:search",
        "label": "Notes: Search the notes",
        "shortLabel": "Search the notes",
        "icon": "lucide:eye",
        "placeholderOverride": "Ask: Search the notes must be used",
        "pinned": False,
        "persistent": False,
    }
    assert (second["label"], second["icon"]) == ("Notes: add", "lucide:pencil")
    assert manage["id"] == options.MANAGE


@pytest.mark.usefixtures("no_system_tools")
def test_each_id_can_be_picked(alice: User) -> None:
    boxes.connector(alice, "Notes")
    box = boxes.load(alice)
    for tool in tools_of(alice)[:-1]:
        pick = selection.from_field(tool["id"])
        assert pick is not None
        assert isinstance(selection.look_up(box, pick), Resolved)


def test_system_tools_come_first_with_their_own_icon(
    alice: User, sample_tools: Any
) -> None:
    boxes.connect(alice, "analytics")
    boxes.connector(alice, "Notes")
    tools = tools_of(alice)
    kinds = [tool["id"].partition(":")[0] for tool in tools]
    last = max(at for at, kind in enumerate(kinds) if kind == "system_tool")
    assert last < kinds.index("connector")
    assert tools[0]["id"] == "system_tool:analytics"
    assert tools[0]["icon"] == "lucide:activity"
    assert tools[1]["id"].startswith("system_tool:analytics:")


def test_what_is_not_there_yet_says_that(alice: User, settings: Settings) -> None:
    settings.SYSTEM_TOOL_PACKAGES = ["systemtools"]
    by_id = {tool["id"]: tool for tool in tools_of(alice)}
    soon = by_id["system_tool:google-drive"]
    assert soon["label"] == "Google Drive · Coming soon"
    assert soon["icon"] == "lucide:clock"
    # It needs a client that the operator registers.
    assert by_id["system_tool:gmail"]["label"] == "Gmail · Not set up"
    export = by_id["system_tool:export"]
    assert export["label"].startswith("Export · Connect it to use its ")


@pytest.mark.usefixtures("no_system_tools")
@pytest.mark.parametrize(
    ("changes", "label", "icon"),
    [
        ({"status": Status.SIGN_IN_AGAIN, "is_verified": False},
         "Notes · Sign in to use its 2 tools", "lucide:key-round"),
        ({"is_active": False},
         "Notes · Resume it to use its 2 tools", "lucide:circle-pause"),
        ({"status": Status.UNREACHABLE, "last_error_code": "TIMEOUT"},
         "Notes · It did not answer in time", "lucide:unplug"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_says_why(
    alice: User, changes: dict[str, Any], label: str, icon: str
) -> None:
    row = boxes.connector(alice, "Notes", **changes)
    (shown, _) = tools_of(alice)
    assert (shown["id"], shown["label"], shown["icon"]) == (
        f"connector:{row.pk}", label, icon
    )  # fmt: skip
    assert shown["shortLabel"] == "Notes"
    assert shown["placeholderOverride"] == label


@pytest.mark.usefixtures("no_system_tools")
def test_what_is_never_used_is_not_offered(alice: User) -> None:
    row = boxes.connector(alice, "Notes")
    boxes.decide(alice, row, "add", policy=Policy.NEVER)
    assert labels(alice) == ["Any Notes tool", "Notes: search", "Manage connectors"]
    boxes.decide(alice, row, "search", policy=Policy.NEVER)
    assert labels(alice) == ["Manage connectors"]


@pytest.mark.usefixtures("no_system_tools")
def test_what_a_person_pinned_stays_beside_the_composer(alice: User) -> None:
    row = boxes.connector(alice, "Notes")
    boxes.decide(alice, row, "search", pinned=True)
    assert [tool["pinned"] for tool in tools_of(alice)] == [False, True, False, False]


@pytest.mark.usefixtures("no_system_tools")
def test_a_strangers_words_are_one_short_line(alice: User) -> None:
    boxes.connector(
        alice,
        "Notes",
        listed("search", title="\u202eevil\nline " + "very long " * 40),
    )
    tool = tools_of(alice)[1]
    assert tool["label"].startswith("Notes: evil line very long")
    for name, most in (("label", 80), ("shortLabel", 24), ("placeholderOverride", 80)):
        assert len(tool[name]) <= most
        assert not {"\u202e", "\n"} & set(tool[name])
    assert tool["shortLabel"].endswith("…")


@pytest.mark.usefixtures("no_system_tools")
def test_every_icon_is_one_that_the_component_has(alice: User) -> None:
    boxes.connector(alice, "Notes")
    boxes.connector(alice, "Wiki", is_active=False)
    for tool in tools_of(alice):
        assert tool["icon"] in PLAIN_ICONS or tool["icon"].startswith("lucide:")


# --- How many ----------------------------------------------------------------


@pytest.mark.usefixtures("no_system_tools")
def test_sixty_entries_are_all_shown(alice: User) -> None:
    boxes.connector(alice, "Notes", *[listed(f"tool_{n}") for n in range(58)])
    assert len(tools_of(alice)) == options.ENTRIES_MAX == 60


@pytest.mark.usefixtures("no_system_tools")
def test_of_more_only_what_is_pinned_or_was_used_is_shown(alice: User) -> None:
    row = boxes.connector(alice, "Notes", *[listed(f"tool_{n}") for n in range(59)])
    boxes.decide(alice, row, "tool_7", pinned=True)
    boxes.decide(alice, row, "tool_3", last_used_at=timezone.now())
    boxes.connector(alice, "Wiki")
    assert labels(alice) == [
        "Any Notes tool", "Notes: tool_3", "Notes: tool_7",
        "Any Wiki tool", "Manage connectors",
    ]  # fmt: skip


@pytest.mark.usefixtures("no_system_tools")
def test_even_what_was_used_is_at_most_sixty_the_last_first(alice: User) -> None:
    row = boxes.connector(alice, "Notes", *[listed(f"tool_{n}") for n in range(80)])
    now = timezone.now()
    for number in range(80):
        used_at = now - timedelta(minutes=number)
        boxes.decide(alice, row, f"tool_{number}", last_used_at=used_at)
    boxes.decide(alice, row, "tool_79", pinned=True)
    shown = labels(alice)
    assert len(shown) == options.ENTRIES_MAX
    assert shown[1:58] == [f"Notes: tool_{number}" for number in range(57)]
    assert shown[58] == "Notes: tool_79"


def test_the_queries_are_those_of_the_menu(alice: User, sample_tools: Any) -> None:
    boxes.connect(alice, "analytics")
    for number in range(4):
        boxes.connector(alice, f"Server {number}")
    options.document(user_id=alice.pk)
    with CaptureQueriesContext(connection) as asked:
        options.document(user_id=alice.pk)
    assert len(asked) == 7


# --- Over HTTP ---------------------------------------------------------------


@pytest.mark.usefixtures("no_system_tools")
def test_it_is_a_persons_own_and_nobody_keeps_it(alice: User, bob: User) -> None:
    boxes.connector(alice, "Notes")
    client = Client()
    assert client.get("/chatkit/config").status_code == 401
    client.force_login(alice)
    response = client.get("/chatkit/config")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    assert response.json() == options.document(user_id=alice.pk)
    client.force_login(bob)
    assert "Notes" not in client.get("/chatkit/config").content.decode()
