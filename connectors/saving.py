"""What is stored when a connector is added, edited, tested again or removed.

Each function is one transaction. Whoever takes a name, a slot or a URL locks the
person's row first, so that of two requests only one can take the last of them; the
unique constraints stand behind it.
"""

from collections.abc import Callable
from functools import wraps

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Value
from django.db.models.functions import Lower

from accounts.models import User
from connectors import evidence, health, proof, revocations, server_url
from connectors.errors import (
    ConnectorDisabled,
    ConnectorNotFound,
    DuplicateName,
    DuplicateUrl,
    LimitReached,
)
from connectors.models import (
    NAME_CHARS,
    AuthType,
    ConnectionTest,
    ConnectorQuerySet,
    Status,
    UserMCPConnection,
)
from connectors.revocations import Forgotten
from connectors.targets import Target
from connectors.validator import ValidationResult

log = structlog.get_logger(__name__)


class Superseded(Exception):
    """The connector was edited while its new URL or credentials were tested."""


def _again_if_raced[**P, T](transact: Callable[P, T]) -> Callable[P, T]:
    """Make it one transaction, which starts again if it lost a race.

    Only a writer who did not lock the person wins one. The second time the checks
    see what was written, and say what is taken.
    """

    @wraps(transact)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            with transaction.atomic():
                return transact(*args, **kwargs)
        except IntegrityError:
            with transaction.atomic():
                return transact(*args, **kwargs)

    return run


def check_room(
    *,
    user_id: int,
    url: str,
    name: str | None,
    allow_duplicate: bool,
    editing: UserMCPConnection | None = None,
) -> None:
    """Check that the person may have such a connector: limit, then URL, then name.

    Raises:
        LimitReached, DuplicateUrl, DuplicateName: in this order.
    """
    others = UserMCPConnection.objects.owned_by(user_id)
    if editing is None:
        _free_slot(others, user_id=user_id)
    else:
        others = others.exclude(pk=editing.pk)
    key = server_url.key(url)
    moves = editing is None or editing.url_key != key
    if moves and not allow_duplicate and _live(others).filter(url_key=key).exists():
        log.info("connector.duplicate", user_id=user_id)
        raise DuplicateUrl
    # As the constraint compares: `iexact` asks for upper case, which differs.
    same_name = others.alias(lower=Lower("name")).filter(lower=Lower(Value(name)))
    if name is not None and same_name.exists():
        raise DuplicateName


@_again_if_raced
def insert(
    *,
    user_id: int,
    name: str | None,
    description: str,
    target: Target,
    test: ConnectionTest,
    allow_duplicate: bool,
) -> UserMCPConnection:
    """Insert a tested connector in the lowest free slot, and link its test.

    Without a name it is called after its host.

    Raises:
        LimitReached, DuplicateUrl, DuplicateName: checked again, under the lock.
    """

    lock_person(user_id)
    check_room(
        user_id=user_id,
        url=target.server_url,
        name=name,
        allow_duplicate=allow_duplicate,
    )
    owned = UserMCPConnection.objects.owned_by(user_id)
    row = UserMCPConnection(
        user_id=user_id,
        slot=_free_slot(owned, user_id=user_id),
        name=name or free_name(owned, server_url.host(target.server_url)),
        description=description,
        allow_duplicate=allow_duplicate,
    )
    proof.aim(row, target)
    proof.fill(row, test)
    row.save()
    evidence.link_test(test_id=test.pk, connector_id=row.pk)
    return row


@_again_if_raced
def change(
    *,
    seen: UserMCPConnection,
    name: str | None,
    description: str | None,
    allow_duplicate: bool,
    target: Target | None,
    test: ConnectionTest | None,
) -> tuple[UserMCPConnection, str, Forgotten | None]:
    """Store an edit; return the connector, its status before, and a lost sign-in.

    None leaves a field as it is. A `target` comes with its successful `test` and
    replaces URL and credentials only if they still are what was `seen`.

    Raises:
        ConnectorNotFound: it was deleted meanwhile.
        ConnectorDisabled: an administrator removed it meanwhile.
        DuplicateUrl, DuplicateName: another one has them.
        Superseded: URL or credentials changed since `seen` was read.
    """

    lock_person(seen.user_id)
    row = locked(user_id=seen.user_id, connector_id=seen.pk)
    refuse_removed(row)
    check_room(
        user_id=row.user_id,
        url=(target or row).server_url,
        name=name,
        allow_duplicate=allow_duplicate,
        editing=row,
    )
    before, forgotten = row.status, None
    row.name = row.name if name is None else name
    row.description = row.description if description is None else description
    fields = {"name", "description"}
    if target is not None and test is not None:
        if not health.dials_as(row, seen):
            raise Superseded
        row.allow_duplicate = row.allow_duplicate or allow_duplicate
        if row.auth_type == AuthType.OAUTH != target.auth_type:
            forgotten = revocations.forget_of(row.pk)
        proof.aim(row, target)
        proof.fill(row, test)
        evidence.link_test(test_id=test.pk, connector_id=row.pk)
        fields |= {"allow_duplicate", *proof.TARGET_FIELDS, *proof.PROOF_FIELDS}
    row.save(update_fields=fields)
    return row, before, forgotten


