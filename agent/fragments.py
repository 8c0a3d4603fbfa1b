"""News of a thread as HTML: the same fragments that its page is made of.

One text for each piece of news, with an element for every place that changes, so that
a browser has all of it or nothing.

Source: htmx 4.0, `<hx-partial>`.
"""

from collections.abc import Iterator
from typing import Any, Final

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from agent.composing import turn_context
from agent.following import News
from agent.models import Turn, TurnState
from agent.thread import Entry, ShownPart

TEMPLATE: Final = "agent/chat.html"
# What is read aloud when the newest turn changes its state.
SAID: Final = {
    TurnState.DONE: "The answer is complete",
    TurnState.WAITING: "The answer waits for you",
    TurnState.FAILED: "The answer failed",
    TurnState.STOPPED: "The answer was stopped",
    TurnState.INTERRUPTED: "The answer was interrupted",
}


def render(news: News, *, conversation_id: int) -> str:
    """Return what htmx puts into the page."""
    return "".join(_pieces(news, conversation_id))


def part(shown: ShownPart, *, conversation_id: int, **more: Any) -> SafeString:
    """Return one part of an answer."""
    context = {"shown": shown, "conversation_id": conversation_id, **more}
    return render_to_string(f"{TEMPLATE}#part", context)


def entry(shown: Entry, *, conversation_id: int) -> SafeString:
    """Return one message."""
    context = {"entry": shown, "conversation_id": conversation_id}
    return render_to_string(f"{TEMPLATE}#message", context)


def _pieces(news: News, conversation_id: int) -> Iterator[str]:
    for shown in news.changed:
        drawn = part(shown, conversation_id=conversation_id)
        yield _place(f"#{shown.id}", "outerHTML", drawn)
    for part_id in news.gone:
        yield _place(f"#{part_id}", "delete")
    for shown in news.added:
        drawn = part(shown, conversation_id=conversation_id)
        yield _place(f"#m-{news.answer_id}", "beforeend", drawn)
    for one in news.entries:
        drawn = entry(one, conversation_id=conversation_id)
        # One that is there already is replaced; a new one finds nothing to delete.
        yield _place(f"#m-{one.message.pk}", "delete")
        yield _place("#entries", "beforeend", drawn)
    if news.is_other_turn:
        yield from _of_turn(news.turn, conversation_id)


def _of_turn(turn: Turn | None, conversation_id: int) -> Iterator[str]:
    context = {"turn": turn, "conversation_id": conversation_id, "is_oob": True}
    yield render_to_string(f"{TEMPLATE}#working", context)
    composer = turn_context(conversation_id=conversation_id, turn=turn)
    yield render_to_string("agent/composer.html#turn", composer)
    if said := SAID.get(TurnState(turn.state)) if turn else "":
        yield _place("#announcer", "innerHTML", said)


def _place(target: str, swap: str, inside: str = "") -> SafeString:
    return format_html(
        '<hx-partial hx-target="{}" hx-swap="{}">{}</hx-partial>',
        target,
        swap,
        mark_safe(inside),  # noqa: S308 - drawn by our own templates
    )
