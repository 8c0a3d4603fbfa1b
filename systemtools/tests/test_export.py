"""Export: files that are made by calls, and that their owner alone can fetch."""

import csv
import io
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.apps import apps
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from agent.models import Conversation, ToolResult, TurnState
from agent.tests import threads
from connectors.errors import InvalidInput
from systemtools import calls, jobs, manager
from systemtools.errors import ExportNotFound
from systemtools.export import files
from systemtools.models import ExportFile

ROWS = [{"name": "Ann", "note": "=1+1"}, {"name": "Bo|b", "note": None}]


@pytest.fixture
def person(alice: User) -> User:
    """alice, who has connected Export."""
    async_to_sync(manager.connect)(user_id=alice.pk, tool_id="export")
    return alice


@pytest.fixture
def talk(alice: User) -> Conversation:
    """A conversation of alice's with one result."""
    one = threads.conversation(alice, "Failed payouts")
    turn = threads.turn(one)
    said = threads.text("**One** failed.")
    events = [threads.started(), threads.finished(), said, threads.done()]
    threads.happen(turn, *events, state=TurnState.DONE)
    evidence = threads.recorded(alice, conversation_id=one.pk)
    keep(turn, evidence.call_id, {"payouts": [{"id": "po_1", "amount": -5}]})
    return one


def keep(turn: Any, call_id: Any, structured: Any, text: str = "One payout") -> None:
    content = [{"type": "text", "text": text}]
    result = {"is_error": False, "content": content, "structured_content": structured}
    ToolResult.objects.create(turn=turn, call_id=call_id, result=result)


def ask(user: User, name: str, *, at: Conversation | None = None, **arguments: Any):
    return async_to_sync(calls.call_tool)(
        user_id=user.pk,
        username=user.username,
        tool_id="export",
        name=name,
        arguments=arguments,
        via="chat",
        conversation_id=at.pk if at else None,
    )


def made(user: User, name: str, **arguments: Any) -> str:
    """Make a file, fetch it as its owner, and return what is in it."""
    answer = ask(user, name, **arguments)
    assert not answer.is_error, answer.content
    client = Client()
    client.force_login(user)
    path = answer.structured_content["url"].partition("/exports/")[2]
    response = client.get(f"/exports/{path}")
    assert response.status_code == 200
    assert len(response.content) == answer.structured_content["size_bytes"]
    return response.content.decode()


def refused(user: User, name: str, **arguments: Any) -> str:
    answer = ask(user, name, **arguments)
    assert answer.is_error
    assert not ExportFile.objects.exists()
    return str(answer.content[0]["text"])


# --- A table -----------------------------------------------------------------


def test_a_table_is_made_a_file_and_its_address_is_answered(
    person: User, settings: Settings
) -> None:
    with capture_logs() as logs:
        answer = ask(person, "table", rows=ROWS, title="Weird Names!")
    file = ExportFile.objects.get()
    told = answer.structured_content
    assert told["name"] == "weird-names.csv"
    assert told["url"] == f"{settings.PUBLIC_URL}/exports/{file.public_id}"
    left = file.expires_at - timezone.now()
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    events = [log for log in logs if log["event"] == "export.made"]
    assert [log["user_id"] for log in events] == [person.pk]
    assert "weird" not in str(events)


def test_a_table_is_written_in_each_format(person: User) -> None:
    rows = list(csv.reader(io.StringIO(made(person, "table", rows=ROWS)[1:])))
    assert rows == [["name", "note"], ["Ann", "'=1+1"], ["Bo|b", ""]]
    assert json.loads(made(person, "table", rows=ROWS, format="json")) == ROWS
    written = made(person, "table", rows=ROWS, format="markdown", title="A *b*")
    assert written.startswith("# A \\*b\\*\n\n| name | note |\n")


@pytest.mark.parametrize(
    "arguments",
    [
        {"rows": []},
        {"rows": "x"},
        {"rows": [1]},
        {"rows": ROWS, "format": "html"},
        {"rows": ROWS, "title": "x" * 101},
        {},
    ],
)
def test_what_is_no_table_is_refused(person: User, arguments: Any) -> None:
    with pytest.raises(InvalidInput):
        ask(person, "table", **arguments)


