"""One recorded call: its evidence, and for calls of a conversation what was said.

Of calls over REST or from a page only the evidence is kept. Whose call it is decides
who sees it; what a conversation kept is seen by whose conversation it is.
"""

from dataclasses import dataclass
from uuid import UUID

from agent.errors import CallNotFound
from agent.models import Conversation, ToolResult
from agent.receipts import Argument, arguments
from connectors import activity, results
from connectors.activity import CallRow
from connectors.calls import CallResult
from connectors.models import Source, ToolCall, UserMCPConnection
from connectors.results import Shown


@dataclass(frozen=True, kw_only=True)
class RecordedCall:
    """What a page shows of a call; `is_kept` where a conversation kept its content."""

    row: CallRow
    is_kept: bool
    arguments: list[Argument]
    result: Shown | None
    connector: UserMCPConnection | None
    conversation: Conversation | None

    @property
    def evidence(self) -> ToolCall:
        return self.row.call


def call(*, user_id: int, call_id: UUID) -> RecordedCall:
    """Return a call that the person made.

    Raises:
        CallNotFound: there is none, or it is another person's.
    """
    evidence = ToolCall.objects.filter(user_id=user_id, call_id=call_id).first()
    if evidence is None:
        raise CallNotFound
    kept = ToolResult.objects.filter(
        call_id=call_id, turn__conversation__user=user_id
    ).first()
    return RecordedCall(
        row=activity.call_row(evidence),
        is_kept=kept is not None,
        arguments=arguments(kept.arguments) if kept else [],
        result=_result(evidence, kept),
        connector=_connector(evidence),
        conversation=_conversation(evidence),
    )


def _result(evidence: ToolCall, kept: ToolResult | None) -> Shown | None:
    if kept is None or not kept.result:
        return None
    return results.show(
        CallResult(
            call_id=evidence.call_id,
            is_error=bool(kept.result.get("is_error")),
            content=kept.result.get("content") or [],
            structured_content=kept.result.get("structured_content"),
            duration_ms=evidence.duration_ms or 0,
        )
    )


def _connector(evidence: ToolCall) -> UserMCPConnection | None:
    """Return the connector, if it is still there."""
    if evidence.source != Source.CONNECTOR:
        return None
    mine = UserMCPConnection.objects.owned_by(evidence.user_id)
    return mine.filter(pk=evidence.source_id or 0).first()


def _conversation(evidence: ToolCall) -> Conversation | None:
    """Return the conversation, if it is still there."""
    mine = Conversation.objects.owned_by(evidence.user_id)
    return mine.filter(pk=evidence.conversation_id or 0).first()
