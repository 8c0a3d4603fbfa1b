from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import User
from connectors.errors import InvalidUrl
from connectors.models import (
    AuthType,
    ConnectionTest,
    EvidenceIsFinal,
    Lease,
    Outcome,
    RetiredSlug,
    Source,
    Status,
    ToolCall,
    UserMCPConnection,
    Via,
)

URL = "https://notes.example/mcp"
CONNECTORS = UserMCPConnection.objects


def add(user: User, **changes: Any) -> UserMCPConnection:
    fields: dict[str, Any] = {
        "user": user,
        "slot": 1,
        "name": "Notes",
        "server_url": URL,
        "status": Status.READY,
        "is_verified": True,
    }
    return CONNECTORS.create(**{**fields, **changes})


def call(**changes: Any) -> ToolCall:
    fields: dict[str, Any] = {
        "user_id": 1,
        "username": "alice",
        "source": Source.CONNECTOR,
        "source_label": "Notes",
        "tool": "search",
        "via": Via.REST,
        "args_digest": "k1:" + "0" * 64,
        "args_bytes": 2,
    }
    return ToolCall.objects.create(**{**fields, **changes})


def refused(constraint: str) -> Any:
    """Expect that the database refuses by the constraint of this name.

    SQLite names the columns instead of a unique index.
    """
    return pytest.raises(IntegrityError, match=constraint)


# --- Connectors --------------------------------------------------------------


def test_a_slot_is_taken_once_by_a_person(alice: User, bob: User) -> None:
    add(alice)
    add(bob)
    with refused("conn_slot_per_user|slot"):
        add(alice, name="Other")


def test_slots_begin_at_one(alice: User) -> None:
    with refused("conn_slot_from_1"):
        add(alice, slot=0)


def test_only_a_removed_connector_has_no_slot(alice: User) -> None:
    removed = {"slot": None, "status": Status.REMOVED_BY_ADMIN}
    for name in ("One", "Two"):
        add(alice, name=name, **removed)
    with refused("conn_slot_unless_removed"), transaction.atomic():
        add(alice, slot=None)
    with refused("conn_slot_unless_removed"):
        add(alice, status=Status.REMOVED_BY_ADMIN)


def test_a_name_is_taken_once_by_a_person_whatever_its_case(
    alice: User, bob: User
) -> None:
    add(alice)
    add(bob, name="NOTES")
    with refused("conn_name_per_user"):
        add(alice, slot=2, name="NOTES")


def test_a_slug_is_taken_once_by_a_person(alice: User, bob: User) -> None:
    add(alice, slug="notes")
    add(bob, slug="notes")
    with refused("conn_slug_per_user|slug"):
        add(alice, slot=2, name="Other", slug="notes")


def test_two_connectors_may_have_the_same_url(alice: User) -> None:
    one, two = add(alice), add(alice, slot=2, name="Other", allow_duplicate=True)
    assert one.url_key == two.url_key


def test_each_row_has_a_vault_id_of_its_own(alice: User) -> None:
    one = add(alice)
    with refused("vault_id"):
        add(alice, slot=2, name="Other", vault_id=one.vault_id)


@pytest.mark.parametrize(
    ("field", "constraint"),
    [
        ("auth_type", "conn_auth_(type|config_fits)"),
        ("status", "conn_status_known"),
        ("transport", "conn_transport"),
    ],
)
def test_a_column_of_words_takes_no_other(
    alice: User, field: str, constraint: str
) -> None:
    with refused(constraint):
        add(alice, **{field: "xyz"})


@pytest.mark.parametrize(
    ("auth_type", "auth_config", "fits"),
    [
        (AuthType.NONE, None, True),
        (AuthType.NONE, {}, False),
        (AuthType.API_KEY, {"token": "x"}, True),
        (AuthType.API_KEY, None, False),
        (AuthType.OAUTH, None, True),
        (AuthType.OAUTH, {"client_id": "x"}, True),
    ],
)
def test_credentials_are_there_if_and_only_if_their_kind_has_them(
    alice: User, auth_type: str, auth_config: Any, fits: bool
) -> None:
    changes = {"auth_type": auth_type, "auth_config": auth_config}
    if fits:
        add(alice, **changes)
    else:
        with refused("conn_auth_config_fits"):
            add(alice, **changes)


def test_what_is_ready_has_no_error(alice: User) -> None:
    add(alice, last_error_code="NO_TOOLS")
    add(alice, slot=2, name="2", status="unreachable", last_error_code="TIMEOUT")
    with refused("conn_ready_without_error"):
        add(alice, slot=3, name="3", last_error_code="TIMEOUT")


def test_transport_and_protocol_version_are_known_together(alice: User) -> None:
    add(alice, transport="sse", protocol_version="2024-11-05")
    for changes in ({"transport": "http"}, {"protocol_version": "2026-07-28"}):
        with refused("conn_transport_and_version"), transaction.atomic():
            add(alice, slot=2, name="2", **changes)