def test_what_cannot_be_stored_does_not_get_into_a_file(person: User) -> None:
    rows = [{"a": "x\x00y"}]
    assert json.loads(made(person, "table", rows=rows, format="json")) == [{"a": "xy"}]


def test_a_file_that_is_too_large_is_not_made(person: User, settings: Settings) -> None:
    settings.EXPORT_MAX_BYTES = 1 << 20
    # Fewer characters than are allowed, and more bytes.
    rows = [{"a": "é" * 600_000}]
    assert "larger than 1 MiB" in refused(person, "table", rows=rows, format="json")


# --- A conversation ----------------------------------------------------------


def test_the_conversation_around_the_call_is_exported(
    person: User, talk: Conversation
) -> None:
    written = made(person, "conversation", at=talk)
    assert written.startswith("# Failed payouts\n")
    assert "> Which payout issues" in written
    assert "**One** failed." in written
    parsed = json.loads(made(person, "conversation", at=talk, format="json"))
    assert parsed["title"] == "Failed payouts"
    table = made(person, "conversation", at=talk, format="csv")
    rows = list(csv.DictReader(io.StringIO(table[1:])))
    assert [row["By"] for row in rows] == ["You", "Stripe: list_payouts", "Patchbay"]
    assert [row["Said"] for row in rows][1:] == [
        '{"id": "po_1RkT9q"}',
        "**One** failed.",
    ]


def test_another_conversation_of_the_person_is_exported_by_its_number(
    person: User, talk: Conversation
) -> None:
    answer = ask(person, "conversation", conversation_id=talk.pk)
    assert answer.structured_content["name"] == "failed-payouts.md"


def test_a_conversation_of_somebody_else_is_none(
    person: User, bob: User, talk: Conversation
) -> None:
    his = threads.conversation(bob, "His")
    said = refused(person, "conversation", at=talk, conversation_id=his.pk)
    assert said == "There is no such conversation."
    none = refused(person, "conversation", conversation_id=10**15)
    assert none == "There is no such conversation."


def test_outside_of_a_conversation_one_must_be_named(person: User) -> None:
    assert "Say which one." in refused(person, "conversation")


def test_without_a_room_that_has_conversations_that_is_said(person: User) -> None:
    config: Any = apps.get_app_config("agent")
    path = config.takeout
    config.takeout = ""
    try:
        said = refused(person, "conversation", conversation_id=1)
    finally:
        config.takeout = path
    assert said == "This installation keeps no conversations."


# --- A result ----------------------------------------------------------------


def test_the_newest_result_of_the_conversation_is_exported(
    person: User, talk: Conversation
) -> None:
    table = made(person, "result", at=talk, format="csv")
    assert table == "\ufeffid,amount\r\npo_1,-5\r\n"
    parsed = json.loads(made(person, "result", at=talk, format="json"))
    assert parsed["structured_content"] == {"payouts": [{"id": "po_1", "amount": -5}]}
    assert parsed["connector"] == "Stripe"
    written = made(person, "result", at=talk)
    assert written.startswith("# Stripe: list\\_payouts\n")
    assert "| po\\_1 | -5 |" in written


def test_a_result_is_found_by_the_id_of_its_call(
    person: User, talk: Conversation
) -> None:
    turn = talk.turns.get()
    calls_ = [threads.recorded(person, key=f"k{n}").call_id for n in (2, 3)]
    keep(turn, calls_[0], None, text='[{"a": "=1"}]')
    keep(turn, calls_[1], None, text="``` none")
    first = made(person, "result", call_id=str(calls_[0]), format="csv")
    assert first == "\ufeffa\r\n'=1\r\n"
    second = made(person, "result", at=talk)
    assert "````\n``` none\n````" in second


def test_a_result_that_is_no_table_has_no_csv(person: User, talk: Conversation) -> None:
    call_id = threads.recorded(person, key="k2").call_id
    keep(talk.turns.get(), call_id, None, text="Sunny")
    said = refused(person, "result", at=talk, format="csv")
    assert said == "This result is no table. Choose markdown or json."


