"""One grant, several processes: one renewal at a time, and none lost."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction
from pytest_django import Settings

from accounts import tokens
from accounts.models import User
from config.tests.live import LiveServer
from connectors import grants, rotation
from connectors.errors import GrantWithdrawn
from connectors.models import GrantState, OAuthGrant, Outcome, Status, ToolCall
from connectors.tests import granted
from connectors.tests.processes import HOST, Rest, web_process
from connectors.tests.token_users import Users, many, users
from demo.authority.running import RunningAuthority

pytestmark = [
    pytest.mark.usefixtures("allow_loopback"),
    pytest.mark.django_db(transaction=True),
]

CALLERS = 16


@pytest.fixture(autouse=True)
def as_in_production(settings: Settings) -> None:
    # Without it a server refuses to start while it may reach loopback.
    settings.EGRESS_ALLOW_IN_PRODUCTION = True


@pytest.fixture
def grant(alice: User, authority: RunningAuthority) -> OAuthGrant:
    return granted.signed_in(alice, authority)


# --- Expiry ------------------------------------------------------------------


def expire(grant: OAuthGrant, authority: RunningAuthority) -> None:
    """Let the token have ended, here and there."""
    authority.expire_all()
    granted.end(grant)


def all_at_once(there: list[Users], what: str) -> set[str]:
    """Let every caller of every process ask; return the tokens that they got."""
    for process in there:
        process.begin(what)
    found = [process.result() for process in there]
    assert [one["errors"] for one in found] == [[] for _ in there]
    return {token for one in found for token in one["tokens"]}


def check_expiries(
    grant: OAuthGrant, authority: RunningAuthority, *, times: int
) -> None:
    """Let the token end `times` times; half of them nobody here knows of it."""
    with many(grant.pk, processes=2, callers=CALLERS) as there:
        all_at_once(there, "ended")
        assert granted.refreshes(authority) == []
        for number in range(times):
            is_noticed = number % 2 == 0
            if is_noticed:
                expire(grant, authority)
            else:
                authority.expire_all()
            got = all_at_once(there, "ended" if is_noticed else "refused")
            assert len(got) == 1
            assert authority.authority.access(got.pop())
    assert granted.refreshes(authority) == ["ok"] * times
    assert authority.reuses == 0
    assert granted.reread(grant).version == 1 + times


def test_of_many_callers_in_two_processes_one_renews(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    check_expiries(grant, authority, times=20)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_a_thousand_expiries_cost_a_thousand_renewals(
    grant: OAuthGrant, authority: RunningAuthority
) -> None:
    check_expiries(grant, authority, times=1000)


def test_calls_in_two_processes_go_on_over_each_expiry(
    alice: User, grant: OAuthGrant, authority: RunningAuthority
) -> None:
    _, token = tokens.issue(user=alice, name="test", scopes=None)
    path = f"/api/connectors/{grant.connector_id}/tools/whoami/call"
    times, callers = 3, 8
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(2 * callers))
        ports = [stack.enter_context(web_process()).port for _ in range(2)]

        def call(number: int) -> int:
            there = Rest(ports[number % 2], token)
            return there.send("POST", path, {"arguments": {}})[0]

        for _ in range(times):
            assert set(pool.map(call, range(2 * callers))) == {200}
            authority.expire_all()
    assert granted.refreshes(authority) == ["ok"] * (times - 1)
    assert authority.reuses == 0
    assert len(authority.mcp_calls) == times * 2 * callers
    assert ToolCall.objects.filter(outcome=Outcome.OK).count() == times * 2 * callers


def test_a_client_who_hangs_up_does_not_end_the_renewal(
    alice: User,
    grant: OAuthGrant,
    authority: RunningAuthority,
    live_server_asgi: LiveServer,
) -> None:
    _, token = tokens.issue(user=alice, name="test", scopes=None)
    path = f"/api/connectors/{grant.connector_id}/tools/whoami/call"
    expire(grant, authority)
    authority.switches.token_delay_s = 0.5
    with closing(HTTPConnection(HOST, live_server_asgi.port)) as client:
        headers = {"Authorization": f"Bearer {token}"}
        headers["Content-Type"] = "application/json"
        client.request("POST", path, '{"arguments": {}}', headers)
        granted.until(lambda: granted.refreshes(authority))
    granted.until(lambda: granted.reread(grant).version == 2)
    assert authority.authority.access(granted.token_of(grant))
    granted.until(lambda: not ToolCall.objects.filter(outcome=Outcome.STARTED))
    assert authority.mcp_calls == []


# --- kill -9 -----------------------------------------------------------------

LEASE_S = 2


@contextmanager
def nothing_is_written(grant: OAuthGrant) -> Iterator[None]:
    """Let nobody else write the row during the block."""
    if connection.vendor == "sqlite":
        name = connection.settings_dict["NAME"]
        with closing(sqlite3.connect(name, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        return
    with transaction.atomic():
        OAuthGrant.objects.select_for_update().get(pk=grant.pk)
        yield


def kill_before_it_stores(grant: OAuthGrant, authority: RunningAuthority) -> None:
    """Kill a process that has the new tokens, and has not stored them."""
    with users(grant.pk, callers=1, REFRESH_LEASE_S=str(LEASE_S)) as there:
        there.begin("ended")
        assert there.result()["errors"] == []
        expire(grant, authority)
        # Long enough to stop all writing between the question and the answer.
        authority.switches.token_delay_s = 0.5
        there.begin("ended")
        granted.until(lambda: granted.refreshes(authority))
        with nothing_is_written(grant):
            granted.until(lambda: granted.refreshes(authority) == ["ok"])
            there.kill()
    authority.switches.token_delay_s = 0
    row = granted.reread(grant)
    assert (row.state, row.version) == (GrantState.REFRESHING, 1)
    assert row.refresh_started_at is not None


def test_a_process_killed_before_it_stores_costs_nothing_where_tokens_stay(
    grant: OAuthGrant, authority: RunningAuthority, settings: Settings
) -> None:
    settings.REFRESH_LEASE_S = LEASE_S
    authority.switches.rotates = False
    kill_before_it_stores(grant, authority)
    found = async_to_sync(grants.bearer)(grant.pk)
    assert authority.authority.access(found.access_token)
    assert granted.refreshes(authority) == ["ok", "ok"]
    assert granted.reread(grant).state == GrantState.ACTIVE


def test_a_process_killed_before_it_stores_costs_one_grant_visibly(
    bob: User, grant: OAuthGrant, authority: RunningAuthority, settings: Settings
) -> None:
    settings.REFRESH_LEASE_S = LEASE_S
    other = granted.signed_in(bob, authority, account="grace")
    kill_before_it_stores(grant, authority)
    for _ in range(3):
        with pytest.raises(GrantWithdrawn):
            async_to_sync(grants.bearer)(grant.pk)
    # The token that was spent came once more, and then never again.
    assert granted.refreshes(authority) == ["ok", "invalid_grant"]
    assert authority.reuses == 1
    row = granted.connector_of(grant)
    assert (row.status, row.is_verified) == (Status.SIGN_IN_AGAIN, False)
    assert granted.reread(other).state == GrantState.ACTIVE


# --- Keys --------------------------------------------------------------------

K1, K2 = b"1" * 32, b"2" * 32


def test_keys_are_rotated_while_tokens_are_renewed(
    grant: OAuthGrant, authority: RunningAuthority, settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = {"k1": K1}
    granted.sign_in_again(grant, authority)
    # One process has the new list of keys already, one the old order.
    new, old = (
        granted.keyring({"k2": K2, "k1": K1}),
        granted.keyring({"k1": K1, "k2": K2}),
    )
    settings.ENCRYPTION_KEYS = {"k2": K2, "k1": K1}
    with (
        users(grant.pk, callers=2, ENCRYPTION_KEYS=new) as first,
        users(grant.pk, callers=2, ENCRYPTION_KEYS=old) as second,
    ):
        for _ in range(20):
            first.begin("renew")
            second.begin("renew")
            list(rotation.rotate(batch=1))
            for process in (first, second):
                assert process.result()["errors"] == []
    list(rotation.rotate())
    assert set(rotation.key_ids_in_use()) == {"k2"}
    assert authority.reuses == 0
    assert set(granted.refreshes(authority)) == {"ok"}
    settings.ENCRYPTION_KEYS = {"k2": K2}
    assert authority.authority.access(granted.token_of(grant))
