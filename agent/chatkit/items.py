"""From messages to the items of a thread: what a list shows and a stream arrives at.

Pure. The id of an item says where it is from (`places`), so that nothing has to be
stored for it:

msg_4       what the person said, the message of that number
text_5_0    text of the answer; the second number is that of the part (agent.parts)
work_5_1    calls in a row, as a workflow with a task for each
card_5_1    what waits, or waited, for the person's word: an approval, a question;
            sign_5_1 a sign-in that a call waits for
form_5_1    values that only the person can give, as structured input
note_5_2    a notice; end_5_3 why the answer ended early
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageItem,
    CustomTask,
    InferenceOptions,
    StructuredInputItem,
    TaskItem,
    ThreadItem,
    ToolChoice,
    UserMessageItem,
    UserMessageTextContent,
    WidgetItem,
    Workflow,
    WorkflowItem,
)
from chatkit.widgets import DynamicWidgetRoot

from agent import rest_views
from agent.asked import QUESTIONS, asked
from agent.chatkit import cards, questionnaire, tasks
from agent.chatkit.drawn import Drawn
from agent.models import Message
from agent.parts import Part, Parts

# A call in one of these has not begun, and is shown by its card alone.
_NOT_BEGUN: Final = (
    "waiting", "form", "sign_in", "declined", "superseded", "expired"
)  # fmt: skip
_CLOSED: Final = {
    "allowed": "You allowed this once",
    "before": "You allowed this",
    "always": "You always allow this tool",
    "declined": "You declined, nothing was sent",
    "superseded": "You wrote on instead, nothing was sent",
    "expired": "It waited too long, nothing was sent",
    "signed_in": "You signed in",
}


def of_question(message: Message) -> UserMessageItem:
    """Return what the person said, with what they picked for it."""
    pick = None
    if message.selection_kind:
        pick = ToolChoice(id=f"{message.selection_kind}:{message.selection_ref}")
    return UserMessageItem(
        id=f"msg_{message.seq}",
        thread_id=str(message.conversation_id),
        created_at=message.created_at,
        content=[UserMessageTextContent(text=message.text)],
        inference_options=InferenceOptions(tool_choice=pick),
    )


def of_answer(
    message: Message, parts: Parts, drawn: Drawn | None = None
) -> list[ThreadItem]:
    """Return an answer as it is now: of what happened in it, nothing is left out.

    What is in `drawn` of the same answer is not drawn again. Nobody changes an item.
    """
    return list(_Answer(message=message, drawn=drawn or Drawn()).items(parts))


@dataclass(kw_only=True)
class _Answer:
    message: Message
    drawn: Drawn
    _calls: WorkflowItem | None = field(default=None, init=False)

    def items(self, parts: Parts) -> Iterator[ThreadItem]:
        for index, part in enumerate(parts):
            if part["kind"] == "call":
                yield from self._call(index, part)
                continue
            yield from self._calls_so_far()
            draw = partial(self._item, index, part)
            yield self.drawn.get("item", index, part, draw)
        yield from self._calls_so_far()

    def _item(self, index: int, part: Part) -> ThreadItem:
        match part["kind"]:
            case "text":
                return self._text(index, part)
            case "notice" if part["level"] == "proposals" and part.get("tools"):
                return self._card(index, cards.proposals(part))
            case "notice":
                return self._note("note", index, tasks.of_notice(part))
            case "end":
                return self._note("end", index, tasks.of_end(part))
        return self._card(index, self._question(part))

    def _calls_so_far(self) -> Iterator[WorkflowItem]:
        if self._calls is not None:
            yield self._calls
        self._calls = None

    def _call(self, index: int, part: Part) -> Iterator[ThreadItem]:
        """Add a call to those before it.

        One that the person was asked about is by itself: so what is beside it is the
        same items before and after their word.
        """
        asked_about = self.drawn.get(
            "asked", index, part, lambda: list(self._asked(index, part))
        )
        if asked_about:
            yield from self._calls_so_far()
            yield from asked_about
        if part["state"] in _NOT_BEGUN:
            return
        if self._calls is None:
            self._calls = WorkflowItem(
                **self._base("work", index), workflow=Workflow(type="custom", tasks=[])
            )
        task = self.drawn.get("task", index, part, lambda: tasks.of_call(part))
        self._calls.workflow.tasks.append(task)
        if asked_about:
            yield from self._calls_so_far()

    def _asked(self, index: int, part: Part) -> Iterator[ThreadItem]:
        """Return what the person was asked about a call, and what they answered.

        One call may need their word first and a sign-in after it.
        """
        needs_sign_in = part.get("asks") == "sign_in"
        if "approval_id" in part:
            yield self._card(index, self._approval(part, is_over=needs_sign_in))
        if "schema" in part:
            yield self._form(index, part, is_over=needs_sign_in)
        if needs_sign_in:
            signing_in = WidgetItem(**self._base("sign", index), widget=_sign_in(part))
            yield signing_in

    def _approval(self, part: Part, *, is_over: bool) -> DynamicWidgetRoot:
        if part["state"] == "waiting":
            return cards.approval(part)
        # Of a sign-in after it, the part knows the newer decision alone.
        decided = "before" if is_over else str(part.get("decision"))
        return cards.closed(part["label"], _CLOSED.get(decided, _CLOSED["superseded"]))

    def _form(self, index: int, part: Part, *, is_over: bool) -> ThreadItem:
        was_sent = is_over or part.get("decision") in ("sent", "signed_in")
        about: dict[str, Any] = {
            "values": part.get("values") or {},
            "errors": part.get("errors") or (),
        }
        status: Any = "answered" if was_sent else "skipped"
        if part["state"] == "form":
            status = "pending"
            inputs = questionnaire.questions(part["schema"], **about)
        else:
            given = part.get("arguments") if was_sent else None
            inputs = questionnaire.answered(part["schema"], given, **about)
        return StructuredInputItem(
            **self._base("form", index), status=status, inputs=inputs
        )

    def _question(self, part: Part) -> DynamicWidgetRoot:
        if part["kind"] == "sign_in":
            return _sign_in(part)
        shown = asked(part)
        if shown.kind == "line":
            return cards.closed(shown.source, shown.word)
        chat_url = rest_views.chat_url(self.message.conversation_id)
        return cards.question(shown, chat_url=chat_url)

    def _text(self, index: int, part: Part) -> ThreadItem:
        return AssistantMessageItem(
            **self._base("text", index),
            content=[AssistantMessageContent(text=part["text"])],
        )

    def _card(self, index: int, widget: DynamicWidgetRoot) -> ThreadItem:
        return WidgetItem(**self._base("card", index), widget=widget)

    def _note(self, kind: str, index: int, task: CustomTask) -> ThreadItem:
        return TaskItem(**self._base(kind, index), task=task)

    def _base(self, kind: str, index: int) -> dict[str, Any]:
        return {
            "id": f"{kind}_{self.message.seq}_{index}",
            "thread_id": str(self.message.conversation_id),
            "created_at": self.message.created_at,
        }


def _sign_in(part: Part) -> DynamicWidgetRoot:
    if part["state"] == "sign_in":
        return cards.sign_in(part)
    if part["kind"] in QUESTIONS:
        shown = asked(part)
        return cards.closed(shown.source, shown.word)
    is_no = part["state"] in ("declined", "superseded", "expired")
    word = _CLOSED[part["state"] if is_no else "signed_in"]
    return cards.closed(str(part.get("connector") or part["label"]), word)
