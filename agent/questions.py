"""What approvals and forms have in common: a call that waits for the person.

The call, with the tool's definition as it was then, is sealed when it is asked.
"""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from agent.errors import InputClosed, TurnNotFound
from agent.journal import lock
from agent.models import Approval, ApprovalState, InputRequest, Turn, TurnState
from connectors.errors import SecretUnreadable

UNREADABLE = "What you allowed cannot be read any more, so it was not run."


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Which tool a call is of, and its definition when the person was asked."""

    source: str
    ref: str
    tool: str
    definition_hash: str

    def sealed(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"subject": asdict(self), "arguments": arguments}


@dataclass(frozen=True, kw_only=True)
class Decided:
    """A call that the person wants, as it is to be made."""

    subject: Subject
    arguments: dict[str, Any] = field(repr=False)


def decided(turn_id: int, call_key: str) -> Decided | None:
    """Return the call that the person allowed, or filled in, under this key.

    Raises:
        SecretUnreadable: what was sealed cannot be opened any more.
    """
    allowed = {"turn": turn_id, "call_key": call_key, "state": ApprovalState.ALLOWED}
    approval = Approval.objects.filter(**allowed).first()
    request = InputRequest.objects.filter(**allowed).first()
    if approval is not None:
        sealed = approval.arguments
    else:
        sealed = request.request_state if request else None
    if sealed is None:
        return None
    try:
        opened = sealed.open()
    except SecretUnreadable:
        raise SecretUnreadable(UNREADABLE) from None
    return Decided(subject=Subject(**opened["subject"]), arguments=opened["arguments"])


def lock_turn_of(questions: "QuerySet[Any]") -> Turn:
    """Return the turn of the one question in `questions`, locked.

    Raises:
        TurnNotFound: there is none.
    """
    turn_id = questions.values_list("turn", flat=True).first()
    turn = lock(turn_id) if turn_id else None
    if turn is None:
        raise TurnNotFound
    return turn


def open_input(user_id: int, input_id: int) -> tuple[Turn, InputRequest]:
    """Return a question that the person can answer, and its turn, locked.

    Raises:
        TurnNotFound: there is none, or it is another person's.
        InputClosed: it was answered, overtaken, or has expired.
    """
    mine = InputRequest.objects.filter(pk=input_id, turn__conversation__user=user_id)
    turn = lock_turn_of(mine)
    request = mine.get()
    if not is_open(turn, state=request.state, until=request.expires_at):
        raise InputClosed
    return turn, request


def is_open(turn: Turn, *, state: str, until: datetime) -> bool:
    """Tell whether a question of a turn that is locked can still be answered."""
    at_work = turn.state in (TurnState.RUNNING, TurnState.WAITING)
    return at_work and state == ApprovalState.PENDING and until > timezone.now()
