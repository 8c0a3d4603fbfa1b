"""What a server asks the person in the middle of a call, and their answer.

The call goes on, and the turn with it: who answers need not be in its process.
"""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agent import endings
from agent.errors import InputClosed, TurnNotFound
from agent.journal import append
from agent.models import ApprovalState, InputKind, InputRequest, Turn
from agent.questions import lock_turn_of, open_input
from connectors.elicitation import UNANSWERED, InputAnswer, InputAsk
from connectors.errors import SecretUnreadable

OPENED = "opened"


def ask(turn: Turn, *, key: str, question: InputAsk) -> InputRequest:
    """Store a question of a server; the turn is locked."""
    request = InputRequest(
        turn=turn,
        call_key=key,
        kind=InputKind.URL if question.schema is None else InputKind.FORM,
        schema=question.schema or {},
        expires_at=timezone.now() + timedelta(seconds=settings.INPUT_WAIT_S),
    )
    request.request_state = {"arguments": {}}
    request.save()
    return request


def answer_of(input_id: int) -> InputAnswer | None:
    """Return what the person answered; None as long as they have not."""
    request = InputRequest.objects.filter(pk=input_id).first()
    if request is None:
        return UNANSWERED
    match request.state:
        case ApprovalState.PENDING:
            return None
        case ApprovalState.DECLINED:
            return InputAnswer(action="decline")
        case ApprovalState.ALLOWED if request.kind == InputKind.URL:
            return InputAnswer(action="accept")
        case ApprovalState.ALLOWED:
            return _values(request)
    return UNANSWERED


def opened(*, user_id: int, input_id: int) -> Turn:
    """Take note that the person opened the page that a server asked them to.

    Raises:
        TurnNotFound: there is no such question, or it is another person's.
        InputClosed: it asks for something else, was answered, or is closed.
    """
    with transaction.atomic():
        turn, request = open_input(user_id, input_id)
        # A sign-in is over when it was made, not when somebody says so.
        if request.kind != InputKind.URL or request.is_sign_in:
            raise InputClosed
        request.state = ApprovalState.ALLOWED
        request.save(update_fields=["state", "updated_at"])
        append(turn, "input", {"id": request.call_key, "decision": OPENED})
        endings.store_answer(turn)
    return turn


@transaction.atomic
def expire(input_id: int) -> None:
    """Close a question that nobody answered in time, and say so."""
    found = InputRequest.objects.filter(pk=input_id, state=ApprovalState.PENDING)
    try:
        turn = lock_turn_of(found)
    except TurnNotFound:
        return
    state = ApprovalState.EXPIRED
    if not turn.is_open or not found.update(state=state, updated_at=timezone.now()):
        return
    key = InputRequest.objects.values_list("call_key", flat=True).get(pk=input_id)
    append(turn, "input", {"id": key, "decision": state})
    endings.store_answer(turn)


def _values(request: InputRequest) -> InputAnswer:
    try:
        sealed = request.request_state.open() if request.request_state else {}
    except SecretUnreadable:
        return UNANSWERED
    return InputAnswer(action="accept", content=sealed["arguments"])