def test_there_are_never_less_than_no_tools(alice: User) -> None:
    with refused("tool_count"):
        add(alice, tool_count=-1)


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("field", "chars"),
    [("name", 100), ("description", 500), ("last_error_code", 32), ("slug", 24)],
)
def test_texts_end_where_their_column_ends(alice: User, field: str, chars: int) -> None:
    with pytest.raises(DataError):
        add(alice, **{field: "a" * (chars + 1)})


def test_a_person_finds_only_their_own(alice: User, bob: User) -> None:
    mine, _ = add(alice), add(bob)
    assert CONNECTORS.owned_by(alice).get() == mine
    assert CONNECTORS.owned_by(alice.pk).get() == mine


@pytest.mark.parametrize(
    ("changes", "usable"),
    [
        ({}, True),
        ({"status": Status.REVIEW}, True),
        ({"is_active": False}, False),
        ({"is_verified": False}, False),
        ({"status": Status.UNREACHABLE}, False),
        ({"status": Status.REMOVED_BY_ADMIN, "slot": None}, False),
    ],
)
def test_what_is_active_verified_and_ready_is_usable(
    alice: User, changes: dict[str, Any], usable: bool
) -> None:
    add(alice, **changes)
    assert CONNECTORS.usable().exists() is usable


def test_connectors_are_in_the_order_of_their_slots_removed_ones_last(
    alice: User,
) -> None:
    for slot in (3, None, 1, 2):
        status = Status.READY if slot else Status.REMOVED_BY_ADMIN
        add(alice, slot=slot, name=f"n{slot}", status=status)
    assert [row.slot for row in CONNECTORS.all()] == [1, 2, 3, None]


def test_the_url_is_kept_as_typed_without_its_fragment(alice: User) -> None:
    row = add(alice, server_url="HTTPS://Notes.Example:443/mcp/?k=1#top")
    assert row.server_url == "HTTPS://Notes.Example:443/mcp/?k=1"
    same = add(alice, slot=2, name="2", server_url="https://notes.example/mcp?k=1")
    assert row.url_key == same.url_key
    assert len(row.url_key) == 64


def test_the_key_of_the_url_follows_the_url(alice: User) -> None:
    row = add(alice)
    before = row.url_key
    row.server_url = "https://other.example/mcp"
    row.save(update_fields=["server_url"])
    row.refresh_from_db()
    assert row.url_key != before
    CONNECTORS.only("name").get().save()


def test_what_is_no_url_is_not_saved(alice: User) -> None:
    with pytest.raises(InvalidUrl):
        add(alice, server_url="not-a-url")


def test_a_partial_save_says_when_it_was(alice: User) -> None:
    row = add(alice)
    before = row.updated_at
    row.name = "Renamed"
    row.save(update_fields=["name"])
    row.refresh_from_db()
    assert row.updated_at > before
    assert row.server_url == URL


# --- Slugs -------------------------------------------------------------------


def test_a_slug_is_made_once_and_survives_a_rename(alice: User) -> None:
    row = add(alice, name="My Notes!")
    assert row.slug == "my-notes"
    row.name = "Other"
    row.save()
    assert CONNECTORS.get().slug == "my-notes"


def test_a_slug_that_is_taken_gets_a_number_within_its_length(alice: User) -> None:
    name = "abcdefghijklmnopqrstu-wxyz"
    slugs = [add(alice, slot=n, name=f"{name} {n}").slug for n in (1, 2, 3)]
    assert slugs == [
        "abcdefghijklmnopqrstu-wx",
        "abcdefghijklmnopqrstu-2",
        "abcdefghijklmnopqrstu-3",
    ]


def test_a_name_without_a_letter_of_the_alphabet_still_has_a_slug(alice: User) -> None:
    assert add(alice, name="ノート").slug == "connector"


@pytest.mark.parametrize("by", ["instance", "queryset"])
def test_a_slug_is_not_used_again_within_thirty_days(
    alice: User, bob: User, by: str
) -> None:
    row = add(alice)
    if by == "instance":
        row.delete()
    else:
        CONNECTORS.owned_by(alice).delete()
    assert not CONNECTORS.exists()
    assert add(bob).slug == "notes"
    row = add(alice)
    assert row.slug == "notes-2"
    long_ago = timezone.now() - timedelta(days=30)
    RetiredSlug.objects.update(retired_at=long_ago)
    row.delete()
    assert add(alice).slug == "notes"
    assert [str(slug) for slug in RetiredSlug.objects.all()] == ["notes-2"]


def test_a_slug_can_retire_more_than_once(alice: User) -> None:
    RetiredSlug.retire([(alice.pk, "notes")])
    RetiredSlug.retire([(alice.pk, "notes")])
    assert RetiredSlug.objects.count() == 1
    with refused("retired_slug_per_user|slug"):
        RetiredSlug.objects.create(user=alice, slug="notes")


