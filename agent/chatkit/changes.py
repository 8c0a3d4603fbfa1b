"""From the items that a client has seen to those that there are: as stream events.

Pure. Whatever happened in between, whoever applies the events has the items of
`agent.chatkit.items`: text arrives by deltas, tasks as they begin and change, all
else is added, replaced or removed whole.

Source: openai-chatkit, `ThreadStreamEvent`.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import takewhile
from typing import Any

from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    ThreadItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
    WorkflowItem,
    WorkflowTaskAdded,
    WorkflowTaskUpdated,
)

type Events = Iterator[ThreadStreamEvent]


class Changes:
    """What one client has been told of the items of one answer."""

    def __init__(self, seen: Sequence[ThreadItem] = ()) -> None:
        self._told = {item.id: item for item in seen}
        self._growing: set[str] = set()

    def is_new(self, item: ThreadItem) -> bool:
        """Tell whether nothing was told of an item yet."""
        return item.id not in self._told

    def to(self, items: Sequence[ThreadItem], *, growing: Collection[str]) -> Events:
        """Yield what makes of the items that were told `items`.

        Those in `growing` may still get more text or tasks: they are begun, and done
        once they are not among them any more.
        """
        kept = {item.id for item in self._before_new(items)}
        for item_id in [one for one in self._told if one not in kept]:
            del self._told[item_id]
            self._growing.discard(item_id)
            yield ThreadItemRemovedEvent(item_id=item_id)
        for item in items:
            yield from self._one(item, may_grow=item.id in growing)

    def _before_new(self, items: Sequence[ThreadItem]) -> Iterator[ThreadItem]:
        """Yield the items up to the first new one.

        What is new is shown behind all others: those that come after it are told
        again, so that they are.
        """
        return takewhile(lambda item: not self.is_new(item), items)

    def _one(self, item: ThreadItem, *, may_grow: bool) -> Events:
        told = self._told.get(item.id)
        self._told[item.id] = item
        if told is None and not may_grow:
            yield ThreadItemDoneEvent(item=item)
            return
        if told is None:
            self._growing.add(item.id)
            told = _empty(item)
            yield ThreadItemAddedEvent(item=told)
            yield from _begun(item)
        if item.id not in self._growing:
            if told != item:
                yield ThreadItemReplacedEvent(item=item)
            return
        updates = _updates(told, item)
        if updates is None:
            yield ThreadItemReplacedEvent(item=item)
        for update in updates or ():
            yield ThreadItemUpdatedEvent(item_id=item.id, update=update)
        if not may_grow:
            self._growing.discard(item.id)
            yield from _finished(item)
            yield ThreadItemDoneEvent(item=item)


def replaced(
    before: Sequence[ThreadItem], now: Sequence[ThreadItem]
) -> list[ThreadItemReplacedEvent]:
    """Return what tells that items which were shown are others now."""
    shown = {item.id: item for item in before}
    changed = [item for item in now if item.id in shown and shown[item.id] != item]
    return [ThreadItemReplacedEvent(item=item) for item in changed]


def _empty(item: ThreadItem) -> ThreadItem:
    """Return an item as it is before anything is in it."""
    if isinstance(item, AssistantMessageItem):
        return item.model_copy(update={"content": []})
    if isinstance(item, WorkflowItem):
        workflow = item.workflow.model_copy(update={"tasks": []})
        return item.model_copy(update={"workflow": workflow})
    return item


def _begun(item: ThreadItem) -> Events:
    if isinstance(item, AssistantMessageItem):
        begun = AssistantMessageContentPartAdded(
            content_index=0, content=AssistantMessageContent(text="")
        )
        yield ThreadItemUpdatedEvent(item_id=item.id, update=begun)


def _finished(item: ThreadItem) -> Events:
    if isinstance(item, AssistantMessageItem):
        done = AssistantMessageContentPartDone(content_index=0, content=item.content[0])
        yield ThreadItemUpdatedEvent(item_id=item.id, update=done)


def _updates(told: ThreadItem, now: ThreadItem) -> list[Any] | None:
    """Return what makes `now` of `told`; None if only the whole of it does."""
    match told, now:
        case AssistantMessageItem(), AssistantMessageItem():
            before, text = _text(told), _text(now)
            if not text.startswith(before):
                return None
            return _delta(text[len(before) :])
        case WorkflowItem(), WorkflowItem():
            return _task_updates(told, now)
    return [] if told == now else None


def _delta(more: str) -> list[Any]:
    if not more:
        return []
    return [AssistantMessageContentPartTextDelta(content_index=0, delta=more)]


def _task_updates(told: WorkflowItem, now: WorkflowItem) -> list[Any] | None:
    before, tasks = told.workflow.tasks, now.workflow.tasks
    if len(before) > len(tasks):
        return None
    changed = [
        WorkflowTaskUpdated(task_index=index, task=task)
        for index, (old, task) in enumerate(zip(before, tasks, strict=False))
        if old != task
    ]
    added = [
        WorkflowTaskAdded(task_index=index, task=tasks[index])
        for index in range(len(before), len(tasks))
    ]
    return [*changed, *added]


def _text(item: AssistantMessageItem) -> str:
    return item.content[0].text if item.content else ""
