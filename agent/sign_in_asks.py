"""Calls, and picks, that wait until the person has signed in to a connector.

The sign-in itself is made on pages of connectors; here is kept what waits for it. One
answers all that wait for the same connector, in whatever conversation.
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
from connectors.models import GrantState, OAuthGrant, Status, UserMCPConnection

SIGNED_IN = "signed_in"


def ask(
    turn: Turn, *, call_key: str, connector_id: int, sealed: dict[str, Any]
) -> dict[str, Any]:
    """Store what waits for a sign-in; return what its card says. The turn is locked.

    A call can wait more than once: after its form, or as the server refuses again.
    """
    request = InputRequest.objects.filter(turn=turn, call_key=call_key).first()
    request = request or InputRequest(turn=turn, call_key=call_key)
    request.kind, request.schema = InputKind.URL, {}
    request.connector_id = connector_id
    request.state = ApprovalState.PENDING
    request.expires_at = timezone.now() + timedelta(seconds=settings.APPROVAL_TTL_S)
    request.request_state = sealed
    request.save()
    first_time = UserMCPConnection.objects.filter(
        pk=connector_id, status=Status.SIGN_IN
    )
    return {"input_id": request.pk, "is_again": not first_time.exists()}


def is_made(connector_id: int) -> bool:
    """Tell whether the sign-in is there already, with all that was asked for."""
    grants = OAuthGrant.objects.filter(
        connector=connector_id, state=GrantState.ACTIVE, wanted_scope=""
    )
    return grants.filter(connector__is_verified=True).exists()


def answer(*, user_id: int, connector_id: int) -> list[Turn]:
    """Take note that the person has signed in; return the turns that waited for it.

    A turn is queued by it if nothing else waits in it.
    """
    pending = InputRequest.objects.filter(
        connector_id=connector_id,
        state=ApprovalState.PENDING,
        turn__conversation__user=user_id,
        turn__state__in=[TurnState.RUNNING, TurnState.WAITING],
    )
    keys = list(pending.order_by("pk").values_list("pk", flat=True))
    answered = [turn for key in keys if (turn := _answer(key))]
    return list({turn.pk: turn for turn in answered}.values())


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
