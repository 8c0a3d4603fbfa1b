"""What a thread shows, from stored rows alone: on the page, and on its socket.

The page shows all entries. A `Follower` then tells what changed since a place in the
thread: the newest answer, and how many events of its turn were seen. Whoever comes
back with an older place gets that answer whole, so nothing is lost and nothing is
there twice, whichever process they come to.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.safestring import SafeString

from agent import markdown
from agent.journal import events_after
from agent.models import (
    Conversation,
    Message,
    Role,
    SelectionKind,
    Turn,
    TurnEvent,
    TurnState,
)
from agent.parts import Part, Parts, fold, fold_all
from agent.receipts import Receipt, receipt
from connectors import schema_form
from connectors.schema_form import SchemaForm

ENTRIES_SHOWN: Final = 100
_PLACE: Final = re.compile(r"(\d{1,9})\.(\d{1,9})")
_OURS: Final = re.compile(r"/(?!/)[\w/?=&#-]*")
AT_WORK: Final = (TurnState.QUEUED, TurnState.RUNNING)


@dataclass(frozen=True, kw_only=True)
class Place:
    """How far somebody has seen a thread: of which answer how many events."""

    message: int = 0
    event: int = 0

    @classmethod
    def read(cls, written: str) -> "Place":
        """Return the place that `str` wrote; the beginning for anything else."""
        found = _PLACE.fullmatch(written)
        return cls(message=int(found[1]), event=int(found[2])) if found else cls()

    def __str__(self) -> str:
        return f"{self.message}.{self.event}"


@dataclass(frozen=True, kw_only=True)
class ShownPart:
    """One part of an answer; `is_live` while text is still being added to it."""

    id: str
    part: Part
    is_live: bool = False
    receipt: Receipt | None = None
    # As the person left it, if they have begun to fill it in.
    filled: SchemaForm | None = None

    @property
    def html(self) -> SafeString:
        return markdown.render(self.part["text"])

    @property
    def form(self) -> SchemaForm:
        if self.filled is not None:
            return self.filled
        return schema_form.form_for(
            self.part["schema"],
            values=self.part.get("values") or {},
            errors=self.part.get("errors") or None,
        )

    @property
    def evidence(self) -> str:
        """A page of ours that proves what is said; nothing else is linked."""
        link = str(self.part.get("link") or "")
        return link if _OURS.fullmatch(link) else ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One message; an answer comes with its turn and its parts."""

    message: Message
    turn: Turn | None = None
    parts: list[ShownPart] = field(default_factory=list)

    @property
    def is_mine(self) -> bool:
        return self.message.role == Role.USER

    @property
    def glyph(self) -> str:
        is_whole = self.message.selection_kind == SelectionKind.CONNECTOR
        return "blocks" if is_whole else "check"


@dataclass(frozen=True, kw_only=True)
class Thread:
    """A whole thread; `hidden` older messages are not in `entries`."""

    entries: list[Entry]
    hidden: int
    place: Place
    turn: Turn | None

    @property
    def state(self) -> str:
        return self.turn.state if self.turn else ""


def load(conversation: Conversation, *, limit: int | None = ENTRIES_SHOWN) -> Thread:
    """Return the newest messages of a conversation, oldest first."""
    newest = list(conversation.messages.order_by("-seq")[:limit])
    turns = _turns(conversation.pk, newest)
    live = _Live.of(conversation.pk, newest, turns)
    entries = [_entry(message, turns, live) for message in reversed(newest)]
    first = entries[0].message.seq if entries else 0
    return Thread(
        entries=entries,
        hidden=conversation.messages.filter(seq__lt=first).count(),
        place=live.place,
        turn=live.turn,
    )


@dataclass(kw_only=True)
class _Live:
    """The newest answer: all that may still change in a thread."""

    message: Message | None = None
    turn: Turn | None = None
    parts: Parts = field(default_factory=list)
    seq: int = 0

    @classmethod
    def of(
        cls, conversation_id: int, newest: list[Message], turns: dict[int, Turn]
    ) -> "_Live":
        answers = (message for message in newest if message.role == Role.ASSISTANT)
        message = next(answers, None)
        turn = turns.get(message.seq) if message else None
        if message is None or turn is None:
            return cls(message=message, parts=list(message.parts) if message else [])
        parts, seq = _parts_of(turn, message)
        return cls(message=message, turn=turn, parts=parts, seq=seq)

    @property
    def place(self) -> Place:
        return Place(message=self.message.seq if self.message else 0, event=self.seq)

    @property
    def is_at_work(self) -> bool:
        return self.turn is not None and self.turn.state in AT_WORK

    def shown(self, index: int) -> ShownPart:
        is_last = index == len(self.parts) - 1
        return show_part(
            self.turn, index, self.parts[index], is_live=is_last and self.is_at_work
        )

    def entries(self) -> list[Entry]:
        """Return the answer, if there is one."""
        if self.message is None:
            return []
        shown = [self.shown(index) for index in range(len(self.parts))]
        return [Entry(message=self.message, turn=self.turn, parts=shown)]


@dataclass(frozen=True, kw_only=True)
class News:
    """What changed in a thread, in the order in which it is to be shown.

    `entries` are new, or replace those that are there; the parts are of
    the answer.
    """

    since: str
    at: str
    entries: list[Entry] = field(default_factory=list)
    answer_id: int | None = None
    changed: list[ShownPart] = field(default_factory=list)
    added: list[ShownPart] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    turn: Turn | None = None
    # The newest turn is another one, or in another state than was last told.
    is_other_turn: bool = False

    @property
    def state(self) -> str:
        return _state(self.turn)


