"""What a test or a call says about a connector: its status, verified or not.

One rule for both, so that the list, the agent and every other user of a connector
agree. A result is applied only to what was dialled: the row is locked and compared
with the connector as it was read before the dial, so that a slow answer neither
overwrites newer credentials nor brings a deleted connector back.
"""

import structlog
from django.db import transaction
from django.utils import timezone

from connectors.errors import (
    HELP_ANEW,
    REFUSED_ANEW,
    ConnectorDisabled,
    InvalidMcpServer,
    SecretUnreadable,
    SignInRequired,
)
from connectors.models import AuthType, OAuthGrant, Status, UserMCPConnection
from connectors.text import clean

log = structlog.get_logger(__name__)

# The code of a failed test or call -> the status that it leads to. A code that is
# not here (OUTCOME_UNKNOWN) counts as a failure and changes nothing else.
STATUS_AFTER = {
    "AUTH_FAILED": Status.SIGN_IN_AGAIN,
    "CONNECTION_FAILED": Status.UNREACHABLE,
    "TIMEOUT": Status.UNREACHABLE,
    "INVALID_URL": Status.UNREACHABLE,
    "SERVER_ERROR": Status.SERVER_ERROR,
    "RESPONSE_TOO_LARGE": Status.SERVER_ERROR,
    "INVALID_MCP_SERVER": Status.NOT_MCP,
    "SECRET_UNREADABLE": Status.SECRET_UNREADABLE,
}
# The conclusive ones: they disprove the URL or the credentials. A server that is
# merely down proves nothing, and its tools must not vanish for that.
DISPROVED_BY = {
    "AUTH_REQUIRED",
    "AUTH_FAILED",
    "INVALID_MCP_SERVER",
    "SECRET_UNREADABLE",
}
FAILING_AT = 3
WANTED_SHOWN = 200

HEALTH_FIELDS = (
    "status",
    "is_verified",
    "last_error_code",
    "consecutive_failures",
    "last_verified_at",
    "updated_at",
)


def succeeded(row: UserMCPConnection, *, warning: str = "") -> None:
    """Set on `row` that its URL and credentials were just proved; does not save."""
    if row.status != Status.REVIEW:
        row.status = Status.READY
    row.is_verified = True
    row.last_error_code = warning
    row.consecutive_failures = 0
    row.last_verified_at = timezone.now()


def failed(row: UserMCPConnection, *, error_code: str) -> None:
    """Set on `row` what a failure with `error_code` means; does not save."""
    row.consecutive_failures += 1
    if status := _status_after(row, error_code):
        row.status = status
        row.last_error_code = error_code
    if error_code in DISPROVED_BY:
        row.is_verified = False


def refuse_unusable(row: UserMCPConnection) -> None:
    """Refuse a connector that is switched off, or whose last proof failed.

    One that is merely unreachable or failing is tried: it may be back.

    Raises:
        ConnectorDisabled, SecretUnreadable, InvalidMcpServer, SignInRequired.
    """
    if row.status == Status.REMOVED_BY_ADMIN:
        raise ConnectorDisabled("An administrator removed this row.")
    if not row.is_active or row.status == Status.PAUSED_AUTO:
        raise ConnectorDisabled
    if row.is_verified:
        return
    if row.status == Status.SECRET_UNREADABLE:
        raise SecretUnreadable
    if row.status == Status.NOT_MCP:
        raise InvalidMcpServer("The last test found that. Test it again.")
    raise SignInRequired(connector_id=_by_oauth(row))


def sign_in_required(
    row: UserMCPConnection, *, wanted: str | None = None
) -> SignInRequired:
    """Return what tells the person to sign in; `wanted` is a scope that is missing."""
    message = ""
    if row.auth_type == AuthType.OAUTH and wanted is not None:
        named = clean(wanted, limit=WANTED_SHOWN)
        needs = f"the permission {named}" if named else "a permission"
        message = f"This tool needs {needs} that you did not give yet. Sign in again."
    elif OAuthGrant.objects.filter(connector_id=row.pk, fresh_rejected=True).exists():
        message = f"{REFUSED_ANEW} {HELP_ANEW}"
    return SignInRequired(message, connector_id=_by_oauth(row))


def lock_if_same(seen: UserMCPConnection) -> UserMCPConnection | None:
    """Lock and return the row of `seen`, if it still dials the same with the same.

    Call it in a transaction. None: deleted, removed, or edited since `seen` was read.
    """
    row = UserMCPConnection.objects.select_for_update().filter(pk=seen.pk).first()
    if row is None or row.status == Status.REMOVED_BY_ADMIN:
        return None
    return row if dials_as(row, seen) else None


def dials_as(row: UserMCPConnection, other: UserMCPConnection) -> bool:
    """Tell whether both rows dial the same URL with the same credentials."""
    return (
        row.server_url == other.server_url
        and row.auth_type == other.auth_type
        and _secret(row) == _secret(other)
    )


def settle(
    seen: UserMCPConnection, *, error_code: str = "", used: bool = False
) -> None:
    """Store what one use of the connector, as it was `seen`, says about it."""
    if not error_code and _still_well(seen):
        return
    with transaction.atomic():
        row = lock_if_same(seen)
        if row is None:
            return
        before = row.status
        if error_code:
            failed(row, error_code=error_code)
        else:
            succeeded(row)
        if used:
            row.last_used_at = timezone.now()
        row.save(update_fields=[*HEALTH_FIELDS, "last_used_at"])
    announce(row, before=before)


def announce(row: UserMCPConnection, *, before: str) -> None:
    """Log the change of status and the third failure in a row."""
    ids = {"user_id": row.user_id, "connector_id": row.pk}
    if row.status != before:
        log.info(
            "connector.status_changed",
            **ids,
            status=str(row.status),
            error_code=row.last_error_code or None,
        )
    if row.consecutive_failures == FAILING_AT:
        log.warning("connector.failing", **ids, error_code=row.last_error_code or None)


def _still_well(seen: UserMCPConnection) -> bool:
    """Note the success of a connector that was well and is as it was `seen`.

    Nearly every call ends here: one statement, no lock. Whoever edits a row saves
    it, so the same `updated_at` means the same URL and credentials.
    """
    now = timezone.now()
    return bool(
        UserMCPConnection.objects.filter(
            pk=seen.pk,
            updated_at=seen.updated_at,
            status=Status.READY,
            is_verified=True,
            consecutive_failures=0,
        ).update(last_used_at=now, last_verified_at=now)
    )


def _status_after(row: UserMCPConnection, error_code: str) -> Status | None:
    if error_code != "AUTH_REQUIRED":
        return STATUS_AFTER.get(error_code)
    # "Sign in" before the first success with credentials, "sign in again" after.
    signed_in = row.auth_type != AuthType.NONE and row.last_verified_at is not None
    return Status.SIGN_IN_AGAIN if signed_in else Status.SIGN_IN


def _by_oauth(row: UserMCPConnection) -> int | None:
    return row.pk if row.auth_type == AuthType.OAUTH else None


def _secret(row: UserMCPConnection) -> object:
    """Return what to compare of the credentials; a rotated key changes nothing."""
    if row.auth_config is None:
        return None
    try:
        return row.auth_config.open()
    except SecretUnreadable:
        return "unreadable"
