"""System tools in the chat: offered, named, picked, called and asked for."""

import uuid
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from agent import apps_menu, selection, sign_in_asks
from agent.apps_menu import App
from agent.models import Policy, ToolSetting
from agent.selection import Refusal
from agent.tests import boxes
from agent.tests.chatting import decide, say
from agent.tests.fake_llm import FakeLlm
from agent.tool_types import Caller, Pick
from connectors.errors import ToolPendingReview
from connectors.models import OAuthGrant, Source, ToolCall, UserMCPConnection, Via
from connectors.tests import rows
from systemtools.models import UserToolStatus

pytestmark = pytest.mark.usefixtures("only_sample_tools")

WRITE = Pick(kind="system_tool", ref="diary:write")
READ = Pick(kind="system_tool", ref="diary:read")


@pytest.fixture
def diary(alice: User, only_sample_tools: None) -> None:
    boxes.connect(alice, "diary")


# --- What is in the toolbox --------------------------------------------------


@pytest.mark.usefixtures("diary")
def test_a_connected_system_tool_is_used_like_a_connector(alice: User) -> None:
    boxes.connector(alice, "Notes")
    box = boxes.load(alice)
    assert {"diary__read", "diary__write", "notes__search"} <= set(box.tools)
    assert box.tools["diary__read"].label == "Diary: Read"
    assert not box.tools["diary__read"].asks
    assert box.tools["diary__write"].asks


def test_what_is_not_connected_is_absent_and_nobody_is_bothered(alice: User) -> None:
    box = boxes.load(alice)
    assert not box.tools
    absent = {one.ref: one for one in box.absent}
    assert absent["diary"].code == "TOOL_NOT_CONNECTED"
    assert absent["diary"].way_out == {
        "link": "/system-tools/diary",
        "link_label": "Connect Diary",
    }
    assert not box.notices


@pytest.mark.usefixtures("diary")
def test_another_person_has_none_of_it(bob: User) -> None:
    assert not boxes.load(bob).tools


@pytest.mark.usefixtures("diary")
def test_a_connector_of_the_same_name_gets_another_slug(alice: User) -> None:
    row = boxes.connector(alice, "Diary")
    assert row.slug == "diary-2"
    box = boxes.load(alice)
    assert box.tools["diary__read"].key == ("system", "diary", "read")
    assert box.tools["diary-2__search"].key == ("connector", str(row.pk), "search")


@pytest.mark.usefixtures("diary")
def test_a_slug_from_before_there_was_such_a_tool_keeps_its_names(alice: User) -> None:
    row = boxes.connector(alice, "Old", boxes.listed("read"))
    UserMCPConnection.objects.filter(pk=row.pk).update(slug="diary")
    box = boxes.load(alice)
    assert box.tools["diary__read"].key == ("connector", str(row.pk), "read")
    (mine,) = [t for t in box.tools.values() if t.key == ("system", "diary", "read")]
    assert mine.wire_name.startswith("diary__read_")


# --- Picks -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "ref"),
    [
        ("diary", "diary"),
        ("Diary", "diary"),
        ("diary__read", "diary:read"),
        ("Diary: Read", "diary:read"),
        ("burn", "diary:burn"),
    ],
)
@pytest.mark.usefixtures("diary")
def test_a_person_names_a_system_tool_like_a_connector(
    alice: User, name: str, ref: str
) -> None:
    pick = selection.resolve(boxes.load(alice), name)
    assert (pick.kind, pick.ref) == ("system_tool", ref)


def test_what_could_be_connected_is_not_in_the_way_of_a_connector(alice: User) -> None:
    row = boxes.connector(alice, "Diary")
    box = boxes.load(alice)
    assert selection.resolve(box, "diary").ref == str(row.pk)
    assert selection.resolve(box, "weather").ref == "weather"


def test_what_is_not_connected_is_refused_with_a_way_to_connect_it(alice: User) -> None:
    said = say(alice, "What did I write?", READ)
    assert said.outcome == ("done", "refused")
    notice = said.notices[-1]
    assert notice["text"] == "Diary is not connected. Connect it to use its tools."
    assert notice["link"] == "/system-tools/diary"


def test_what_is_only_announced_is_refused_with_the_reason(
    alice: User, sample_tools: Any
) -> None:
    box = boxes.load(alice)
    found = selection.look_up(box, Pick(kind="system_tool", ref="google-drive"))
    assert isinstance(found, Refusal)
    assert found.code == "TOOL_UNAVAILABLE"
    assert "coming soon" in found.message


# --- Calls -------------------------------------------------------------------


@pytest.mark.usefixtures("diary")
def test_what_was_picked_is_used_and_recorded(alice: User) -> None:
    said = say(alice, "What did I write?", READ)
    assert said.outcome == ("done", "used")
    call = ToolCall.objects.get()
    assert (call.source, call.source_id, call.source_label) == ("system", None, "Diary")
    assert (call.tool, call.via, call.outcome) == ("read", "chat", "ok")
    assert call.conversation_id == said.turn.conversation_id
    assert str(call.call_id) == said.calls[0]["call_id"]
    assert "Dear diary" in said.calls[0]["model_text"]


@pytest.mark.usefixtures("diary")
def test_what_changes_things_asks_with_exactly_what_is_sent(
    alice: User, llm: FakeLlm
) -> None:
    said = say(alice, 'call diary__write {"text": "It rained."}')
    assert said.turn.state == "waiting"
    (call,) = said.calls
    assert call["question"] == "Write down with Diary?"
    assert call["arguments"] == {"text": "It rained."}
    assert not ToolCall.objects.exists()
    said = decide(alice, said)
    assert said.turn.state == "done"
    assert said.calls[0]["outcome"] == "ok"
    assert "alice: It rained." in said.calls[0]["model_text"]


