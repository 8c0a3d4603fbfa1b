"""Sign-ins while their connector is deleted, or their person leaves."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from pytest_django import Settings

from accounts import tokens
from accounts.models import User
from config.tests.live import LiveServer
from connectors import flows
from connectors.errors import ConnectorNotFound
from connectors.models import OAuthFlow, OAuthGrant, Status, UserMCPConnection
from connectors.tests import granted
from connectors.tests.processes import HOST
from connectors.tests.signing_in import (
    SESSION,
    connected,
    started,
)
from demo.authority.running import RunningAuthority

pytestmark = pytest.mark.usefixtures("allow_loopback")


@contextmanager
def before(statement: str, act: Callable[[], object]) -> Iterator[None]:
    """Let something happen just before a statement that has these words in it."""
    acted: list[bool] = []

    def hook(execute: Any, sql: str, params: Any, *rest: Any) -> Any:
        if not acted and statement in sql:
            acted.append(True)
            act()
        return execute(sql, params, *rest)

    with connection.execute_wrapper(hook):
        yield
    assert acted


@pytest.mark.django_db(transaction=True)
def test_what_is_deleted_while_its_services_are_asked_is_not_begun(
    alice: User, authority: RunningAuthority
):
    connector = connected(alice, authority)
    OAuthFlow.objects.all().delete()
    gone = UserMCPConnection.objects.filter(pk=connector.pk)
    looked_up = 'FROM "connectors_oauthclient"'
    with (
        before(looked_up, gone.delete),
        pytest.raises(ConnectorNotFound),
    ):
        started(alice, connector_id=connector.pk)
    assert not OAuthFlow.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_for_what_was_deleted_nobody_is_sent_to_sign_in_once_more(
    alice: User, authority: RunningAuthority
):
    connector = connected(alice, authority)
    begun = started(alice, connector_id=connector.pk)
    claimed = flows.claim(user_id=alice.pk, session_key=SESSION, state=begun.state)
    connector.delete()
    with pytest.raises(ConnectorNotFound):
        flows.ask_again(claimed, pending=claimed.pending)
    assert not OAuthFlow.objects.filter(pk=begun.flow_id).exists()


@pytest.mark.django_db(transaction=True)
def test_a_browser_that_hangs_up_or_loads_the_page_again_is_connected(
    alice: User,
    authority: RunningAuthority,
    settings: Settings,
    request: pytest.FixtureRequest,
):
    # Without it a server refuses to start while it may reach loopback.
    settings.EGRESS_ALLOW_IN_PRODUCTION = True
    server: LiveServer = request.getfixturevalue("live_server_asgi")
    _, token = tokens.issue(user=alice, name="test", scopes=None)
    begun = started(alice, authority.mcp_url, session_key="")
    back = urlsplit(authority.sign_in(begun.authorization_url))
    authority.switches.token_delay_s = 0.5
    with closing(HTTPConnection(HOST, server.port)) as browser:
        browser.request(
            "GET",
            f"{back.path}?{back.query}",
            headers={"Authorization": f"Bearer {token}"},
        )
        granted.until(lambda: authority.token_requests)
    granted.until(lambda: OAuthGrant.objects.exists())
    assert UserMCPConnection.objects.get().status == Status.READY


def test_pages_that_nobody_came_back_to_do_not_pile_up(alice: User, bob: User):
    kept: dict[str, Any] = {"server_url": "https://mcp.example/", "auth_config": None}
    theirs = flows.draft(user_id=bob.pk, kept=kept)
    first, *_, last = (
        flows.draft(user_id=alice.pk, kept=kept) for _ in range(flows.DRAFTS_KEPT + 1)
    )
    left = set(OAuthFlow.objects.values_list("pk", flat=True))
    assert len(left) == flows.DRAFTS_KEPT + 1
    assert first.pk not in left
    assert {last.pk, theirs.pk} <= left
