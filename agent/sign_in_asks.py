"""Calls, and picks, that wait until the person has signed in somewhere.

To a connector or to a system tool, which `source` and `ref` name as in `Subject`. The
sign-in itself is made on pages of their rooms; here is kept what waits for it. One
answers all that wait for the same, in whatever conversation.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agent import endings, turns
from agent.errors import TurnNotFound
from agent.journal import append
from agent.models import ApprovalState, InputKind, InputRequest, Turn, TurnState
from agent.questions import is_open, lock_turn_of
from connectors import permissions
from connectors.models import (
    GrantState,
    OAuthGrant,
    Source,
    Status,
    UserMCPConnection,
)

SIGNED_IN = "signed_in"


def ask(
    turn: Turn, *, call_key: str, source: str, ref: str, sealed: dict[str, Any]
) -> dict[str, Any]:
    """Store what waits for a sign-in; return what its card says. The turn is locked.

    A call can wait more than once: after its form, or as the server refuses again.
    """
    request = InputRequest.objects.filter(turn=turn, call_key=call_key).first()
    request = request or InputRequest(turn=turn, call_key=call_key)
    request.kind, request.schema = InputKind.URL, {}
    for name, value in _where(source, ref).items():
        setattr(request, name, value)
    request.state = ApprovalState.PENDING
    request.expires_at = timezone.now() + timedelta(seconds=settings.APPROVAL_TTL_S)
    request.request_state = sealed
    request.save()
    user_id = turn.conversation.user_id
    more = _more(user_id, source, ref)
    is_again = _was_made(user_id, source, ref)
    return {"input_id": request.pk, "is_again": is_again, **more}


def _more(user_id: int, source: str, ref: str) -> dict[str, Any]:
    """Return which permissions are missing where the sign-in itself is good.

    In words, as far as they can be read; what the server calls them is in its reason.
    """
    grants = OAuthGrant.objects.filter(
        user=user_id, state=GrantState.ACTIVE, **_grant_of(source, ref)
    )
    if source == Source.CONNECTOR:
        grants = grants.filter(connector__is_verified=True)
    grant = grants.first()
    if grant is None:
        return {"needs_more": 0, "permissions": []}
    wanted = permissions.of(grant.wanted_scope)
    known = [one.words for one in wanted if one.kind != permissions.Kind.UNKNOWN]
    return {"needs_more": max(1, len(wanted)), "permissions": known}


def is_made(*, user_id: int, source: str, ref: str) -> bool:
    """Tell whether the sign-in is there already, with all that was asked for."""
    grants = OAuthGrant.objects.filter(
        user=user_id, state=GrantState.ACTIVE, wanted_scope="", **_grant_of(source, ref)
    )
    if source == Source.CONNECTOR:
        grants = grants.filter(connector__is_verified=True)
    return grants.exists()


def answer(*, user_id: int, source: str, ref: str) -> list[Turn]:
    """Take note that the person has signed in; return the turns that waited for it.

    A turn is queued by it if nothing else waits in it.
    """
    pending = InputRequest.objects.filter(
        state=ApprovalState.PENDING,
        turn__conversation__user=user_id,
        turn__state__in=[TurnState.RUNNING, TurnState.WAITING],
        **_where(source, ref),
    )
    keys = list(pending.order_by("pk").values_list("pk", flat=True))
    answered = [turn for key in keys if (turn := _answer(key))]
    return list({turn.pk: turn for turn in answered}.values())


def _where(source: str, ref: str) -> dict[str, Any]:
    """Return the columns that say where to sign in."""
    if source == Source.SYSTEM:
        return {"connector_id": None, "system_tool": ref}
    return {"connector_id": int(ref), "system_tool": ""}


def _grant_of(source: str, ref: str) -> dict[str, Any]:
    is_system = source == Source.SYSTEM
    return {"system_tool": ref} if is_system else {"connector": int(ref)}


def _was_made(user_id: int, source: str, ref: str) -> bool:
    """Tell whether the person had signed in there before."""
    if source == Source.SYSTEM:
        mine = OAuthGrant.objects.filter(user=user_id, **_grant_of(source, ref))
        return mine.exists()
    never = UserMCPConnection.objects.filter(pk=int(ref), status=Status.SIGN_IN)
    return not never.exists()


@transaction.atomic
def _answer(input_id: int) -> Turn | None:
    found = InputRequest.objects.filter(pk=input_id)
    try:
        turn = lock_turn_of(found)
    except TurnNotFound:
        return None
    request = found.get()
    # Looked at again under the lock: it may have been declined or overtaken.
    if not is_open(turn, state=request.state, until=request.expires_at):
        return None
    request.state = ApprovalState.ALLOWED
    request.save(update_fields=["state", "updated_at"])
    append(turn, "input", {"id": request.call_key, "decision": SIGNED_IN})
    turns.resume(turn)
    endings.store_answer(turn)
    return turn
