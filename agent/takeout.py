"""What there is of a person's conversations that can be taken along, for Export.

The protocol is `systemtools.export.takeout.Takeout`; this module is one.
"""

from uuid import UUID

from agent import exports
from agent.envelope import plain_text
from agent.models import Conversation, ToolResult
from agent.tool_types import ToolAnswer
from connectors.models import Source, ToolCall
from systemtools.export import writing
from systemtools.export.takeout import Result, Talk

# Among how many of the newest results one is looked for.
LOOKED_AT = 50


def conversation(*, user_id: int, conversation_id: int, format_: str) -> Talk | None:
    """Return a conversation of the person as markdown, json or csv.

    None if there is none, or it is another person's.
    """
    mine = Conversation.objects.owned_by(user_id)
    found = mine.filter(pk=conversation_id).first()
    if found is None:
        return None
    match format_:
        case "json":
            text = exports.as_json(found)
        case "csv":
            text = writing.as_csv(exports.as_rows(found))
        case _:
            text = exports.as_markdown(found)
    return Talk(title=exports.file_name(found), text=text)


def result(
    *, user_id: int, call_id: UUID | None, conversation_id: int | None, besides: str
) -> Result | None:
    """Return what a call of the person was answered, if a conversation kept it.

    Without `call_id`, the newest in `conversation_id`, leaving out those of the
    system tool named `besides`.
    """
    mine = ToolResult.objects.filter(
        turn__conversation__user=user_id, result__isnull=False
    )
    if call_id is None:
        mine = mine.filter(turn__conversation=conversation_id or 0)
        call_id = _newest(list(mine.order_by("-id")[:LOOKED_AT]), besides)
    if call_id is None:
        return None
    kept = mine.filter(call_id=call_id).first()
    evidence = ToolCall.objects.filter(user_id=user_id, call_id=call_id).first()
    if kept is None or evidence is None:
        return None
    return _result(kept, evidence)


def _newest(kept: list[ToolResult], besides: str) -> UUID | None:
    calls = ToolCall.objects.filter(call_id__in=[one.call_id for one in kept])
    counted = calls.exclude(source=Source.SYSTEM, source_label=besides)
    known = set(counted.values_list("call_id", flat=True))
    return next((one.call_id for one in kept if one.call_id in known), None)


def _result(kept: ToolResult, evidence: ToolCall) -> Result:
    stored = kept.result or {}
    answer = ToolAnswer(
        call_id=kept.call_id,
        is_error=bool(stored.get("is_error")),
        content=stored.get("content") or [],
        structured_content=stored.get("structured_content"),
        duration_ms=evidence.duration_ms or 0,
    )
    return Result(
        connector=evidence.source_label,
        tool=evidence.tool,
        called_at=evidence.started_at,
        is_error=answer.is_error,
        text=plain_text(answer),
        content=answer.content,
        structured_content=answer.structured_content,
    )