def test_a_result_of_export_itself_is_not_the_newest(
    person: User, talk: Conversation
) -> None:
    ask(person, "table", rows=ROWS, at=talk)
    own = threads.recorded(person, key="k2", source="system", source_label="Export")
    keep(talk.turns.get(), own.call_id, {"url": "x"})
    assert made(person, "result", at=talk, format="csv").startswith("\ufeffid,amount")


def test_a_result_of_somebody_else_is_none(
    person: User, bob: User, talk: Conversation
) -> None:
    his = threads.recorded(bob, key="k9")
    keep(threads.turn(threads.conversation(bob)), his.call_id, {"x": 1})
    for call_id in (his.call_id, uuid.uuid4()):
        said = refused(person, "result", at=talk, call_id=str(call_id))
        assert said.startswith("Nothing was kept of such a call.")


def test_where_nothing_was_called_there_is_no_result(person: User) -> None:
    empty = threads.conversation(person)
    expected = "There is no result in this conversation yet."
    assert refused(person, "result", at=empty) == expected
    assert refused(person, "result") == expected


# --- The file ----------------------------------------------------------------


def make(user: User, text: str = "<script>1</script>") -> ExportFile:
    return files.make(user_id=user.pk, title="A b", format_="markdown", text=text)


def test_a_file_is_saved_and_never_run(alice: User, client: Client) -> None:
    client.force_login(alice)
    response = client.get(f"/exports/{make(alice).public_id}")
    assert response.content == b"<script>1</script>"
    assert response["Content-Type"] == "text/markdown; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="a-b.md"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "no-store" in response["Cache-Control"]
    assert "private" in response["Cache-Control"]


@pytest.mark.parametrize("who", ["bob", "carol"])
def test_a_file_of_somebody_else_is_not_there(
    alice: User, client: Client, request: pytest.FixtureRequest, who: str
) -> None:
    file = make(alice)
    client.force_login(request.getfixturevalue(who))
    assert client.get(f"/exports/{file.public_id}").status_code == 404
    client.logout()
    assert client.get(f"/exports/{file.public_id}").status_code == 302


def test_a_file_that_has_expired_is_not_there_and_then_deleted(
    alice: User, client: Client, settings: Settings
) -> None:
    settings.EXPORT_TTL_S = 0
    file = make(alice)
    settings.EXPORT_TTL_S = 60
    kept = make(alice)
    client.force_login(alice)
    assert client.get(f"/exports/{file.public_id}").status_code == 404
    async_to_sync(jobs.prune_exports)()
    assert list(ExportFile.objects.all()) == [kept]


def test_a_person_sees_their_files_and_nobody_elses(
    alice: User, bob: User, client: Client, settings: Settings
) -> None:
    client.force_login(alice)
    assert "No files now" in client.get("/exports").text
    make(bob, text="his")
    settings.EXPORT_TTL_S = 0
    make(alice)
    settings.EXPORT_TTL_S = 60
    file = make(alice, text="é" * 1024)
    page = client.get("/exports").text
    assert "Files · 1" in page
    assert f'href="/exports/{file.public_id}"' in page
    assert "a-b.md" in page
    assert "2.0\xa0KB" in page


def test_the_page_of_export_leads_to_the_files(person: User, client: Client) -> None:
    client.force_login(person)
    assert 'href="/exports"' in client.get("/system-tools/export").text


def test_the_worker_prunes(alice: User) -> None:
    from connectors.ticker import all_jobs

    assert "exports.prune" in {job.name for job in all_jobs()}


def test_of_somebodys_files_the_newest_are_kept(
    alice: User, bob: User, settings: Settings
) -> None:
    settings.EXPORTS_PER_PERSON = 2
    his = make(bob)
    first, second, third = (make(alice) for _ in range(3))
    with pytest.raises(ExportNotFound):
        files.get(user_id=alice.pk, public_id=first.public_id)
    assert set(ExportFile.objects.all()) == {his, second, third}


def test_a_title_of_other_letters_gives_a_plain_name(alice: User) -> None:
    title = '"\r\nX: é 日本.exe'
    name = files.make(user_id=alice.pk, title=title, format_="csv", text="").name
    assert name == "x-e-exe.csv"
    none = files.make(user_id=alice.pk, title="日本", format_="csv", text="")
    assert none.name == "export.csv"
