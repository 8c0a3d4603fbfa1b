"""What a sign-in leads to: a connector and its grant, in one transaction."""

from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from connectors import client_identity, flows, grants, health, proof, saving, server_url
from connectors.auth.oauth import Pending, Tokens
from connectors.client_identity import Identity
from connectors.errors import SignInFailed
from connectors.flows import Begun
from connectors.models import (
    AuthType,
    ConnectorQuerySet,
    GrantState,
    OAuthGrant,
    Status,
    UserMCPConnection,
)
from connectors.targets import Target
from connectors.text import clean
from connectors.validator import ValidationResult


@dataclass(frozen=True, kw_only=True)
class Granted:
    """What a sign-in led to, and what the connection test said about it."""

    pending: Pending = field(repr=False)
    identity: Identity = field(repr=False)
    tokens: Tokens = field(repr=False)
    label: str
    target: Target
    result: ValidationResult


@transaction.atomic
def add(begun: Begun, granted: Granted) -> UserMCPConnection:
    """Save a new connector together with its grant.

    Raises:
        LimitReached: they have as many connectors as they may have.
    """
    flow = begun.flow
    saving.lock_person(flow.user_id)
    kept = flow.draft.open() if flow.draft else {}
    test, _ = proof.record(
        user_id=flow.user_id, target=granted.target, result=granted.result
    )
    row = saving.insert(
        user_id=flow.user_id,
        name=_name(flow.user_id, kept, granted),
        description=kept.get("description", ""),
        target=granted.target,
        test=test,
        allow_duplicate=True,
    )
    _store(flow.user_id, row, granted)
    flows.succeed(begun, row)
    return row


@transaction.atomic
def renew(begun: Begun, granted: Granted, *, connector_id: int) -> UserMCPConnection:
    """Store a new grant of a connector; its state becomes what the test says.

    Raises:
        ConnectorNotFound, ConnectorDisabled: deleted, or removed meanwhile.
        SignInFailed: it is another server now.
    """
    user_id, result = begun.flow.user_id, granted.result
    row = saving.locked(user_id=user_id, connector_id=connector_id)
    saving.refuse_removed(row)
    refuse_moved(row, begun)
    before = row.status
    proof.record(
        user_id=user_id,
        target=granted.target,
        result=result,
        connector_id=connector_id,
    )
    proof.aim(row, granted.target)
    if result.success:
        proof.fill(row, result)
    else:
        health.failed(row, error_code=result.error_code or "")
    row.save(update_fields=[*proof.TARGET_FIELDS, *proof.PROOF_FIELDS])
    grant = _store(user_id, row, granted)
    if result.error_code == "AUTH_FAILED":
        grant.state, grant.fresh_rejected = GrantState.SIGN_IN_AGAIN, True
        grant.save(update_fields=["state", "fresh_rejected", "updated_at"])
    if result.success:
        flows.succeed(begun, row)
    transaction.on_commit(lambda: health.announce(row, before=before))
    return row


def refuse_moved(row: UserMCPConnection, begun: Begun) -> None:
    """Refuse a connector that is not at the server which the sign-in is for.

    Its URL may have been edited while the person was at the provider: the token of
    one server must not be sent to another one.

    Raises:
        SignInFailed: connector_changed.
    """
    if server_url.key(row.server_url) != server_url.key(begun.server_url):
        raise SignInFailed(
            "The connector was moved to another address meanwhile.",
            reason="connector_changed",
        )


def same_account(
    *, user_id: int, url: str, issuer: str, label: str
) -> UserMCPConnection | None:
    """Return the person's connector to `url` that is signed in as `label` already."""
    if not label:
        return None
    return (
        _at(user_id, url)
        .filter(grant__issuer=issuer, grant__account_label=label)
        .first()
    )


def _store(user_id: int, connector: UserMCPConnection, granted: Granted) -> OAuthGrant:
    pending = granted.pending
    return grants.store(
        user_id=user_id,
        connector_id=connector.pk,
        pending=pending,
        client=client_identity.keep(
            granted.identity, issuer=pending.server.issuer, connector=connector
        ),
        tokens=granted.tokens,
        label=granted.label,
    )


def _name(user_id: int, kept: dict[str, Any], granted: Granted) -> str:
    """Return a free name: the person's, or one with the account behind it."""
    owned = UserMCPConnection.objects.owned_by(user_id)
    url, label = granted.target.server_url, granted.label
    name = kept.get("name", "")
    if not name:
        said = clean(granted.result.server_info.get("name", ""), limit=60)
        name = kept.get("suggested_name") or said or server_url.host(url)
        if label and _at(user_id, url).exists():
            name = f"{name[:60]} ({label[:35]})"
    return saving.free_name(owned, name)


def _at(user_id: int, url: str) -> ConnectorQuerySet:
    owned = UserMCPConnection.objects.owned_by(user_id)
    return owned.filter(
        url_key=server_url.key(url), auth_type=AuthType.OAUTH, slot__isnull=False
    ).exclude(status=Status.REMOVED_BY_ADMIN)
