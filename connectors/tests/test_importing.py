"""Several servers at once: tested side by side, saved each for itself."""

import json
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from connectors import importing, importing_file
from connectors.importing import Candidate, Outcome, Room
from connectors.importing_rows import Row
from connectors.models import ConnectionTest, UserMCPConnection
from connectors.tests import rows
from connectors.tests.gate import gate
from demo.fixtures import DemoServer
from demo.hostile import Hostile


def read(*urls: str, **named: Any) -> list[Row]:
    """Return the rows of a file with these servers."""
    entries = {f"s{n}": {"url": url} for n, url in enumerate(urls)} | named
    return list(importing_file.read(json.dumps({"servers": entries})).rows)


def candidates(*urls: str, **named: Any) -> list[Candidate]:
    return [Candidate(row=row, name=row.name) for row in read(*urls, **named)]


def outcomes_of(user: User, given: Sequence[Candidate]) -> list[Outcome]:
    """Test them; return what ended, by their order in the file."""

    async def run() -> list[Outcome]:
        outcomes = importing.testing(user_id=user.pk, candidates=given)
        async with aclosing(outcomes):
            return [one async for one in outcomes if one.is_final]

    return sorted(async_to_sync(run)(), key=lambda outcome: outcome.number)


def save(user: User, given: Sequence[Candidate]) -> list[Outcome]:
    return async_to_sync(importing.save)(user_id=user.pk, candidates=given)


def look_up(user: User, given: Sequence[Row]) -> Room:
    return importing.look_up(user_id=user.pk, rows=given)


def code(outcome: Outcome) -> str | None:
    if outcome.problem is not None:
        return outcome.problem.code
    return outcome.report.result.error_code if outcome.report else None


# --- Room --------------------------------------------------------------------


def test_names_are_free_ones_and_urls_that_one_has_are_named(alice: User):
    mine = rows.connector(alice, name="Linear", server_url="https://a.example/mcp/")
    given = read(
        Linear={"url": "https://b.example/mcp"},
        Other={"url": "https://a.example/mcp"},
        other={"url": "https://b.example/mcp"},
    )
    room = look_up(alice, given)
    assert room.names == {0: "Linear 2", 1: "Other", 2: "other 2"}
    assert room.twins == {1: mine.name, 2: "Linear 2"}
    assert room.left == 9


def test_what_others_have_takes_no_room(alice: User, bob: User):
    rows.connector(bob, name="Linear", server_url="https://a.example/mcp")
    room = look_up(alice, read(Linear={"url": "https://a.example/mcp"}))
    assert room == Room(names={0: "Linear"}, twins={}, left=10)


# --- Tests -------------------------------------------------------------------


def test_one_bad_server_costs_the_others_nothing(alice: User, peer: Hostile):
    paths = ("good", "500", "html", "401", "good")
    outcomes = outcomes_of(alice, candidates(*map(peer.url, paths)))
    assert [code(one) for one in outcomes] == [
        None,
        "SERVER_ERROR",
        "INVALID_MCP_SERVER",
        "AUTH_REQUIRED",
        None,
    ]
    assert [bool(one.ticket) for one in outcomes] == [True, False, False, False, True]
    assert not UserMCPConnection.objects.exists()


def test_some_are_tested_at_once(alice: User, allow_loopback: None):
    with gate("tools/list") as server:
        given = candidates(*[f"{server.url}?n={n}" for n in range(3)])

        async def run() -> list[Outcome]:
            outcomes = importing.testing(user_id=alice.pk, candidates=given)
            async with aclosing(outcomes):
                begun = [await anext(outcomes) for _ in given]
                assert not any(one.is_final for one in begun)
                for _ in given:
                    await server.reached()
                server.open()
                return [one async for one in outcomes]

        assert all(one.ticket for one in async_to_sync(run)())


def test_who_gives_up_dials_nobody_any_more(alice: User, allow_loopback: None):
    with gate("tools/list") as server:
        many = importing.AT_ONCE + 3
        given = candidates(*[f"{server.url}?n={n}" for n in range(many)])

        async def run() -> None:
            outcomes = importing.testing(user_id=alice.pk, candidates=given)
            async with aclosing(outcomes):
                await anext(outcomes)
                await server.reached()

        async_to_sync(run)()
        server.open()
        assert not ConnectionTest.objects.exists()
        # What was on its way may still arrive; who waited for a place is not dialled.
        assert 0 < len(server.targets) <= importing.AT_ONCE


