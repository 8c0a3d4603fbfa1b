"""A front end that follows the published protocol, as far as a test needs one.

Every answer is read by the SDK's own types; `Screen` applies events as a front end
does, so that what was streamed can be held against what is listed.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from chatkit.types import (
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
    Page,
    Thread,
    ThreadCreatedEvent,
    ThreadItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
    WorkflowTaskAdded,
    WorkflowTaskUpdated,
)
from pydantic import TypeAdapter

EVENT: TypeAdapter[Any] = TypeAdapter(ThreadStreamEvent)
ITEMS: TypeAdapter[Any] = TypeAdapter(Page[ThreadItem])
THREADS: TypeAdapter[Any] = TypeAdapter(Page[Thread])
THREAD: TypeAdapter[Any] = TypeAdapter(Thread)
PATIENCE_S = 20


def message(text: str, tool: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "content": [{"type": "input_text", "text": text}],
        "attachments": [],
        "inference_options": {
            "tool_choice": {"id": tool} if tool else None,
            "model": None,
        },
        **more,
    }


class Screen:
    """What a front end shows of the thread that is open."""

    def __init__(self) -> None:
        self.thread_id = ""
        self.items: dict[str, Any] = {}
        self.events: list[Any] = []

    def apply(self, event: Any) -> None:
        self.events.append(event)
        match event:
            case ThreadCreatedEvent():
                self.thread_id = event.thread.id
            case ThreadItemAddedEvent():
                assert event.item.id not in self.items
                self.items[event.item.id] = event.item
            case ThreadItemDoneEvent():
                self.items[event.item.id] = event.item
            case ThreadItemReplacedEvent():
                assert event.item.id in self.items
                self.items[event.item.id] = event.item
            case ThreadItemRemovedEvent():
                self.items.pop(event.item_id, None)
            case ThreadItemUpdatedEvent():
                self._update(self.items[event.item_id], event.update)

    def _update(self, item: Any, update: Any) -> None:
        match update:
            case AssistantMessageContentPartAdded():
                assert update.content_index == len(item.content)
                item.content.append(update.content)
            case AssistantMessageContentPartTextDelta():
                item.content[update.content_index].text += update.delta
            case AssistantMessageContentPartDone():
                assert item.content[update.content_index] == update.content
            case WorkflowTaskAdded():
                assert update.task_index == len(item.workflow.tasks)
                item.workflow.tasks.append(update.task)
            case WorkflowTaskUpdated():
                item.workflow.tasks[update.task_index] = update.task
            case _:
                raise AssertionError(update)

    # --- What a person sees ----------------------------------------------------

    def of(self, kind: str) -> list[Any]:
        return [item for item in self.items.values() if item.type == kind]

    @property
    def text(self) -> str:
        said = [item.content for item in self.of("assistant_message")]
        return "\n\n".join(content[0].text for content in said if content)

    @property
    def tasks(self) -> list[Any]:
        return [task for item in self.of("workflow") for task in item.workflow.tasks]

    @property
    def kinds(self) -> list[str]:
        return [item.type for item in self.items.values()]

    def told(self, kind: str) -> list[Any]:
        return [event for event in self.events if event.type == kind]


class ChatKit:
    """One person's front end; `screen` is the thread that is open."""

    def __init__(self, url: str, **headers: str) -> None:
        self.http = httpx2.Client(base_url=url, headers=headers, timeout=PATIENCE_S)
        self.screen = Screen()

    def post(self, type_: str, **params: Any) -> httpx2.Response:
        return self.http.post("/chatkit", json={"type": type_, "params": params})

    @contextmanager
    def opened(self, type_: str, **params: Any) -> Iterator[httpx2.Response]:
        body = {"type": type_, "params": params}
        with self.http.stream("POST", "/chatkit", json=body) as response:
            yield response

    def stream(self, type_: str, **params: Any) -> list[Any]:
        """Send a request that is answered by events; apply them to the screen."""
        with self.opened(type_, **params) as response:
            assert response.status_code == 200, response.read()
            assert response.headers["content-type"] == "text/event-stream"
            before = len(self.screen.events)
            for event in read(response.iter_lines()):
                self.screen.apply(event)
        return self.screen.events[before:]

    def ask(self, type_: str, **params: Any) -> Any:
        response = self.post(type_, **params)
        assert response.status_code == 200, response.text
        return response.json()

    # --- What a person does ------------------------------------------------------

    def begin(self, text: str, tool: str | None = None) -> list[Any]:
        self.screen = Screen()
        return self.stream("threads.create", input=message(text, tool))

    def say(self, text: str, tool: str | None = None) -> list[Any]:
        return self.stream(
            "threads.add_user_message",
            thread_id=self.screen.thread_id,
            input=message(text, tool),
        )

    def press(self, label: str) -> list[Any]:
        """Press the button with this label, on the one widget that has it."""
        (found,) = [
            (item.id, button)
            for item in self.screen.of("widget")
            for button in buttons(dumped(item.widget))
            if button["label"] == label
        ]
        item_id, button = found
        return self.act(item_id, button["onClickAction"])

    def act(self, item_id: str, action: dict[str, Any]) -> list[Any]:
        return self.stream(
            "threads.custom_action",
            thread_id=self.screen.thread_id,
            item_id=item_id,
            action={"type": action["type"], "payload": action.get("payload")},
        )

    def answer(self, **values: list[str]) -> list[Any]:
        """Fill in the one form that waits."""
        (form,) = [
            item
            for item in self.screen.of("structured_input")
            if item.status == "pending"
        ]
        answers = {name: {"values": value} for name, value in values.items()}
        return self.stream(
            "threads.add_structured_input",
            thread_id=self.screen.thread_id,
            item_id=form.id,
            input={"status": "answered", "answers": answers},
        )

    def retry(self) -> list[Any]:
        newest = [*self.screen.of("user_message")][-1]
        return self.stream(
            "threads.retry_after_item",
            thread_id=self.screen.thread_id,
            item_id=newest.id,
        )

    def listed(self, **params: Any) -> list[Any]:
        """Read the whole thread as a list, page by page."""
        found: list[Any] = []
        params = {"order": "asc", **params, "thread_id": self.screen.thread_id}
        while True:
            page = ITEMS.validate_python(self.ask("items.list", **params))
            found += page.data
            if not page.has_more:
                return found
            params["after"] = page.after

    def reopen(self, thread_id: str) -> Any:
        """Open a thread from the list."""
        thread = THREAD.validate_python(
            self.ask("threads.get_by_id", thread_id=thread_id)
        )
        self.screen = Screen()
        self.screen.thread_id = thread.id
        self.screen.items = {item.id: item for item in self.listed()}
        return thread

    def threads(self, **params: Any) -> Any:
        return THREADS.validate_python(self.ask("threads.list", **params))


def read(lines: Iterable[str]) -> Iterator[Any]:
    """Read an event stream as strictly as any reader may: data and empty lines."""
    for line in lines:
        if line:
            assert line.startswith("data: "), line
            yield EVENT.validate_python(json.loads(line.removeprefix("data: ")))


def dumped(widget: Any) -> dict[str, Any]:
    shown: dict[str, Any] = widget.model_dump(mode="json", exclude_none=True)
    return shown


def buttons(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for one in node:
            yield from buttons(one)
    elif isinstance(node, dict):
        if node.get("type") == "Button":
            yield node
        yield from buttons(node.get("children"))


def texts(node: Any) -> str:
    """Return all words of a widget, in order."""
    if isinstance(node, list):
        return "\n".join(filter(None, map(texts, node)))
    if not isinstance(node, dict):
        return ""
    own = node.get("value") or node.get("label") or ""
    return "\n".join(filter(None, (own, texts(node.get("children")))))