@transaction.atomic
def switch(*, user_id: int, connector_id: int, is_active: bool) -> UserMCPConnection:
    """Pause or enable a connector.

    Raises:
        ConnectorNotFound, ConnectorDisabled: gone, or removed by an administrator.
    """
    row = locked(user_id=user_id, connector_id=connector_id)
    refuse_removed(row)
    row.is_active = is_active
    row.save(update_fields={"is_active"})
    return row


def apply_retest(
    *, seen: UserMCPConnection, target: Target, result: ValidationResult
) -> str:
    """Store a new test of a connector as it was `seen`; return the ticket.

    A success replaces the tools, a failure keeps them. If URL or credentials were
    edited meanwhile, the evidence is kept and the connector left alone.

    Raises:
        ConnectorNotFound: it was deleted meanwhile, and so is its evidence.
    """
    with transaction.atomic():
        row = locked(user_id=seen.user_id, connector_id=seen.pk)
        before = row.status
        _, ticket = proof.record(
            user_id=row.user_id, target=target, result=result, connector_id=row.pk
        )
        if row.status == Status.REMOVED_BY_ADMIN or not health.dials_as(row, seen):
            return ticket
        if result.success:
            proof.fill(row, result)
        elif not result.at_sign_in and (
            row.auth_type != AuthType.OAUTH or row.status != Status.SIGN_IN_AGAIN
        ):
            # Else its grant has said it already, or it says nothing of the server.
            health.failed(row, error_code=result.error_code or "")
        fields = proof.PROOF_FIELDS if result.success else health.HEALTH_FIELDS
        row.save(update_fields=fields)
    health.announce(row, before=before)
    return ticket


@transaction.atomic
def delete(*, user_id: int, connector_id: int) -> Forgotten | None:
    """Delete a connector with its tests; the evidence of its calls stays.

    Returns the sign-in that went with it.

    Raises:
        ConnectorNotFound: there is none.
    """
    row = locked(user_id=user_id, connector_id=connector_id)
    forgotten = revocations.forget_of(row.pk)
    row.delete()
    return forgotten


def refuse_removed(row: UserMCPConnection) -> None:
    """Raise if an administrator removed it: its owner can only delete it.

    Raises:
        ConnectorDisabled: it is so.
    """
    if row.status == Status.REMOVED_BY_ADMIN:
        raise ConnectorDisabled("An administrator removed this connector.")


def lock_person(user_id: int) -> None:
    """Let the person's other writers wait. SQLite has locked the whole file."""
    people = User.objects.select_for_update(no_key=True)
    people.only("pk").get(pk=user_id)


def locked(*, user_id: int, connector_id: int) -> UserMCPConnection:
    """Lock and return a connector of the person; call it in a transaction.

    Raises:
        ConnectorNotFound: there is none, or it is somebody else's.
    """
    owned = UserMCPConnection.objects.owned_by(user_id)
    row = owned.select_for_update().filter(pk=connector_id).first()
    if row is None:
        raise ConnectorNotFound
    return row


def _live(rows: ConnectorQuerySet) -> ConnectorQuerySet:
    return rows.filter(slot__isnull=False)


def _free_slot(owned: ConnectorQuerySet, *, user_id: int) -> int:
    """Return the lowest slot that is free.

    Raises:
        LimitReached: they have as many as they may have.
    """
    limit = settings.CONNECTOR_LIMIT
    taken = set(_live(owned).values_list("slot", flat=True))
    if len(taken) >= limit:
        log.info("connector.limit_reached", user_id=user_id)
        raise LimitReached(limit)
    return next(slot for slot in range(1, limit + 1) if slot not in taken)


def free_name(owned: ConnectorQuerySet, wanted: str) -> str:
    """Return `wanted`, or with a number behind it: no connector of `owned` has it."""
    taken = {name.lower() for name in owned.values_list("name", flat=True)}
    name, number = wanted[:NAME_CHARS], 1
    while name.lower() in taken:
        number += 1
        end = f"-{number}"
        name = wanted[: NAME_CHARS - len(end)] + end
    return name