@pytest.mark.usefixtures("diary")
def test_what_is_always_allowed_runs_and_what_never_runs_does_not(
    alice: User,
) -> None:
    said = decide(alice, say(alice, "It rained.", WRITE), "always")
    assert said.outcome == ("done", "used")
    assert say(alice, "It snowed.", WRITE).outcome == ("done", "used")
    ToolSetting.objects.filter(tool="write").update(policy=Policy.NEVER)
    assert say(alice, "It hailed.", WRITE).outcome == ("done", "refused")
    assert ToolCall.objects.count() == 2


@pytest.mark.usefixtures("diary")
def test_a_tool_that_changed_since_it_was_allowed_is_not_called(alice: User) -> None:
    box = boxes.load(alice)
    tool = box.tools["diary__read"]
    caller = Caller(user_id=alice.pk, username="alice", via=Via.CHAT)
    with pytest.raises(ToolPendingReview):
        async_to_sync(tool.source.call)(
            "read", {}, caller=caller, call_id=uuid.uuid4(), definition_hash="f" * 64
        )


@pytest.mark.usefixtures("diary")
def test_what_was_disconnected_meanwhile_is_not_called(alice: User) -> None:
    said = say(alice, "It rained.", WRITE)
    UserToolStatus.objects.all().delete()
    said = decide(alice, said)
    assert said.outcome == ("done", "refused")
    assert not ToolCall.objects.exists()


# --- The Apps menu -----------------------------------------------------------


def apps(user: User, query: str = "") -> dict[str, App]:
    found = apps_menu.menu(user_id=user.pk, query=query).system_tools
    return {app.ref: app for app in found}


@pytest.mark.usefixtures("diary")
def test_the_menu_shows_what_is_connected_first_and_what_is_announced_last(
    alice: User, sample_tools: Any
) -> None:
    found = apps(alice)
    assert next(iter(found)) == "diary"
    assert [*found][-2:] == ["google-calendar", "google-drive"]
    diary, weather, drive = found["diary"], found["weather"], found["google-drive"]
    assert (diary.look.word, diary.is_usable, diary.is_beta) == (
        "Connected", True, True
    )  # fmt: skip
    assert diary.pick == "system_tool:diary"
    assert "system_tool:diary:read" in [tool.pick for tool in diary.tools]
    assert (weather.look.word, weather.is_usable) == ("Available", False)
    assert weather.connect == "/system-tools/weather"
    assert weather.about == "What the sky does."
    assert (drive.look.word, drive.connect) == ("Coming soon", "")


@pytest.mark.usefixtures("diary")
def test_a_search_finds_tools_of_a_system_tool(alice: User) -> None:
    assert [tool.name for tool in apps(alice, "diary burn")["diary"].tools] == ["burn"]
    assert [*apps(alice, "weather")] == ["weather"]
    assert not apps(alice, "nothing")


def test_the_menu_asks_as_little_however_much_is_connected(alice: User) -> None:
    boxes.connect(alice, "diary")
    apps_menu.menu(user_id=alice.pk)
    with CaptureQueriesContext(connection) as of_one:
        apps_menu.menu(user_id=alice.pk)
    UserToolStatus.objects.create(user=alice, tool_id="weather")
    rows.connector(alice)
    apps_menu.menu(user_id=alice.pk)
    with CaptureQueriesContext(connection) as of_more:
        apps_menu.menu(user_id=alice.pk)
    assert len(of_more) == len(of_one)


# --- A sign-in that is missing ------------------------------------------------


def test_sign_ins_are_told_apart_by_where_they_are(alice: User) -> None:
    OAuthGrant.objects.create(user=alice, system_tool="diary", tokens={"a": "b"})
    of_tool: dict[str, Any] = {
        "user_id": alice.pk,
        "source": Source.SYSTEM,
        "ref": "diary",
    }
    assert sign_in_asks.is_made(**of_tool)
    assert not sign_in_asks.is_made(**{**of_tool, "ref": "weather"})
    assert not sign_in_asks.is_made(user_id=alice.pk, source=Source.CONNECTOR, ref="1")
    assert not sign_in_asks.answer(**of_tool)


# --- The composer -------------------------------------------------------------


@pytest.mark.parametrize(
    "pick", ["system_tool:weather", "system_tool:weather:forecast"]
)
def test_a_link_that_picks_what_is_not_connected_leads_to_connecting_it(
    alice: User, client: Client, pick: str
) -> None:
    client.force_login(alice)
    html = client.get("/chat", {"pick": pick}).text
    assert "Weather cannot be picked now. Connect it to use its 1 tool." in html
    assert 'href="/system-tools/weather">Connect Weather</a>' in html


@pytest.mark.usefixtures("diary")
def test_the_recorded_call_and_its_receipt_name_the_system_tool(
    alice: User, client: Client
) -> None:
    said = say(alice, "What did I write?", READ)
    client.force_login(alice)
    html = client.get(f"/chat/{said.turn.conversation_id}").text
    assert "Ran without asking: this tool only reads" in html
    recorded = client.get(f"/calls/{said.calls[0]['call_id']}").text
    assert "<code>read</code> of Diary" in recorded


@pytest.mark.usefixtures("diary")
def test_a_call_that_was_refused_leads_to_the_page_of_the_tool(
    alice: User, client: Client
) -> None:
    said = say(alice, "It rained.", WRITE)
    UserToolStatus.objects.all().delete()
    said = decide(alice, said)
    client.force_login(alice)
    html = client.get(f"/chat/{said.turn.conversation_id}").text
    assert 'href="/system-tools/diary">Open Diary</a>' in html
