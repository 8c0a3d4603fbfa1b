"""Load what an attempt at a turn needs, all of it before anything is dialled."""

from agent import endings
from agent.errors import LostTurn
from agent.journal import Journal, Sink
from agent.models import EventKind, Message, Turn
from agent.tool_types import Caller, Pick
from agent.toolbox import Toolbox
from agent.work import Work

# Messages that are loaded; what a model is told of them is less (agent.history).
EARLIER = 400


def prepare(turn: Turn, owner: str, sink: Sink | None) -> Work:
    """Load what an attempt needs. Dials nobody.

    Raises:
        LostTurn: it was deleted.
    """
    rows = Turn.objects.select_related("user_message", "conversation__user")
    found = rows.filter(pk=turn.pk).first()
    if found is None:
        raise LostTurn
    turn, message, conversation = found, found.user_message, found.conversation
    user = conversation.user
    parts, seq = endings.parts_of(turn.pk)
    journal = Journal(
        turn_id=turn.pk,
        conversation_id=conversation.pk,
        owner=owner,
        parts=parts,
        seq=seq,
        sink=sink,
    )
    pick = Pick(
        kind=message.selection_kind,
        ref=message.selection_ref,
        label=message.selection_label,
    )
    caller = Caller(
        user_id=user.pk,
        username=user.username,
        via=turn.via,
        conversation_id=conversation.pk,
        token_id=turn.token_id,
    )
    toolbox = Toolbox.load(user_id=user.pk)
    toolbox.read_all()
    return Work(
        turn_id=turn.pk,
        caller=caller,
        text=message.text,
        pick=pick if pick.kind else None,
        earlier=_earlier(message),
        parts=parts,
        toolbox=toolbox,
        journal=journal,
        usage=_counted(turn),
    )


def _counted(turn: Turn) -> dict[str, int]:
    """Return what counts for the limits of a turn: all since it last ended, if it did.

    Whoever tries again begins anew; else a turn would end at its limit for ever.
    """
    ends = turn.events.filter(kind=EventKind.DONE).order_by("-seq")
    ended = ends.values_list("payload", flat=True).first() or {}
    before = ended.get("usage") or {}
    return {
        name: used - before.get(name, 0)
        for name, used in turn.usage.items()
        if isinstance(used, int)
    }


def _earlier(message: Message) -> list[Message]:
    """Return the newest messages before this one, the oldest of them first."""
    before = Message.objects.filter(
        conversation=message.conversation_id, seq__lt=message.seq
    )
    return [*before.order_by("-seq")[:EARLIER]][::-1]