def test_what_the_file_left_out_is_asked_for_and_nobody_is_dialled(
    alice: User, peer: Hostile
):
    headers = {"X-Key": "${KEY}"}
    [one] = candidates(a={"url": peer.url("good"), "headers": headers})
    [outcome] = outcomes_of(alice, [one])
    assert code(outcome) == "INVALID_INPUT"
    assert outcome.problem is not None
    assert "X-Key" in outcome.problem.message
    assert peer.seen("good").requests == 0


def test_after_too_many_tests_the_rest_wait_and_say_so(
    alice: User, peer: Hostile, settings: Settings
):
    settings.TESTS_PER_MINUTE = 2
    outcomes = outcomes_of(alice, candidates(*[peer.url("good")] * 3))
    assert [code(one) for one in outcomes].count("TOO_MANY_REQUESTS") == 1


# --- Saving ------------------------------------------------------------------


def test_those_that_work_are_saved_and_the_others_say_why(alice: User, peer: Hostile):
    paths = ("good", "500")
    outcomes = save(alice, candidates(*map(peer.url, paths)))
    assert [code(one) for one in outcomes] == [None, "SERVER_ERROR"]
    assert outcomes[0].connector == UserMCPConnection.objects.get()


def test_what_was_tested_is_not_tested_again(alice: User, peer: Hostile):
    [one] = candidates(peer.url("good"))
    [outcome] = outcomes_of(alice, [one])
    before = peer.seen("good").requests
    [saved] = save(alice, [replace(one, ticket=outcome.ticket)])
    assert saved.connector is not None
    assert peer.seen("good").requests == before


def test_a_secret_of_the_file_is_sealed(
    alice: User, token_server: DemoServer, allow_loopback: None
):
    headers = {"Authorization": f"Bearer {token_server.token}"}
    save(alice, candidates(rel={"url": token_server.url, "headers": headers}))
    row = UserMCPConnection.objects.get()
    assert row.auth_config is not None
    assert row.auth_config.open() == {"token": token_server.token}
    assert token_server.token not in str(UserMCPConnection.objects.values())


def test_the_limit_holds_row_by_row(alice: User, peer: Hostile, settings: Settings):
    settings.CONNECTOR_LIMIT = 2
    given = [
        replace(one, is_second=True) for one in candidates(*[peer.url("good")] * 3)
    ]
    outcomes = save(alice, given)
    assert [code(one) for one in outcomes] == [None, None, "CONNECTOR_LIMIT_REACHED"]
    assert UserMCPConnection.objects.count() == 2


def test_at_the_limit_nobody_is_dialled(alice: User, peer: Hostile, settings: Settings):
    settings.CONNECTOR_LIMIT = 0
    [outcome] = save(alice, candidates(peer.url("good")))
    assert code(outcome) == "CONNECTOR_LIMIT_REACHED"
    assert peer.seen("good").requests == 0


def test_a_second_one_with_a_url_is_saved_only_if_it_is_meant(
    alice: User, peer: Hostile
):
    first, second = candidates(*[peer.url("good")] * 2)
    outcomes = save(alice, [first, second])
    assert [code(one) for one in outcomes] == [None, "DUPLICATE_URL"]
    assert code(save(alice, [replace(second, is_second=True)])[0]) is None


@pytest.mark.parametrize("name", ["S0", "s0"])
def test_a_name_that_is_taken_is_refused(alice: User, peer: Hostile, name: str):
    rows.connector(alice, name="s0")
    [one] = candidates(peer.url("good"))
    assert code(save(alice, [replace(one, name=name)])[0]) == "DUPLICATE_NAME"


def test_what_was_imported_is_told_by_numbers(alice: User, peer: Hostile):
    with capture_logs() as told:
        save(alice, candidates(peer.url("good"), peer.url("500")))
    [event] = [one for one in told if one["event"] == "import.done"]
    assert (event["saved"], event["failed"]) == (1, 1)
    assert peer.url("good") not in str(event)
