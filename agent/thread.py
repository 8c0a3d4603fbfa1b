"""What a thread shows, from stored rows alone; agent.following says what is new."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from django.urls import reverse
from django.utils.safestring import SafeString

from agent import links, markdown
from agent.asked import QUESTIONS, Asked, asked
from agent.journal import events_after
from agent.models import (
    Conversation,
    Message,
    Role,
    Turn,
)
from agent.parts import Part, Parts, fold_all
from agent.places import Place
from agent.receipts import Receipt, receipt
from agent.turns import AT_WORK
from connectors import schema_form
from connectors.models import ToolCall
from connectors.schema_form import SchemaForm

ENTRIES_SHOWN: Final = 100
_OURS: Final = re.compile(r"/(?!/)[\w/?=&#-]*")


@dataclass(frozen=True, kw_only=True)
class ShownPart:
    """One part of an answer; `is_live` while text is still being added to it."""

    id: str
    part: Part
    is_live: bool = False
    receipt: Receipt | None = None
    asked: Asked | None = None
    # Of the recorded call, once there is one.
    number: int | None = None
    # As the person left it, if they have begun to fill it in.
    filled: SchemaForm | None = None

    @property
    def html(self) -> SafeString:
        return markdown.render(self.part["text"])

    @property
    def form(self) -> SchemaForm:
        if self.filled is not None:
            return self.filled
        return schema_form.form_to_fill(
            self.part["schema"],
            values=self.part.get("values") or {},
            errors=self.part.get("errors") or (),
        )

    @property
    def evidence(self) -> str:
        """A page of ours that proves what is said, or where it is put right."""
        link = str(self.part.get("link") or "")
        if _OURS.fullmatch(link):
            return link
        connector_id = self.part.get("connector_id")
        return reverse("connector", args=[connector_id]) if connector_id else ""

    @property
    def source(self) -> str:
        """What the person calls whoever it is about."""
        about = self.receipt or self.asked
        return about.source if about else ""

    @property
    def sign_in(self) -> str:
        """The page where the person signs in; its tab closes itself."""
        return links.sign_in(self.part["source"], self.part["ref"]) + "?from=chat"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One message; an answer comes with its turn and its parts."""

    message: Message
    turn: Turn | None = None
    parts: list[ShownPart] = field(default_factory=list)

    @property
    def is_mine(self) -> bool:
        return self.message.role == Role.USER


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
    turns = turns_of(conversation.pk, newest)
    live = Live.of(conversation.pk, newest, turns)
    numbers = _numbers_of(part for message in newest for part in message.parts)
    entries = [entry_of(message, turns, live, numbers) for message in reversed(newest)]
    first = entries[0].message.seq if entries else 0
    return Thread(
        entries=entries,
        hidden=conversation.messages.filter(seq__lt=first).count(),
        place=live.place,
        turn=live.turn,
    )


@dataclass(kw_only=True)
class Live:
    """The newest answer: all that may still change in a thread."""

    message: Message | None = None
    turn: Turn | None = None
    parts: Parts = field(default_factory=list)
    seq: int = 0
    numbers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, conversation_id: int, newest: list[Message], turns: dict[int, Turn]
    ) -> "Live":
        answers = (message for message in newest if message.role == Role.ASSISTANT)
        message = next(answers, None)
        turn = turns.get(message.seq) if message else None
        if message is None or turn is None:
            return cls(message=message, parts=list(message.parts) if message else [])
        parts, seq = _parts_of(turn, message)
        live = cls(message=message, turn=turn, parts=parts, seq=seq)
        live.count()
        return live

    def count(self) -> None:
        """Look up the numbers of recorded calls that are not known yet."""
        unknown = (
            part for part in self.parts if part.get("call_id") not in self.numbers
        )
        self.numbers |= _numbers_of(unknown)

    @property
    def place(self) -> Place:
        return Place(message=self.message.seq if self.message else 0, event=self.seq)

    @property
    def is_at_work(self) -> bool:
        return self.turn is not None and self.turn.state in AT_WORK

    def shown(self, index: int) -> ShownPart:
        part = self.parts[index]
        return show_part(
            self.turn,
            index,
            part,
            is_live=self.is_at_work and index == len(self.parts) - 1,
            number=self.numbers.get(part.get("call_id") or ""),
        )

    def entries(self) -> list[Entry]:
        """Return the answer, if there is one."""
        if self.message is None:
            return []
        shown = [self.shown(index) for index in range(len(self.parts))]
        return [Entry(message=self.message, turn=self.turn, parts=shown)]


def show_part(
    turn: Turn | None,
    index: int,
    part: Part,
    *,
    is_live: bool = False,
    number: int | None = None,
    filled: SchemaForm | None = None,
) -> ShownPart:
    """Return a part as it is shown."""
    return ShownPart(
        id=part_id(turn, index),
        part=part,
        is_live=is_live and part["kind"] == "text",
        receipt=receipt(part) if part["kind"] == "call" else None,
        asked=asked(part) if part["kind"] in QUESTIONS else None,
        number=number,
        filled=filled,
    )


def entry_of(
    message: Message,
    turns: dict[int, Turn],
    live: Live,
    numbers: dict[str, int] | None = None,
) -> Entry:
    """Return a message as it is shown."""
    if message.role == Role.USER:
        return Entry(message=message)
    if message is live.message:
        return live.entries()[0]
    turn = turns.get(message.seq)
    known = numbers or {}
    shown = [
        show_part(turn, index, part, number=known.get(part.get("call_id") or ""))
        for index, part in enumerate(message.parts)
    ]
    return Entry(message=message, turn=turn, parts=shown)


def turns_of(conversation_id: int, answers: Iterable[Message]) -> dict[int, Turn]:
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
    events = events_after(turn.pk, 0)
    return (fold_all(events), len(events)) if events else (list(message.parts), 0)


def _numbers_of(parts: Iterable[Part]) -> dict[str, int]:
    """Return the numbers of recorded calls, by their ids."""
    known = [part["call_id"] for part in parts if part.get("call_id")]
    if not known:
        return {}
    found = ToolCall.objects.filter(call_id__in=known)
    return {str(call_id): pk for call_id, pk in found.values_list("call_id", "pk")}


def part_id(turn: Turn | None, index: int) -> str:
    return f"part-{turn.pk if turn else 0}-{index}"


def state_of(turn: Turn | None) -> str:
    return str(turn.state) if turn else ""