class Follower:
    """Follows one conversation for one socket. Every method reads the database."""

    def __init__(self, *, conversation_id: int, since: Place, state: str) -> None:
        self.conversation_id = conversation_id
        self._place = since
        self._state = state
        self._live = _Live()
        self._has_looked = False

    @property
    def is_at_work(self) -> bool:
        return self._live.is_at_work

    def look(self) -> News | None:
        """Return what is new since the last time; None if nothing is."""
        # Before the events: what ends a turn is written before the next message.
        newer = list(
            Message.objects.filter(
                conversation=self.conversation_id, seq__gt=self._place.message
            ).order_by("seq")
        )
        news = self._of_answer() if self._has_looked else self._first()
        self._has_looked = True
        if any(message.role == Role.ASSISTANT for message in newer):
            return self._moved_on(newer, news)
        return news

    def _first(self) -> News | None:
        """Compare the place that somebody came with to how it is."""
        answer = Message.objects.filter(
            conversation=self.conversation_id,
            seq=self._place.message,
            role=Role.ASSISTANT,
        ).first()
        known = [answer] if answer else []
        turns = _turns(self.conversation_id, known)
        self._live = live = _Live.of(self.conversation_id, known, turns)
        if live.seq == self._place.event and _state(live.turn) == self._state:
            return None
        return self._news(entries=live.entries())

    def _of_answer(self) -> News | None:
        """Apply what happened in the newest answer since the last time."""
        live = self._live
        if live.turn is None:
            return None
        state, was_at_work, count = live.turn.state, live.is_at_work, len(live.parts)
        events = events_after(live.turn.pk, live.seq)
        # After the events: a turn that has ended has none that are newer.
        live.turn.refresh_from_db(fields=["state"])
        if not events and live.turn.state == state:
            return None
        touched = {fold(live.parts, kind, payload) for kind, payload in events}
        live.seq += len(events)
        # The last part may have begun, or ended, to be written on.
        touched |= {count - 1} if was_at_work else set()
        touched |= {len(live.parts) - 1}
        return self._news(
            answer_id=live.message and live.message.pk,
            changed=[
                live.shown(i) for i in range(len(live.parts[:count])) if i in touched
            ],
            added=[live.shown(i) for i in range(count, len(live.parts))],
            gone=[_id(live.turn, i) for i in range(len(live.parts), count)],
        )

    def _moved_on(self, newer: list[Message], before: News | None) -> News:
        """Show the messages that came after the answer that was the newest."""
        turns = _turns(self.conversation_id, newer)
        live = _Live.of(self.conversation_id, newer[::-1], turns)
        self._live = live
        entries = [_entry(message, turns, live) for message in newer]
        if before is None:
            return self._news(entries=entries)
        return self._news(
            entries=[*before.entries, *entries],
            answer_id=before.answer_id,
            changed=before.changed,
            added=before.added,
            gone=before.gone,
            since=before.since,
        )

    def _news(self, *, since: str = "", **more: Any) -> News:
        live, before, state = self._live, self._place, self._state
        self._place, self._state = live.place, _state(live.turn)
        return News(
            since=since or str(before),
            at=str(self._place),
            turn=live.turn,
            is_other_turn=self._state != state or bool(more.get("entries")),
            **more,
        )


def show_part(
    turn: Turn | None,
    index: int,
    part: Part,
    *,
    is_live: bool = False,
    filled: SchemaForm | None = None,
) -> ShownPart:
    """Return a part as it is shown."""
    return ShownPart(
        id=_id(turn, index),
        part=part,
        is_live=is_live and part["kind"] == "text",
        receipt=receipt(part) if part["kind"] == "call" else None,
        filled=filled,
    )


def _entry(message: Message, turns: dict[int, Turn], live: _Live) -> Entry:
    if message.role == Role.USER:
        return Entry(message=message)
    if message is live.message:
        return live.entries()[0]
    turn = turns.get(message.seq)
    shown = [show_part(turn, index, part) for index, part in enumerate(message.parts)]
    return Entry(message=message, turn=turn, parts=shown)


def _turns(conversation_id: int, answers: Iterable[Message]) -> dict[int, Turn]:
    """Return the turns of some answers, by the number of the answer."""
    asked = [message.seq - 1 for message in answers if message.role == Role.ASSISTANT]
    found = Turn.objects.filter(
        conversation=conversation_id, user_message__seq__in=asked
    ).select_related("user_message")
    return {turn.user_message.seq + 1: turn for turn in found}


def _parts_of(turn: Turn, message: Message) -> tuple[Parts, int]:
    """Return the parts of a turn as they are now, and the number of its last event.

    Events of what ended long ago are pruned: then what was stored is all there is.
    """
    rows = TurnEvent.objects.filter(turn=turn).order_by("seq")
    events = list(rows.values_list("seq", "kind", "payload"))
    if not events:
        return list(message.parts), 0
    folded = [(kind, payload) for _, kind, payload in events]
    if events[0][0] == 1:
        return fold_all(folded), events[-1][0]
    parts = list(message.parts)
    return parts, events[-1][0]


def _id(turn: Turn | None, index: int) -> str:
    return f"part-{turn.pk if turn else 0}-{index}"


def _state(turn: Turn | None) -> str:
    return str(turn.state) if turn else ""
