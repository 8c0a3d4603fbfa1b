"""Analytics: a person's own calls, counted from the evidence of them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from connectors.errors import InvalidInput
from connectors.models import ToolCall, UserMCPConnection
from connectors.tests import rows
from systemtools import calls, manager
from systemtools.analytics import counting, evidence

TODAY = timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=1)


@pytest.fixture
def person(alice: User) -> User:
    """alice, who has connected Analytics."""
    async_to_sync(manager.connect)(user_id=alice.pk, tool_id="analytics")
    return alice


@pytest.fixture
def notes(alice: User) -> UserMCPConnection:
    return rows.connector(alice, slot=1, name="Notes")


@pytest.fixture
def shop(alice: User) -> UserMCPConnection:
    return rows.connector(alice, slot=2, name="Shop")


def happened(
    where: UserMCPConnection,
    outcome: str = "ok",
    *,
    took_ms: int | None = 100,
    at: datetime = TODAY,
    **more: Any,
) -> ToolCall:
    """A call that ended; call this in the order of their times."""
    code = more.pop("error_code", "")
    call = rows.call_of(where, outcome="started", started_at=at, **more)
    if outcome != "started":
        ended: Any = {"outcome": outcome, "duration_ms": took_ms, "error_code": code}
        ToolCall.objects.filter(pk=call.pk).finish(**ended)
    return call


def ask(user: User, name: str, **arguments: Any) -> Any:
    return async_to_sync(calls.call_tool)(
        user_id=user.pk,
        username=user.username,
        tool_id="analytics",
        name=name,
        arguments=arguments,
        via="chat",
    )


def usage(user: User, **arguments: Any) -> dict[str, Any]:
    answer = ask(user, "usage", **arguments)
    assert not answer.is_error, answer.content
    found: dict[str, Any] = answer.structured_content
    return found


def failures(user: User, **arguments: Any) -> dict[str, Any]:
    found: dict[str, Any] = ask(user, "failures", **arguments).structured_content
    return found


def named(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row.pop("name"): row for row in found["rows"]}


def test_calls_are_counted_for_each_tool_the_busiest_first(
    person: User, notes: UserMCPConnection, shop: UserMCPConnection
) -> None:
    happened(shop, tool="buy", took_ms=900)
    for took_ms in range(1, 21):
        happened(notes, tool="search", took_ms=took_ms)
    happened(notes, "failed", tool="search", took_ms=5_000)
    found = usage(person)
    assert [row["name"] for row in found["rows"]] == ["Notes: search", "Shop: buy"]
    assert found["rows"][0] == {
        "name": "Notes: search",
        "calls": 21,
        "errors": 1,
        "error_percent": 4.8,
        "refused": 0,
        "p95_ms": 20,
    }
    assert (found["calls"], found["errors"], found["note"]) == (22, 1, "")


def test_calls_are_counted_for_each_connector_and_system_tool(
    person: User, notes: UserMCPConnection
) -> None:
    happened(notes, tool="search")
    happened(notes, tool="delete")
    usage(person)
    by_connector = named(usage(person, by="connector"))
    # The first question is a call, too; the one that is being answered is not yet.
    assert {name: row["calls"] for name, row in by_connector.items()} == {
        "Notes": 2,
        "Analytics": 1,
    }


def test_calls_are_counted_for_each_day_also_where_there_were_none(
    person: User, notes: UserMCPConnection
) -> None:
    happened(notes, at=TODAY - timedelta(days=3))
    happened(notes, at=TODAY - timedelta(days=2))
    happened(notes, "tool_error", at=TODAY - timedelta(days=2))
    happened(notes)
    found = usage(person, by="day", days=3)
    days = [str((TODAY - timedelta(days=n)).date()) for n in (2, 1, 0)]
    assert [row["name"] for row in found["rows"]] == days
    assert [row["calls"] for row in found["rows"]] == [2, 0, 1]
    assert [row["errors"] for row in found["rows"]] == [1, 0, 0]
    assert [row["p95_ms"] for row in found["rows"]] == [100, None, 100]


@pytest.mark.parametrize(
    ("outcome", "is_error", "is_refused", "is_timed"),
    [
        ("ok", False, False, True),
        ("tool_error", True, False, True),
        ("failed", True, False, True),
        ("not_sent", True, False, False),
        ("unknown", True, False, False),
        ("refused", False, True, False),
        ("cancelled", False, False, False),
    ],
)
def test_an_outcome_is_an_error_refused_or_neither(
    person: User,
    notes: UserMCPConnection,
    outcome: str,
    is_error: bool,
    is_refused: bool,
    is_timed: bool,
) -> None:
    happened(notes, outcome)
    row = usage(person)["rows"][0]
    assert (row["errors"], row["refused"]) == (is_error, is_refused)
    assert row["p95_ms"] == (100 if is_timed else None)


def test_which_tools_failed_this_week_the_worst_first(
    person: User, notes: UserMCPConnection, shop: UserMCPConnection
) -> None:
    at = TODAY - timedelta(days=1)
    happened(shop, "failed", tool="sell", at=TODAY - timedelta(days=8))
    happened(shop, "refused", tool="buy", error_code="SIGN_IN_REQUIRED", at=at)
    happened(notes, "failed", tool="search", error_code="TIMEOUT", at=at)
    happened(notes, "not_sent", tool="search", error_code="CONNECTION_FAILED")
    happened(notes, tool="search")
    happened(notes, tool="delete")
    found = failures(person)
    assert (found["calls"], found["errors"], found["note"]) == (5, 2, "")
    worst, refused = found["tools"]
    when = datetime.fromisoformat(worst.pop("last_at"))
    assert when == TODAY
    assert worst == {
        "tool": "Notes: search",
        "calls": 3,
        "errors": 2,
        "refused": 0,
        "last_problem": "It could not be reached",
        "last_error_code": "CONNECTION_FAILED",
    }
    assert (refused["tool"], refused["refused"]) == ("Shop: buy", 1)
    assert refused["last_error_code"] == "SIGN_IN_REQUIRED"


def test_nothing_that_failed_is_said(person: User, notes: UserMCPConnection) -> None:
    assert failures(person)["note"] == "There were no calls."
    happened(notes)
    assert failures(person)["note"] == "None of them failed."


def test_nobody_elses_calls_are_counted(
    person: User, bob: User, notes: UserMCPConnection
) -> None:
    his = rows.connector(bob, name="His")
    happened(his, "failed")
    assert usage(person)["calls"] == 0
    assert failures(person, days=90)["tools"] == []
    said = ask(person, "usage", connector="his").content[0]["text"]
    assert "His" not in said


def test_a_connector_is_called_as_it_is_now_and_a_deleted_one_as_it_was(
    person: User, notes: UserMCPConnection, shop: UserMCPConnection
) -> None:
    happened(notes)
    happened(shop)
    UserMCPConnection.objects.filter(pk=notes.pk).update(name="Papers")
    happened(notes)
    shop.delete()
    counted = named(usage(person, by="connector"))
    assert {name: row["calls"] for name, row in counted.items()} == {
        "Papers": 2,
        "Shop": 1,
    }


def test_one_connector_can_be_asked_for_by_its_name(
    person: User, notes: UserMCPConnection, shop: UserMCPConnection
) -> None:
    happened(notes)
    happened(shop)
    assert usage(person, connector=" notes ")["calls"] == 1
    answer = ask(person, "failures", connector="Nobody")
    assert answer.is_error
    said = answer.content[0]["text"]
    assert said.startswith("There were no calls of “Nobody” since ")
    assert said.endswith("There were calls of: Analytics, Notes, Shop.")


def test_of_too_many_calls_the_newest_are_counted_and_that_is_said(
    person: User, notes: UserMCPConnection, settings: Settings
) -> None:
    settings.ANALYTICS_CALLS = 2
    happened(notes, "failed")
    happened(notes)
    happened(notes)
    found = usage(person)
    assert (found["calls"], found["errors"]) == (2, 0)
    assert found["note"].startswith("Only the newest 2 calls were counted, ")


@pytest.mark.parametrize(
    ("durations", "expected"),
    [
        ([], None),
        ([7], 7),
        ([3, 1, 2], 3),
        (range(1, 21), 19),
        (range(1, 101), 95),
    ],
)
def test_p95_is_by_nearest_rank(durations: Sequence[int], expected: int | None) -> None:
    assert counting.p95(durations) == expected


@pytest.mark.parametrize(
    "arguments",
    [{"days": 0}, {"days": 91}, {"by": "person"}, {"user_id": 1}, {"days": "7"}],
)
def test_what_cannot_be_asked_is_refused(person: User, arguments: Any) -> None:
    with pytest.raises(InvalidInput):
        ask(person, "usage", **arguments)


# --- A million calls ---------------------------------------------------------

_COLUMNS = (
    "call_id, user_id, username, source, source_id, source_label, tool, via,"
    " args_digest, args_bytes, definition_hash, outcome, error_code, attempts,"
    " started_at, duration_ms"
)
# The number of the row is the id, its time 1 s later than that of the row before.
# Every second call is the first person's, ten in all the second's.
_VALUES = (
    "{call_id}, CASE WHEN i % 100000 = 7 THEN %s WHEN i % 2 = 0 THEN %s ELSE 0 END,"
    " 'x', 'connector', i % 5, 'Notes', 'search', 'chat', 'k1:0', 2, '',"
    " CASE WHEN i % 10 = 0 THEN 'failed' ELSE 'ok' END, '', 1, {at}, i % 1000"
)
_SQL = {
    "sqlite": (
        "WITH RECURSIVE n(i) AS (SELECT %s + 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < %s) SELECT {values} FROM n",
        "printf('%%032x', i)",
        "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', (i - 1000001) || ' seconds')",
    ),
    "postgresql": (
        "WITH n AS (SELECT * FROM generate_series(%s + 1, %s) AS i)"
        " SELECT {values} FROM n",
        "md5(i::text)::uuid",
        "now() + (i - 1000001) * interval '1 second'",
    ),
}
_AT_ONCE = 100_000


def fill(busy: User, quiet: User) -> None:
    select, call_id, at = _SQL[connection.vendor]
    values = _VALUES.replace(" % ", " %% ").format(call_id=call_id, at=at)
    table = ToolCall._meta.db_table
    sql = f"INSERT INTO {table} ({_COLUMNS}) {select.format(values=values)}"
    with connection.cursor() as cursor:
        for n in range(0, 1_000_000, _AT_ONCE):
            cursor.execute(sql, [n, n + _AT_ONCE, quiet.pk, busy.pk])
        cursor.execute(f"ANALYZE {table}")


@pytest.mark.slow
def test_a_question_among_a_million_calls_reads_the_own_ones_by_their_index(
    person: User, bob: User, django_assert_max_num_queries: Any, settings: Settings
) -> None:
    fill(person, bob)
    async_to_sync(manager.connect)(user_id=bob.pk, tool_id="analytics")
    plan = evidence.page(user_id=bob.pk, before=None).explain()
    assert "call_user" in plan
    found = usage(bob, days=90)
    assert found["calls"] == 10
    pages = settings.ANALYTICS_CALLS // evidence.PAGE_ROWS
    with django_assert_max_num_queries(pages + 20):
        found = usage(person, days=90, by="day")
    assert found["calls"] == settings.ANALYTICS_CALLS
    assert found["errors"] == settings.ANALYTICS_CALLS // 5
    assert "Only the newest 50,000 calls" in found["note"]
