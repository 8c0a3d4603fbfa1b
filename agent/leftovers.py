"""What turns leave behind that nobody is there to end: done by who comes past.

Plain functions: async code calls them by sync_to_async.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from agent import endings, turns
from agent.journal import lock
from agent.models import (
    ENDED,
    OPEN,
    ApprovalState,
    Conversation,
    Turn,
    TurnEvent,
    TurnState,
)
from connectors.models import Via

REAPED_AT_ONCE = 100
EVENTS_KEPT_FOR = timedelta(days=1)
# Of an answer that could be tried again.
LAST_EVENTS_KEPT_FOR = timedelta(days=30)
ARCHIVED_KEPT_FOR = timedelta(hours=1)
PRUNED_AT_ONCE = 500


def reap(conversation_id: int | None = None) -> list[Turn]:
    """Interrupt turns whose process is gone, of one conversation or of all."""
    dead = Q(state__in=[TurnState.QUEUED, TurnState.RUNNING])
    dead &= Q(lease_until__lt=timezone.now())
    if conversation_id is not None:
        dead &= Q(conversation=conversation_id)
    return _end_all(dead, state=TurnState.INTERRUPTED)


def expire() -> list[Turn]:
    """End turns whose question nobody answered in APPROVAL_TTL_S; nothing is run."""
    now = timezone.now()
    asked_before = now - timedelta(seconds=settings.APPROVAL_TTL_S)
    late = Q(
        approvals__state=ApprovalState.PENDING, approvals__created_at__lt=asked_before
    )
    late |= Q(inputs__state=ApprovalState.PENDING, inputs__expires_at__lt=now)
    late &= Q(state=TurnState.WAITING)
    return _end_all(late, state=TurnState.DONE, decision=ApprovalState.EXPIRED)


def prune_events() -> int:
    """Delete the events of turns that ended a day ago; their messages stay.

    Those that could be tried again keep them for a month, and cannot be after it.
    """
    now = timezone.now()
    ended = Turn.objects.exclude(state__in=OPEN).filter(
        updated_at__lt=now - EVENTS_KEPT_FOR, events__isnull=False
    )
    went_on = Q(conversation__messages__seq__gt=F("user_message__seq") + 1)
    is_old = Q(updated_at__lt=now - LAST_EVENTS_KEPT_FOR)
    final = ended.filter(Q(state=TurnState.DONE) | went_on | is_old)
    keys = list(final.values_list("pk", flat=True).distinct()[:PRUNED_AT_ONCE])
    deleted, _ = TurnEvent.objects.filter(turn__in=keys).delete()
    return deleted


def prune_archived() -> int:
    """Delete what clients of /v1 asked and a process that died did not clear away.

    What a person archived, or wrote in, stays.
    """
    before = timezone.now() - ARCHIVED_KEPT_FOR
    others = Turn.objects.filter(conversation=OuterRef("pk")).exclude(
        via=Via.V1, state__in=ENDED
    )
    asked = Conversation.objects.filter(archived_at__lt=before, turns__via=Via.V1)
    keys = asked.exclude(Exists(others)).values_list("pk", flat=True).distinct()
    left = Conversation.objects.filter(pk__in=list(keys[:PRUNED_AT_ONCE]))
    count = left.count()
    left.delete()
    return count


def _end_all(condition: Q, **how: Any) -> list[Turn]:
    found = Turn.objects.filter(condition).order_by("pk")
    keys = found.values_list("pk", flat=True).distinct()[:REAPED_AT_ONCE]
    return [turn for key in list(keys) if (turn := _end(key, condition, how))]


def _end(turn_id: int, condition: Q, how: dict[str, Any]) -> Turn | None:
    with transaction.atomic():
        turn = lock(turn_id)
        # Looked at again under the lock: a heartbeat or an answer may have come.
        if turn is None or not Turn.objects.filter(condition, pk=turn_id).exists():
            return None
        endings.end(turn, **how)
    turns.log_end(turn)
    return turn
