import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from connectors import evidence
from connectors.models import (
    ConnectionTest,
    Outcome,
    Source,
    ToolCall,
    UserMCPConnection,
    Via,
)
from connectors.steps import Step
from connectors.validator import ValidationResult

URL = "https://notes.example/mcp"
CANARY = "canary-5d01"
TOOL = {"name": "search", "description": "Find\x00 \ud800notes", "hash": "h"}


def result(**changes: Any) -> ValidationResult:
    found: dict[str, Any] = {
        "success": True,
        "tools": [TOOL],
        "dropped_tools": [{"name": "x", "reason": "too large"}],
        "steps": [Step(step="url", status="passed", message="fine\x00")],
        "transcript": [{"method": "POST", "url": URL, "status": 200}],
        "server_info": {"name": "Notes"},
        "discover_cache": {"capabilities": {}},
        "transport": "http",
        "protocol_version": "2026-07-28",
        "duration_ms": 12,
    }
    return ValidationResult(**{**found, **changes})


def subject(user: User, **changes: Any) -> list[str]:
    of: dict[str, Any] = {
        "user_id": user.pk,
        "server_url": URL,
        "auth_type": "api_key",
        "auth_config": {"token": CANARY},
    }
    return evidence.subject_macs(**{**of, **changes})


def record(user: User, **changes: Any) -> tuple[ConnectionTest, str]:
    of: dict[str, Any] = {
        "user_id": user.pk,
        "connector_id": None,
        "result": result(),
        "subject_mac": subject(user)[0],
    }
    return evidence.record_test(**{**of, **changes})


def find(user: User, ticket: str, of: list[str] | None = None) -> Any:
    return evidence.find_ticket(
        user_id=user.pk, ticket=ticket, subject=subject(user) if of is None else of
    )


def start(user: User, **changes: Any) -> ToolCall:
    of: dict[str, Any] = {
        "user_id": user.pk,
        "username": user.username,
        "source": Source.CONNECTOR,
        "source_id": 1,
        "source_label": "Notes",
        "tool": "search",
        "via": Via.REST,
        "arguments": {"query": CANARY},
    }
    return evidence.start_call(**{**of, **changes})


@pytest.fixture
def connector(alice: User) -> UserMCPConnection:
    return UserMCPConnection.objects.create(
        user=alice, slot=1, name="Notes", server_url=URL, status="ready"
    )


def test_a_ticket_proves_the_test_it_was_given_for(alice: User) -> None:
    test, ticket = record(alice)
    found = find(alice, ticket)
    assert found == test
    assert found.tools == [{**TOOL, "description": "Find notes"}]
    assert found.server_info == {"name": "Notes"}
    assert found.discover_cache == {"capabilities": {}}
    assert found.dropped_tools == [{"name": "x", "reason": "too large"}]
    assert found.steps[0]["message"] == "fine"


def test_a_ticket_may_be_used_more_than_once(
    alice: User, connector: UserMCPConnection
) -> None:
    test, ticket = record(alice)
    evidence.link_test(test_id=test.pk, connector_id=connector.pk)
    assert find(alice, ticket) == test


@pytest.mark.parametrize(
    "changes",
    [
        {"server_url": "https://notes.example/other"},
        {"auth_type": "oauth"},
        {"auth_config": None},
        {"auth_config": {"token": "another"}},
        {"auth_config": {"token": CANARY, "x": 1}},
    ],
)
def test_a_ticket_proves_nothing_else(alice: User, changes: dict[str, Any]) -> None:
    _, ticket = record(alice)
    assert find(alice, ticket, subject(alice, **changes)) is None


def test_one_subject_has_one_code_however_it_is_written(alice: User) -> None:
    config = {"headers": {"A": "1", "B": "2"}}
    turned = {"headers": {"B": "2", "A": "1"}}
    assert subject(alice, auth_config=config) == subject(
        alice, auth_config=turned, server_url="HTTPS://NOTES.example:443/mcp/#x"
    )


def test_a_ticket_is_its_persons_alone(alice: User, bob: User) -> None:
    _, ticket = record(alice)
    assert find(bob, ticket) is None
    assert find(bob, ticket, subject(alice)) is None
    assert find(alice, ticket, subject(bob)) is None


@pytest.mark.parametrize("ticket", ["", "x", "é\ud800\x00", "a" * 100_000])
def test_an_invented_ticket_is_no_ticket(alice: User, ticket: str) -> None:
    record(alice)
    assert find(alice, ticket) is None


def test_a_test_that_failed_has_no_ticket(alice: User) -> None:
    test, ticket = record(
        alice, result=result(success=False, error_code="TIMEOUT", tools=[])
    )
    assert (ticket, test.error_code, test.tools) == ("", "TIMEOUT", None)


def test_a_server_without_tools_gets_a_ticket(alice: User) -> None:
    test, ticket = record(alice, result=result(error_code="NO_TOOLS", tools=[]))
    assert find(alice, ticket) == test


def test_a_ticket_expires(alice: User, settings: Settings) -> None:
    settings.TICKET_TTL_S = 0
    _, ticket = record(alice)
    assert find(alice, ticket) is None


def test_a_ticket_survives_a_new_key_but_not_the_loss_of_its_own(
    alice: User, settings: Settings
) -> None:
    _, ticket = record(alice)
    settings.ENCRYPTION_KEYS = {"k2": b"2" * 32, **settings.ENCRYPTION_KEYS}
    assert find(alice, ticket) is not None
    settings.ENCRYPTION_KEYS = {"k2": b"2" * 32}
    assert find(alice, ticket) is None


def test_neither_ticket_nor_credentials_are_stored(alice: User) -> None:
    _, ticket = record(alice)
    row = json.dumps(ConnectionTest.objects.values().get(), default=str)
    assert ticket not in row
    assert CANARY not in row


