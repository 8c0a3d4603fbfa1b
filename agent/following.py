"""What is new in a thread, for somebody who has seen it up to a place.

Whoever comes with an older place gets the answer there whole, and all that came after
it; from then on only what changes. So nothing is lost and nothing is there twice,
whichever process they come to.
"""

from dataclasses import dataclass, field
from typing import Any

from agent.journal import events_after
from agent.models import Message, Role, Turn
from agent.parts import fold
from agent.places import Place
from agent.thread import (
    Entry,
    Live,
    ShownPart,
    entry_of,
    part_id,
    state_of,
    turns_of,
)


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
        return state_of(self.turn)


class Follower:
    """Follows one conversation for one socket. Every method reads the database."""

    def __init__(self, *, conversation_id: int, since: Place, state: str) -> None:
        self.conversation_id = conversation_id
        self._place = since
        self._state = state
        self._live = Live()
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
        turns = turns_of(self.conversation_id, known)
        self._live = live = Live.of(self.conversation_id, known, turns)
        if live.seq == self._place.event and state_of(live.turn) == self._state:
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
        now = Turn.objects.filter(pk=live.turn.pk).values_list("state", flat=True)
        # One that was deleted stays as it was: whoever shows it is told otherwise.
        live.turn.state = now.first() or state
        if not events and live.turn.state == state:
            return None
        touched = {fold(live.parts, kind, payload) for kind, payload in events}
        live.seq += len(events)
        live.count()
        # The last part may have begun, or ended, to be written on.
        touched |= {count - 1} if was_at_work else set()
        touched |= {len(live.parts) - 1}
        return self._news(
            answer_id=live.message and live.message.pk,
            changed=[
                live.shown(i) for i in range(len(live.parts[:count])) if i in touched
            ],
            added=[live.shown(i) for i in range(count, len(live.parts))],
            gone=[part_id(live.turn, i) for i in range(len(live.parts), count)],
        )

    def _moved_on(self, newer: list[Message], before: News | None) -> News:
        """Show the messages that came after the answer that was the newest."""
        turns = turns_of(self.conversation_id, newer)
        live = Live.of(self.conversation_id, newer[::-1], turns)
        self._live = live
        entries = [entry_of(message, turns, live) for message in newer]
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
        self._place, self._state = live.place, state_of(live.turn)
        return News(
            since=since or str(before),
            at=str(self._place),
            turn=live.turn,
            is_other_turn=self._state != state or bool(more.get("entries")),
            **more,
        )
