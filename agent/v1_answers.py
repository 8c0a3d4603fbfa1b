"""From the events of a turn to what OpenAI's clients are sent.

`content` is what the agent says, notices as quotes, and where the person is asked
for something. What tools do goes to `reasoning_content`, which clients show as
thinking or leave out.

Source: OpenAI, API reference, "The chat completion object" and "The chat completion
chunk object"; `reasoning_content` is DeepSeek's, and understood by many.
"""

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings

from agent import envelope, links
from agent.errors import TurnLimit
from agent.parts import RETRY, Parts, calls_in, fold
from agent.rest_views import chat_url
from connectors.models import Outcome

type Delta = dict[str, str]

ARGUMENTS_CHARS: Final = 400
GOOD_ENDS: Final = ("done", "waiting")


@dataclass(kw_only=True)
class Answer:
    """What is said of one turn, collected while it happens."""

    conversation_id: int
    model: str
    text: str = ""
    thoughts: str = ""
    # The payload of the event `done`.
    ending: dict[str, Any] = field(default_factory=dict)
    parts: Parts = field(default_factory=list)
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))
    # Whether what is said last goes on with the next delta.
    _goes_on: bool = field(default=False, init=False)

    def take(self, kind: str, payload: dict[str, Any]) -> Iterator[Delta]:
        """Apply one event; yield what it adds to the answer."""
        fold(self.parts, kind, payload)
        match kind:
            case "text":
                yield from self._say(payload["delta"])
            case "notice" if payload["level"] != RETRY:
                yield from self._paragraph(_quote(payload))
            case "approval" | "input" if "decision" not in payload:
                yield from self._paragraph(self._asks(kind, payload))
            case "tool_started":
                yield self._think(f"{payload['label']} {_shown_arguments(payload)}\n")
            case "tool_done":
                yield from self._called(payload)
            case "done":
                yield from self._end(payload)

    def _say(self, delta: str) -> Iterator[Delta]:
        if not delta:
            return
        if not self._goes_on and self.text:
            delta = f"\n\n{delta}"
        self._goes_on = True
        self.text += delta
        yield {"content": delta}

    def _paragraph(self, said: str) -> Iterator[Delta]:
        self._goes_on = False
        yield from self._say(said)
        self._goes_on = False

    def _think(self, thought: str) -> Delta:
        self._goes_on = False
        self.thoughts += thought
        return {"reasoning_content": thought}

    def _asks(self, kind: str, payload: dict[str, Any]) -> str:
        chat = chat_url(self.conversation_id)
        if payload.get("asks") == "sign_in":
            page = links.sign_in_url(payload["source"], payload["ref"])
            return f"{payload['label']} needs you to sign in: {page}\nThen: {chat}"
        wants = "waits for your approval" if kind == "approval" else "needs more of you"
        return f"{payload['label']} {wants}: {chat}"

    def _called(self, payload: dict[str, Any]) -> Iterator[Delta]:
        said = payload.get("message") or payload.get("summary") or payload["state"]
        yield self._think(f"→ {said}\n")

    def _end(self, payload: dict[str, Any]) -> Iterator[Delta]:
        """Answer with a tool's result if nobody has put it into words."""
        self.ending = payload
        has_said = any(part["kind"] == "text" for part in self.parts)
        answered = [
            part
            for part in calls_in(self.parts, "done")
            if part.get("outcome") in (Outcome.OK, Outcome.TOOL_ERROR)
        ]
        if payload["state"] == "done" and answered and not has_said:
            yield from self._paragraph(_result(answered[-1]))

    # --- As objects ----------------------------------------------------------

    @property
    def failed(self) -> bool:
        """Tell whether it ended in an error; a limit that was reached is none."""
        return self.ending.get("state") not in GOOD_ENDS and not self._is_cut

    @property
    def has_called(self) -> bool:
        """Tell whether a tool was called, so that trying again would repeat it."""
        return bool(calls_in(self.parts))

    @property
    def finish_reason(self) -> str:
        return "length" if self._is_cut else "stop"

    @property
    def _is_cut(self) -> bool:
        return bool(self.text) and self.ending.get("error_code") == TurnLimit.code

    def usage(self) -> dict[str, int]:
        """Return what the models of this turn counted; zeros in Direct mode."""
        counted = self.ending.get("usage") or {}
        prompt = int(counted.get("input_tokens") or 0)
        completion = int(counted.get("output_tokens") or 0)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }

    def whole(self) -> dict[str, Any]:
        """Return the answer as one object."""
        message: dict[str, Any] = {
            "role": "assistant", "content": self.text, "refusal": None
        }  # fmt: skip
        if self.thoughts:
            message["reasoning_content"] = self.thoughts
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": self.finish_reason,
        }
        return self._object("chat.completion", [choice]) | {"usage": self.usage()}

    def chunk(
        self, delta: dict[str, Any], finish_reason: str | None = None
    ) -> dict[str, Any]:
        """Return a piece of the answer."""
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": None,
            "finish_reason": finish_reason,
        }
        return self._object("chat.completion.chunk", [choice])

    def usage_chunk(self) -> dict[str, Any]:
        """Return what comes last if the client wants to know the usage."""
        last = self._object("chat.completion.chunk", [])
        return last | {"usage": self.usage()}

    def _object(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }


def _quote(notice: dict[str, Any]) -> str:
    """Return a notice as a quote, which is how it is told from the answer."""
    mode = "Direct mode. " if notice["level"] == "direct" else ""
    lines = [mode + notice["text"], notice.get("detail") or ""]
    if link := notice.get("link"):
        lines.append(f"{settings.PUBLIC_URL}{link}" if link[0] == "/" else link)
    lines += [_proposal(tool) for tool in notice.get("tools") or ()]
    shown = "\n".join(line for line in lines if line)
    return "\n".join(f"> {line}" for line in shown.splitlines())


def _proposal(tool: dict[str, Any]) -> str:
    return f"- {tool['label']}: [TOOL:{tool['name']}]"


def _shown_arguments(payload: dict[str, Any]) -> str:
    shown = json.dumps(payload.get("arguments") or {}, ensure_ascii=False)
    return shown if len(shown) <= ARGUMENTS_CHARS else f"{shown[:ARGUMENTS_CHARS]}…"


def _result(part: dict[str, Any]) -> str:
    said = envelope.content_of(part.get("model_text") or "")
    return said or part.get("summary") or ""
