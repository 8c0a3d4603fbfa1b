"""Calls that wait for the person's word, with the exact arguments of each.

What runs later is what was sealed when it was asked: a decision carries nothing
but the decision.
"""

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agent import endings, turns
from agent.errors import ApprovalClosed
from agent.journal import append
from agent.models import Approval, ApprovalState, Policy, ToolSetting, Turn
from agent.questions import Subject, is_open, lock_turn_of
from connectors.errors import InvalidInput, ToolNotFound

ONCE, ALWAYS, DECLINE = "once", "always", "decline"
# The word of a decision in the events.
_SAID = {ONCE: "allowed", ALWAYS: "always", DECLINE: "declined"}

log = structlog.get_logger(__name__)


def ask(
    turn: Turn, *, call_key: str, subject: Subject, arguments: dict[str, Any]
) -> Approval:
    """Store a call that needs the person's word; the turn is locked."""
    approval = Approval(
        turn=turn,
        call_key=call_key,
        source=subject.source,
        ref=subject.ref,
        tool=subject.tool,
        definition_hash=subject.definition_hash,
    )
    approval.arguments = subject.sealed(arguments)
    approval.save()
    return approval


def decide(*, user_id: int, approval_id: int, decision: str) -> Turn:
    """Take the person's word for a call; return its turn.

    The turn is queued by it if nothing else waits. `decision` is ONCE, ALWAYS
    (this tool is not asked about again) or DECLINE.

    Raises:
        InvalidInput: it is no such word.
        TurnNotFound: there is no such question, or it is another person's.
        ApprovalClosed: it was decided, overtaken, or has expired.
    """
    said = _SAID.get(decision, "")
    if not said:
        known = ", ".join(_SAID)
        raise InvalidInput.at(
            "decision", "enum", msg=f"Choose one of: {known}.", type_="enum"
        )
    mine = Approval.objects.filter(pk=approval_id, turn__conversation__user=user_id)
    with transaction.atomic():
        turn = lock_turn_of(mine)
        approval = mine.get()
        if not is_open(turn, state=approval.state, until=expires_at(approval)):
            raise ApprovalClosed
        payload = {"id": approval.call_key, "decision": said}
        approval.state = ApprovalState.ALLOWED
        if decision == DECLINE:
            approval.state = ApprovalState.DECLINED
            payload = endings.not_run(approval.call_key, said, approval.state)
        approval.decided_at = timezone.now()
        approval.save(update_fields=["state", "decided_at", "updated_at"])
        if decision == ALWAYS:
            _always_allow(user_id, approval)
        append(turn, "approval", payload)
        turns.resume(turn)
        endings.store_answer(turn)
    log.info(
        "approval.decided", **turns.ids(turn), approval_id=approval_id, decision=said
    )
    return turn


def ask_again(*, user_id: int, source: str, ref: str, tool: str) -> None:
    """Take back that a tool is always allowed; one that never runs stays so.

    Raises:
        ToolNotFound: the person has decided nothing about such a tool.
    """
    mine = ToolSetting.objects.filter(
        user_id=user_id, source=source, ref=ref, tool=tool
    )
    if not mine.exists():
        raise ToolNotFound
    mine.filter(policy=Policy.ALLOW).update(
        policy=Policy.DEFAULT, allowed_hash="", updated_at=timezone.now()
    )
    log.info("approval.taken_back", user_id=user_id, source=source, ref=ref)


def expires_at(approval: Approval) -> datetime:
    return approval.created_at + timedelta(seconds=settings.APPROVAL_TTL_S)


def _always_allow(user_id: int, approval: Approval) -> None:
    ToolSetting.objects.update_or_create(
        user_id=user_id,
        source=approval.source,
        ref=approval.ref,
        tool=approval.tool,
        defaults={"policy": Policy.ALLOW, "allowed_hash": approval.definition_hash},
    )
