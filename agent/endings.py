"""The end of a turn: one transition, whoever makes it, and nothing after it.

Works on a turn that is locked. Whatever was left open is closed: questions to the
person, and calls that nobody knows the end of. Then the events become the answer.
"""

from typing import Any

from django.utils import timezone

from agent import envelope
from agent.journal import append, events_after
from agent.models import (
    Approval,
    ApprovalState,
    Enforcement,
    InputRequest,
    Message,
    Turn,
    TurnState,
)
from agent.parts import (
    RUNNING,
    WAITING,
    Part,
    Parts,
    calls_in,
    fold_all,
    open_in,
    text_of,
)
from connectors.models import Outcome, ToolCall

MESSAGES = {
    TurnState.STOPPED: "You stopped this answer.",
    TurnState.INTERRUPTED: "This answer was interrupted. What was there is kept.",
}
NOT_ENFORCED = "The tool that you picked was not used, so this answer does not count."
# What the model is told of a call that the person was asked for.
NOT_RUN = {
    ApprovalState.DECLINED: "The person declined this call. It was not run.",
    ApprovalState.SUPERSEDED: "The person went on without this call. It was not run.",
    ApprovalState.EXPIRED: "Nobody answered in time. This call was not run.",
}
# Of a call whose answer was lost with its process, by the outcome on record.
_SETTLED: dict[str, tuple[str, str]] = {
    Outcome.OK: ("done", "The call succeeded, but its answer was lost."),
    Outcome.TOOL_ERROR: ("done", "The tool reported an error; its answer was lost."),
    Outcome.FAILED: ("done", "The server answered the call with a failure."),
    Outcome.NOT_SENT: ("done", "The server could not be reached: nothing was sent."),
    Outcome.REFUSED: ("refused", "The call was refused: nothing was sent."),
    Outcome.CANCELLED: ("cancelled", "The call was given up before it was sent."),
}
_UNKNOWN = "The answer broke off during this call, which may or may not have happened."


def parts_of(turn_id: int) -> tuple[Parts, int]:
    """Return what a turn shows as of now, and the number of its newest event."""
    events = events_after(turn_id, 0)
    return fold_all(events), len(events)


def end(
    turn: Turn,
    *,
    state: str,
    enforcement: str = Enforcement.NONE,
    error_code: str = "",
    message: str = "",
    usage: dict[str, Any] | None = None,
    decision: ApprovalState = ApprovalState.SUPERSEDED,
) -> None:
    """End a turn that is locked and has not ended.

    `decision` is what became of questions that were not answered.
    """
    parts, _ = parts_of(turn.pk)
    if enforcement == Enforcement.NONE:
        enforcement = _enforced_so_far(turn, parts)
    _close_questions(turn, parts, decision)
    settle_calls(turn, parts)
    if turn.selection and enforcement == Enforcement.NONE:
        # The promise of the pick stands above the word of an engine.
        if state == TurnState.DONE:
            state, error_code, message = (
                TurnState.FAILED,
                "INTERNAL_ERROR",
                NOT_ENFORCED,
            )
        if state == TurnState.FAILED:
            enforcement = Enforcement.ERROR
    turn.state, turn.enforcement, turn.error_code = state, enforcement, error_code
    turn.usage = add_usage(turn.usage, usage)
    turn.lease_owner, turn.lease_until = "", None
    turn.save()
    done = {
        "state": state,
        "enforcement": enforcement,
        "error_code": error_code,
        "message": message or MESSAGES.get(TurnState(state), ""),
        "usage": turn.usage,
    }
    append(turn, "done", done)
    store_answer(turn)


def store_answer(turn: Turn) -> None:
    """Make the events of a turn the agent's message."""
    parts, _ = parts_of(turn.pk)
    now = timezone.now()
    answers = Message.objects.filter(
        conversation=turn.conversation_id, seq=turn.user_message.seq + 1
    )
    answers.update(parts=parts, text=text_of(parts), updated_at=now)
    turn.conversation.updated_at = now
    turn.conversation.save(update_fields=["updated_at"])


def settle_calls(turn: Turn, parts: Parts) -> None:
    """Say of each call without an end what the evidence knows of it.

    A call is never made a second time to find out.
    """
    for part in calls_in(parts, RUNNING, "unknown"):
        call = ToolCall.objects.filter(call_id=part["call_id"]).first()
        known = _SETTLED.get(call.outcome) if call else None
        if known is None and part["state"] != RUNNING:
            continue
        append(turn, "tool_done", _settled(part, call, known))


def add_usage(before: dict[str, Any], attempt: dict[str, Any] | None) -> dict[str, Any]:
    """Return the usage of all attempts at a turn: numbers are added."""
    total = dict(before)
    for name, value in (attempt or {}).items():
        counts = isinstance(value, int | float)
        total[name] = total.get(name, 0) + value if counts else value
    return total


def not_run(call_key: str, decision: str, state: ApprovalState) -> dict[str, Any]:
    """Return the payload for a question that is closed, and its call with it."""
    told = {"message": NOT_RUN[state], "model_text": NOT_RUN[state]}
    return {"id": call_key, "decision": decision, **told}


def _enforced_so_far(turn: Turn, parts: Parts) -> str:
    """Return what became of the pick when the engine has not said so."""
    if turn.enforcement != Enforcement.NONE or not turn.selection:
        return turn.enforcement
    for part in parts:
        # What a server asks in the middle of a call says nothing about the pick.
        if part["kind"] != "question" and part.get("state") in WAITING:
            is_form = part["state"] == "form"
            return Enforcement.FORM if is_form else Enforcement.APPROVAL
    return Enforcement.NONE


def _close_questions(turn: Turn, parts: Parts, state: ApprovalState) -> None:
    """Close what waits for the person, and what was allowed but did not run."""
    asked = open_in(parts)
    for part in asked:
        kind = "input" if "input_id" in part else "approval"
        append(turn, kind, not_run(part["id"], state, state))
    keys = [part["id"] for part in asked]
    now = timezone.now()
    Approval.objects.filter(turn=turn, call_key__in=keys).update(
        state=state, decided_at=now, updated_at=now
    )
    InputRequest.objects.filter(turn=turn, call_key__in=keys).update(
        state=state, updated_at=now
    )


def _settled(
    part: Part, call: ToolCall | None, known: tuple[str, str] | None
) -> dict[str, Any]:
    connector, tool = part.get("connector", ""), part.get("tool", "")
    if call is None or known is None:
        return {
            "id": part["id"],
            "state": "unknown",
            "outcome": Outcome.UNKNOWN,
            "error_code": "OUTCOME_UNKNOWN",
            "message": _UNKNOWN,
            "model_text": envelope.unknown(connector=connector, tool=tool),
        }
    state, message = known
    code = call.error_code or "RESULT_LOST"
    return {
        "id": part["id"],
        "state": state,
        "outcome": call.outcome,
        "error_code": call.error_code,
        "message": message,
        "duration_ms": call.duration_ms,
        "model_text": envelope.failure(
            connector=connector, tool=tool, code=code, message=message
        ),
    }