def test_nothing_of_a_person_stays_but_the_evidence_of_calls(alice: User) -> None:
    RetiredSlug.retire([(alice.pk, "old")])
    row = add(alice)
    run(alice, connector=row)
    call(user_id=alice.pk, source_id=row.pk)
    alice.delete()
    for model in (UserMCPConnection, ConnectionTest, RetiredSlug):
        assert not model.objects.exists()
    assert ToolCall.objects.get().source_id == row.pk


def test_the_manager_cannot_delete_everything() -> None:
    assert not hasattr(CONNECTORS, "delete")


# --- Tests -------------------------------------------------------------------


def run(user: User, **changes: Any) -> ConnectionTest:
    fields: dict[str, Any] = {
        "user": user,
        "ticket_digest": "0" * 64,
        "subject_mac": "1" * 64,
        "success": True,
        "duration_ms": 5,
        "expires_at": timezone.now(),
    }
    return ConnectionTest.objects.create(**{**fields, **changes})


def test_a_ticket_belongs_to_one_test(alice: User) -> None:
    run(alice)
    with refused("ticket_digest"):
        run(alice)


def test_a_test_names_a_known_transport(alice: User) -> None:
    with refused("test_transport"):
        run(alice, transport="x")


def test_a_deleted_connector_takes_its_tests_along(alice: User) -> None:
    row = add(alice)
    run(alice, connector=row)
    row.delete()
    assert not ConnectionTest.objects.exists()


# --- Calls -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "constraint"),
    [("source", "call_source_known"), ("via", "call_via_known")],
)
def test_a_call_names_a_known_source_and_way(
    db: None, field: str, constraint: str
) -> None:
    with refused(constraint):
        call(**{field: "xyz"})


def test_a_call_ends_in_a_known_outcome(db: None) -> None:
    call()
    with refused("call_outcome_known"):
        ToolCall.objects.all().finish(outcome="xyz")  # type: ignore[arg-type]


def test_a_call_is_named_once(db: None) -> None:
    one = call()
    with refused("call_id"):
        call(call_id=one.call_id)


def test_a_call_is_inserted_as_started_and_finished_once(db: None) -> None:
    row = call()
    calls = ToolCall.objects.filter(pk=row.pk)
    assert calls.finish(outcome=Outcome.OK, duration_ms=3) == 1
    assert calls.finish(outcome=Outcome.FAILED) == 0
    row.refresh_from_db()
    assert (row.outcome, row.duration_ms) == ("ok", 3)


def test_finishing_some_calls_leaves_the_others(db: None) -> None:
    one, other = call(), call()
    ToolCall.objects.filter(pk=one.pk).finish(outcome=Outcome.OK)
    other.refresh_from_db()
    assert other.outcome == Outcome.STARTED


def test_evidence_cannot_be_changed_deleted_or_made_up(db: None) -> None:
    row = call()
    rows = ToolCall.objects.all()
    row.tool = "other"
    forgeries = [
        row.save,
        lambda: row.save(update_fields=["tool"]),
        row.delete,
        lambda: call(outcome=Outcome.OK),
        lambda: rows.update(tool="other"),
        lambda: ToolCall._base_manager.update(tool="other"),
        rows.delete,
        lambda: ToolCall._base_manager.all().delete(),
        lambda: ToolCall.objects.bulk_create([ToolCall()]),
        lambda: ToolCall.objects.bulk_update([row], ["tool"]),
        lambda: rows.update_or_create(pk=row.pk, defaults={"tool": "other"}),
        lambda: rows.finish(outcome=Outcome.STARTED),
    ]
    for forge in forgeries:
        with pytest.raises(EvidenceIsFinal):
            forge()
    assert rows.get().tool == "search"
    assert rows.get().outcome == Outcome.STARTED


def test_evidence_cannot_be_replaced_under_its_id(db: None) -> None:
    row = call()
    with refused("id"):
        ToolCall(pk=row.pk, user_id=2, args_bytes=0, source="system", via="page").save()


# --- Leases ------------------------------------------------------------------


def test_a_lease_has_one_row(db: None) -> None:
    until = timezone.now()
    assert str(Lease.objects.create(name="prune", until=until)) == "prune"
    with refused("name"):
        Lease.objects.create(name="prune", until=until)


# --- All ---------------------------------------------------------------------


def test_rows_have_names_that_tell_no_secret(alice: User) -> None:
    row = add(alice, server_url=f"{URL}?key=canary")
    shown = [str(row), str(run(alice, connector=row)), str(call())]
    assert shown[0] == "Notes"
    assert shown[2] == "Notes: search (started)"
    assert "canary" not in "".join(shown)


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ("user_mcp_connections", {"conn_user_url", "conn_status"}),
        ("user_mcp_connections", {"conn_tools_listed_at"}),
        ("connectors_connectiontest", {"test_connector", "test_user"}),
        ("connectors_toolcall", {"call_user", "call_source", "call_outcome"}),
        ("connectors_toolcall", {"call_started_at"}),
    ],
)
def test_the_indexes_of_the_pages_are_there(
    db: None, table: str, names: set[str]
) -> None:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table)
    assert names <= {name for name, about in found.items() if about["index"]}
