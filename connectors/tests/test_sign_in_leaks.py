"""Tokens of a sign-in go to the server they belong to, and are seen nowhere else."""

import logging

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from structlog.testing import capture_logs

from accounts.models import User
from connectors import grants, manager, upkeep
from connectors.errors import SignInRequired
from connectors.models import ConnectionTest, OAuthGrant, ToolCall
from connectors.tests import granted, verbs
from demo.authority.running import RunningAuthority

pytestmark = pytest.mark.usefixtures("allow_loopback")


class Tokens:
    """Every token that there was."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def note(self, grant: OAuthGrant) -> None:
        held = granted.tokens_of(grant)
        self.seen |= {held["access_token"], held["refresh_token"]}

    def check(self, text: str) -> None:
        assert not [token for token in self.seen if token in text]


def journey(user: User, authority: RunningAuthority, tokens: Tokens) -> str:
    """Use a sign-in in every way that works or does not; return what was said."""
    grant = granted.signed_in(user, authority)
    assert grant.connector_id
    said: list[str] = []

    def call(tool: str) -> None:
        tokens.note(grant)
        try:
            verbs.call(user, grant.connector_id or 0, tool, {"title": "Rain"})
        except SignInRequired as error:
            said.append(f"{error!r} {error.message} {error.__context__!r}")
        tokens.note(grant)

    call("list_entries")
    call("add_entry")
    authority.expire_all()
    call("whoami")
    granted.end(grant)
    said.append(repr(async_to_sync(grants.bearer)(grant.pk)))
    tokens.note(grant)
    authority.switches.rotates = False
    for how in ("503", "html", "lost"):
        authority.switches.token_endpoint = how
        granted.end(grant)
        said.append(str(verbs.retest(user, grant.connector_id).result))
    authority.switches.token_endpoint = "works"
    async_to_sync(upkeep.refresh_grants)()
    call("whoami")
    authority.withdraw()
    call("whoami")
    said.append(repr(granted.reread(grant)))
    authority.switches.revocation = "fails"
    gone = async_to_sync(manager.remove)(
        user_id=user.pk, connector_id=grant.connector_id
    )
    said.append(repr(gone))
    return "\n".join(said)


def stored() -> str:
    """The whole database, as it is on the disk."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 — our own tables
            found.append(f"{table}: {cursor.fetchall()!r}")
    return "\n".join(found)


def test_no_token_is_in_a_log_an_error_or_a_row(
    alice: User, authority: RunningAuthority, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = Tokens()
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        said = journey(alice, authority, tokens)
    assert len(tokens.seen) >= 6
    for text in (said, str(logs), caplog.text, stored()):
        tokens.check(text)
    assert ToolCall.objects.count() >= 4
    assert {log["event"] for log in logs} >= {
        "oauth.refreshed", "oauth.failed", "oauth.sign_in_again"
    }  # fmt: skip
    assert not ConnectionTest.objects.filter(connector__isnull=False)