def test_the_test_of_a_connector_that_exists_keeps_no_listing(
    alice: User, connector: UserMCPConnection
) -> None:
    test, _ = record(alice, connector_id=connector.pk)
    test.refresh_from_db()
    assert (test.tools, test.server_info, test.connector) == (None, {}, connector)


def test_the_newest_twenty_tests_of_a_connector_are_kept(
    alice: User, connector: UserMCPConnection
) -> None:
    tests = [record(alice, connector_id=connector.pk)[0] for _ in range(21)]
    unsaved, _ = record(alice)
    assert set(ConnectionTest.objects.all()) == {*tests[1:], unsaved}
    evidence.link_test(test_id=unsaved.pk, connector_id=connector.pk)
    assert set(connector.tests.all()) == {*tests[2:], unsaved}


def test_a_linked_test_stays_with_its_connector(
    alice: User, connector: UserMCPConnection
) -> None:
    test, _ = record(alice, connector_id=connector.pk)
    other = UserMCPConnection.objects.create(
        user=alice, slot=2, name="Other", server_url=URL, status="ready"
    )
    evidence.link_test(test_id=test.pk, connector_id=other.pk)
    test.refresh_from_db()
    assert test.connector == connector


def test_a_person_who_only_tests_does_not_fill_the_disk(alice: User) -> None:
    tests = [record(alice)[0] for _ in range(evidence.LISTINGS_PER_PERSON + 2)]
    with_listing = ConnectionTest.objects.filter(tools__isnull=False)
    assert set(with_listing) == set(tests[2:])


def test_pruning_forgets_what_was_never_saved_and_expired_listings(
    alice: User, connector: UserMCPConnection
) -> None:
    now = timezone.now()
    fresh, saved, expired, old = (record(alice)[0] for _ in range(4))
    evidence.link_test(test_id=saved.pk, connector_id=connector.pk)
    tests = ConnectionTest.objects
    tests.filter(pk__in=[old.pk, saved.pk]).update(
        created_at=now - timedelta(hours=1, seconds=1)
    )
    tests.filter(pk__in=[expired.pk, saved.pk]).update(expires_at=now)
    assert evidence.prune_tests() == 3
    assert set(tests.all()) == {fresh, saved, expired}
    assert tests.get(tools__isnull=False) == fresh
    assert tests.get(pk=expired.pk).server_info == {}


def test_a_call_is_stored_as_started_without_its_arguments(alice: User) -> None:
    call = start(alice, tool="se\x00arch" + "x" * 200, source_label="N\u202e" * 200)
    call.refresh_from_db()
    assert call.outcome == Outcome.STARTED
    assert call.args_bytes == len(json.dumps({"query": CANARY})) - 1
    assert call.tool == "search".ljust(128, "x")
    assert call.source_label == "N" * 100
    kid, _, digest = call.args_digest.partition(":")
    assert (kid, len(digest)) == ("k1", 64)
    row = json.dumps(ToolCall.objects.values().get(), default=str)
    assert CANARY not in row


def test_the_same_arguments_have_the_same_digest_under_one_key(
    alice: User, settings: Settings
) -> None:
    one = start(alice, arguments={"a": 1, "b": [2]})
    same = start(alice, arguments={"b": [2], "a": 1})
    other = start(alice, arguments={"a": 1, "b": [3]})
    assert one.args_digest == same.args_digest != other.args_digest
    kid = "k" * 31
    settings.ENCRYPTION_KEYS = {kid: b"2" * 32}
    call = start(alice, arguments={"a": 1, "b": [2]})
    call.refresh_from_db()
    assert call.args_digest.startswith(f"{kid}:")


def test_a_call_is_finished_by_one_update(alice: User) -> None:
    call = start(alice)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert evidence.finish_call(
            call,
            outcome=Outcome.OK,
            attempts=1,
            duration_ms=7,
            result={"content": [CANARY]},
        )
    assert len(queries) == 1
    stored = ToolCall.objects.get(pk=call.pk)
    assert (stored.outcome, stored.attempts, stored.duration_ms) == ("ok", 1, 7)
    assert stored.result_digest == call.result_digest
    assert stored.result_bytes == len(json.dumps({"content": [CANARY]})) - 1
    assert CANARY not in str(stored.result_digest)


def test_a_call_is_finished_once(alice: User) -> None:
    call = start(alice)
    assert evidence.finish_call(call, outcome=Outcome.FAILED, error_code="TIMEOUT")
    assert not evidence.finish_call(call, outcome=Outcome.OK)
    call.refresh_from_db()
    assert (call.outcome, call.error_code) == ("failed", "TIMEOUT")
    assert (call.result_digest, call.result_bytes) == (None, None)


def test_a_call_whose_process_is_gone_becomes_unknown(alice: User) -> None:
    orphan, running, done = start(alice), start(alice), start(alice)
    evidence.finish_call(done, outcome=Outcome.OK)
    assert evidence.orphans_to_unknown(older_than_s=600) == 0
    assert evidence.orphans_to_unknown(older_than_s=-60) == 2
    outcomes = dict(ToolCall.objects.values_list("pk", "outcome"))
    assert outcomes == {orphan.pk: "unknown", running.pk: "unknown", done.pk: "ok"}
    assert evidence.orphans_to_unknown(older_than_s=-60) == 0


def test_who_finishes_late_does_not_change_an_unknown_outcome(alice: User) -> None:
    call = start(alice)
    evidence.orphans_to_unknown(older_than_s=-60)
    assert not evidence.finish_call(call, outcome=Outcome.OK)
    assert ToolCall.objects.get(pk=call.pk).outcome == Outcome.UNKNOWN
