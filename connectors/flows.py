"""The rows of sign-ins that are under way, until the person has come back.

Each function is one transaction. A sign-in is found by the digest of its state, is
good for one person in one session, and is used once: of two callbacks at once, one
is told that it was used.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from connectors import saving, server_url
from connectors.auth import oauth
from connectors.auth.oauth import Pending
from connectors.client_identity import Identity
from connectors.errors import ConnectorNotFound, SignInFailed
from connectors.models import AuthType, OAuthFlow, OAuthGrant, UserMCPConnection

# How long a page that asks for permission can be come back to, and how many of them.
DRAFT_TTL = timedelta(days=1)
DRAFTS_KEPT = 50
ERROR_CHARS = 40
# What a stranger is told of every sign-in that is not theirs: nothing.
UNKNOWN = "This sign-in is not known here, or another one was begun after it."


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be signed in to; `issuer` and `scope` are of the grant there is.

    `is_second` tells that the person is signed in to the same server already.
    """

    flow: OAuthFlow
    server_url: str
    auth_config: dict[str, Any] | None = field(repr=False)
    issuer: str = ""
    scope: str = ""
    is_second: bool = False


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A sign-in that a callback came back to; nobody else can finish it any more.

    `server_url` is the server that it is for: its token goes nowhere else.
    `asked` counts how often the person was sent to sign in for this one end.
    """

    flow: OAuthFlow
    server_url: str
    pending: Pending = field(repr=False)
    identity: Identity = field(repr=False)
    asked: int


def draft(
    *, user_id: int, kept: Mapping[str, Any], connector_id: int | None = None
) -> OAuthFlow:
    """Store what is to become a connector when the person has signed in.

    With `connector_id` it is one already, and gets other client settings. Of those
    that nobody came back from, the oldest go.
    """
    flow = OAuthFlow.objects.create(
        # Nobody is told the state that this is the digest of.
        state_digest=digest(secrets.token_urlsafe(32)),
        user_id=user_id,
        connector_id=connector_id,
        draft=dict(kept),
        expires_at=timezone.now() + DRAFT_TTL,
    )
    unused = OAuthFlow.objects.filter(user_id=user_id, used_at=None).order_by("-pk")
    surplus = list(unused.values_list("pk", flat=True)[DRAFTS_KEPT:])
    OAuthFlow.objects.filter(pk__in=surplus).delete()
    return flow


def find(*, user_id: int, flow_id: int) -> OAuthFlow:
    """Return a sign-in of the person.

    Raises:
        ConnectorNotFound: there is none, or it is somebody else's.
    """
    flow = OAuthFlow.objects.filter(pk=flow_id, user_id=user_id).first()
    if flow is None:
        raise ConnectorNotFound("There is no such sign-in. Begin another one.")
    return flow


def wanted(*, user_id: int, connector_id: int | None, draft_id: int | None) -> Wanted:
    """Return what is to be signed in to: a connector, or what was prepared.

    Raises:
        ConnectorNotFound, ConnectorDisabled: gone, or removed by an administrator.
        SecretUnreadable: its client settings cannot be opened.
    """
    flow, kept = OAuthFlow(user_id=user_id), None
    if draft_id is not None:
        flow = find(user_id=user_id, flow_id=draft_id)
        connector_id = flow.connector_id
        kept = flow.draft.open() if flow.draft else None
        if kept and connector_id is None:
            return Wanted(
                flow=flow,
                server_url=kept["server_url"],
                auth_config=kept["auth_config"],
                is_second=_is_signed_in(user_id, kept["server_url"]),
            )
    row = connector(user_id=user_id, connector_id=connector_id or 0)
    saving.refuse_removed(row)
    flow.connector, grant = row, grant_of(row)
    return Wanted(
        flow=flow,
        server_url=row.server_url,
        auth_config=kept["auth_config"] if kept else client_settings(row),
        issuer=grant.issuer if grant else "",
        scope=_held(grant) if grant else "",
    )


def begin(
    wanted: Wanted,
    *,
    session_key: str,
    pending: Pending,
    identity: Identity,
    resume: dict[str, Any] | None,
) -> OAuthFlow:
    """Store that the person is sent to sign in; what was begun before is void.

    What was prepared is begun anew as often as they like.

    Raises:
        ConnectorNotFound, ConnectorDisabled: deleted, or removed meanwhile.
    """
    flow = wanted.flow
    flow.session_digest = digest(session_key) if session_key else ""
    flow.issuer, flow.redirect_uri = pending.server.issuer, pending.redirect_uri
    flow.resource, flow.resume = pending.resource, resume
    return _begin(flow, wanted.server_url, pending, identity, asked=1)


def ask_again(begun: Begun, *, pending: Pending) -> OAuthFlow:
    """Store that the person is sent once more, for the same end.

    Raises:
        ConnectorNotFound, ConnectorDisabled: as `begin`.
    """
    return _begin(
        begun.flow, begun.server_url, pending, begun.identity, asked=begun.asked + 1
    )


@transaction.atomic
def _begin(
    flow: OAuthFlow,
    url: str,
    pending: Pending,
    identity: Identity,
    *,
    asked: int,
) -> OAuthFlow:
    if flow.connector_id is not None:
        # It may have been deleted while its services were asked.
        row = saving.locked(user_id=flow.user_id, connector_id=flow.connector_id)
        saving.refuse_removed(row)
    flow.state_digest, flow.scope = digest(pending.state), pending.scope
    flow.verifier = {
        **pending.stored(),
        **identity.stored(),
        "server_url": url,
        "asked": asked,
    }
    flow.error, flow.used_at = "", None
    flow.expires_at = timezone.now() + timedelta(seconds=settings.OAUTH_FLOW_TTL_S)
    flow.save()
    if flow.connector_id is not None or flow.system_tool:
        same = {"connector": flow.connector_id, "system_tool": flow.system_tool}
        older = OAuthFlow.objects.filter(user=flow.user_id, used_at=None, **same)
        older.exclude(pk=flow.pk).delete()
    return flow


def claim(*, user_id: int, session_key: str, state: str) -> Begun:
    """Take the sign-in that `state` belongs to, once.

    Raises:
        SignInFailed: it is unknown, another person's or another session's (all
            three are `invalid_state`), `used`, or `expired`.
    """
    flow = OAuthFlow.objects.filter(state_digest=digest(state)).first()
    if flow is None or flow.user_id != user_id:
        raise SignInFailed(UNKNOWN, reason="invalid_state")
    if flow.session_digest and flow.session_digest != digest(session_key):
        raise SignInFailed(UNKNOWN, reason="invalid_state")
    now = timezone.now()
    unused = OAuthFlow.objects.filter(
        pk=flow.pk, state_digest=flow.state_digest, used_at=None
    )
    if flow.used_at is None and flow.expires_at <= now:
        unused.update(error="expired")
        raise _refused(flow, "This sign-in took too long.", reason="expired")
    # The condition is part of the update: of two callbacks one succeeds.
    if not unused.update(used_at=now) or flow.verifier is None:
        raise _refused(flow, "This sign-in was finished already.", reason="used")
    kept = flow.verifier.open()
    return Begun(
        flow=flow,
        server_url=str(kept["server_url"]),
        pending=Pending.of(kept),
        identity=Identity.of(kept),
        asked=int(kept["asked"]),
    )


def end(begun: Begun, *, failure: SignInFailed) -> None:
    """Store how a sign-in failed, unless it was begun anew meanwhile."""
    error = f"{failure.reason} {failure.test_code}".strip()
    _same(begun).update(error=error[:ERROR_CHARS], verifier=None)


def connector(*, user_id: int, connector_id: int) -> UserMCPConnection:
    """Return a connector of the person.

    Raises:
        ConnectorNotFound: there is none, or it is somebody else's.
    """
    owned = UserMCPConnection.objects.owned_by(user_id)
    row = owned.filter(pk=connector_id).first()
    if row is None:
        raise ConnectorNotFound
    return row


def client_settings(row: UserMCPConnection | None) -> dict[str, Any] | None:
    """Return the client that was entered for a connector, if one was.

    Raises:
        SecretUnreadable: it cannot be opened.
    """
    if row is None or row.auth_type != AuthType.OAUTH or row.auth_config is None:
        return None
    return row.auth_config.open()


def grant_of(connector: UserMCPConnection) -> OAuthGrant | None:
    return OAuthGrant.objects.filter(connector=connector).first()


def prune() -> None:
    """Delete sign-ins that nobody comes back to."""
    OAuthFlow.objects.filter(expires_at__lt=timezone.now() - DRAFT_TTL).delete()


def succeed(begun: Begun, row: UserMCPConnection | None) -> None:
    """Store what a sign-in led to, and forget what only it needed."""
    _same(begun).update(connector=row, draft=None, verifier=None, error="")


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _is_signed_in(user_id: int, url: str) -> bool:
    owned = UserMCPConnection.objects.owned_by(user_id)
    key = server_url.key(url)
    return owned.filter(url_key=key, grant__isnull=False).exists()


def _refused(flow: OAuthFlow, detail: str, *, reason: str) -> SignInFailed:
    failure = SignInFailed(detail, reason=reason)
    failure.flow_id, failure.system_tool = flow.pk, flow.system_tool
    return failure


def _same(begun: Begun) -> QuerySet[OAuthFlow]:
    flow = begun.flow
    return OAuthFlow.objects.filter(pk=flow.pk, state_digest=flow.state_digest)


def _held(grant: OAuthGrant) -> str:
    """Return what the next sign-in asks for beside what the server names.

    Some providers list what they granted with commas, which no request may have.
    """
    scope = oauth.union(grant.scope, grant.wanted_scope)
    return " ".join(one for one in scope.split() if "," not in one)
