"""Calls that wait for values that only the person can give: the form of a tool.

Values that a person filled in and sent are their word for the call, too. Whatever the
person is asked to give, they can say no.
"""

from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agent import endings, turns
from agent.errors import InputClosed
from agent.journal import append
from agent.models import ApprovalState, InputKind, InputRequest, Turn
from agent.questions import Subject, open_input
from connectors import pools, schema_check
from connectors.text import clean_json


def ask(
    turn: Turn,
    *,
    call_key: str,
    subject: Subject,
    arguments: dict[str, Any],
    schema: dict[str, Any],
) -> InputRequest:
    """Store a call that needs values from the person; the turn is locked."""
    request = InputRequest(
        turn=turn,
        call_key=call_key,
        schema=clean_json(schema),
        expires_at=timezone.now() + timedelta(seconds=settings.APPROVAL_TTL_S),
    )
    request.request_state = subject.sealed(arguments)
    request.save()
    return request


async def submit(*, user_id: int, input_id: int, arguments: dict[str, Any]) -> Turn:
    """Take what the person filled in; return the turn, queued if nothing waits.

    Raises:
        TurnNotFound: there is no such form, or it is another person's.
        InputClosed: it was sent, overtaken, or has expired.
        InvalidInput: the values do not fit; the form stays open.
        TooManyRequests: too much at once.
    """
    arguments = clean_json(arguments)
    schema = await sync_to_async(_schema)(user_id, input_id)
    await pools.release_db()
    await schema_check.check_arguments(schema=schema, arguments=arguments)
    return await sync_to_async(_store)(user_id, input_id, arguments)


def decline(*, user_id: int, input_id: int) -> Turn:
    """Take the person's no: to a form, a sign-in or a question; return the turn.

    Raises:
        TurnNotFound: there is no such question, or it is another person's.
        InputClosed: it was answered, overtaken, or has expired.
    """
    with transaction.atomic():
        turn, request = open_input(user_id, input_id)
        state = request.state = ApprovalState.DECLINED
        request.save(update_fields=["state", "updated_at"])
        append(turn, "input", endings.not_run(request.call_key, state, state))
        turns.resume(turn)
        endings.store_answer(turn)
    return turn


def _schema(user_id: int, input_id: int) -> dict[str, Any]:
    with transaction.atomic():
        _, request = open_input(user_id, input_id)
    if request.kind != InputKind.FORM:
        raise InputClosed
    schema: dict[str, Any] = request.schema
    return schema


@transaction.atomic
def _store(user_id: int, input_id: int, arguments: dict[str, Any]) -> Turn:
    turn, request = open_input(user_id, input_id)
    sealed = request.request_state.open() if request.request_state else {}
    sealed["arguments"] = arguments
    request.request_state = sealed
    request.state = ApprovalState.ALLOWED
    request.save(update_fields=["request_state", "state", "updated_at"])
    payload: dict[str, Any] = {"id": request.call_key, "decision": "sent"}
    if "subject" in sealed:
        # Of a call: its receipt shows them. What a server asked goes to it alone.
        payload["arguments"] = arguments
    append(turn, "input", payload)
    turns.resume(turn)
    endings.store_answer(turn)
    return turn
