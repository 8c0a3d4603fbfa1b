"""What passes between a turn and the language model: questions, limits, usage."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.utils import timezone
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model

from agent import asking, history, instructions, offering
from agent.asking import OnText, Question
from agent.enforcement import Promise
from agent.errors import ModelRefused, TurnLimit
from agent.offering import SEARCH_TOOLS, Offer
from agent.parts import Part
from agent.tool import Tool
from agent.work import Work
from connectors import pools
from connectors.text import clean

_NAME_CHARS = 64
_COUNTED = ("requests", "input_tokens", "output_tokens", "tool_calls")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A call that the model wants: its arguments, or the problem with it.

    Without a tool and a problem it is a search for tools.
    """

    call: ToolCallPart
    tool: Tool | None = None
    given: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


class Dialogue:
    """What was said so far, what may be said next, and what it has cost."""

    def __init__(self, work: Work, promise: Promise) -> None:
        self._promise = promise
        self._before = work.usage
        self._offer = Offer(work.toolbox, words=work.text)
        self._offered: dict[str, Tool] = {}
        self._can_force = True
        self._messages: list[ModelMessage] = history.messages(
            earlier=work.earlier, text=work.text, parts=work.parts
        )
        self.usage: dict[str, Any] = {
            **dict.fromkeys(_COUNTED, 0), "mode": "model"
        }  # fmt: skip

    async def ask(self, model: Model, on_text: OnText) -> ModelResponse:
        """Ask; force what was picked if the model's server can, else hope for it.

        Nothing is heard while the pick is due.

        Raises:
            ModelFailure: by code; TurnLimit if this turn has used what it may.
        """
        if not (self._promise.is_open and self._can_force):
            return await self._ask_once(model, on_text, forced=())
        try:
            return await self._ask_once(model, on_text, forced=self._promise.names)
        except ModelRefused:
            self._can_force = False
            return await self._ask_once(model, on_text, forced=())

    def count_call(self) -> None:
        """Count a call that is about to be made.

        Raises:
            TurnLimit: there were enough.
        """
        if self._used("tool_calls") >= settings.TURN_MAX_TOOL_CALLS:
            raise TurnLimit
        self.usage["tool_calls"] += 1

    def wishes(self, response: ModelResponse) -> list[Wish]:
        """Return what the model wants called, in order."""
        return [self._wish(call) for call in response.tool_calls]

    def search(self, wish: Wish) -> ToolReturnPart:
        """Search for tools, which are offered from then on."""
        query = wish.given.get("query")
        told = self._offer.search(query if isinstance(query, str) else "")
        return ToolReturnPart(
            wish.call.tool_name, told, tool_call_id=wish.call.tool_call_id
        )

    def remember(
        self,
        response: ModelResponse,
        *,
        made: Sequence[ToolCallPart] = (),
        returns: Sequence[ToolReturnPart] = (),
        remarks: Sequence[str] = (),
    ) -> None:
        """Keep an answer, the calls of it that were made, and what came of them."""
        # Thoughts belong to calls; some servers want them back with those.
        unkept = (ToolCallPart,) if made else (ToolCallPart, ThinkingPart)
        kept = [part for part in response.parts if not isinstance(part, unkept)]
        if kept or made:
            self._messages.append(replace(response, parts=[*kept, *made]))
        said = [UserPromptPart("\n".join(remarks))] if remarks else []
        if returns or said:
            self._messages.append(ModelRequest(parts=[*returns, *said]))

    def remember_call(self, part: Part) -> None:
        """Keep a call that the model did not make."""
        self._messages += history.called(part)

    async def _ask_once(
        self, model: Model, on_text: OnText, *, forced: Sequence[str]
    ) -> ModelResponse:
        self._check_limits()
        question = self._question(forced)
        await pools.release_db()
        self.usage["requests"] += 1
        hear = _unheard if self._promise.is_open else on_text
        response = await asking.ask(model, question, hear)
        self.usage["input_tokens"] += response.usage.input_tokens
        self.usage["output_tokens"] += response.usage.output_tokens
        return response

    def _question(self, forced: Sequence[str]) -> Question:
        due = self._promise.names
        tools = self._tools(due)
        self._offered = {tool.wire_name: tool for tool in tools}
        is_searching = self._offer.is_searching and not due
        return Question(
            instructions=instructions.system(
                timezone.now(), is_searching=is_searching, picked=due
            ),
            messages=self._messages,
            tools=offering.definitions(tools, with_search=is_searching),
            forced=[name for name in forced if name in self._offered],
        )

    def _tools(self, due: Sequence[str]) -> list[Tool]:
        """Return what to offer: what is due alone, where naming it is not enough."""
        picked = [tool.wire_name for tool in self._promise.tools]
        tools = self._offer.tools(picked=picked)
        alone = len(due) > 1 or self._promise.missed or not self._can_force
        if due and alone:
            return [tool for tool in tools if tool.wire_name in due]
        return tools

    def _check_limits(self) -> None:
        tokens = self._used("input_tokens") + self._used("output_tokens")
        too_many = self._used("requests") >= settings.TURN_MAX_REQUESTS
        if too_many or tokens >= settings.TURN_MAX_TOKENS:
            raise TurnLimit

    def _used(self, name: str) -> int:
        """Return how much this turn has used, questions to the person in between."""
        return self._before.get(name, 0) + int(self.usage[name])

    def _wish(self, call: ToolCallPart) -> Wish:
        name = clean(call.tool_name, limit=_NAME_CHARS)
        due = self._promise.names
        tool = self._offered.get(call.tool_name)
        searches = name == SEARCH_TOOLS and self._offer.is_searching and not due
        given = _arguments(call)
        problem = ""
        if tool is None and not searches:
            problem = f"{name}: there is no such tool."
        elif due and call.tool_name not in due:
            problem = f"{name}: not now. First call {instructions.listed(due)}."
        elif given is None:
            problem = f"{name}: the arguments are not a JSON object."
        return Wish(call=call, tool=tool, given=given or {}, problem=problem)


async def _unheard(text: str) -> None:
    """Hear nothing."""


def _arguments(call: ToolCallPart) -> dict[str, Any] | None:
    """Return the arguments of a call, or None if they are no JSON object."""
    if isinstance(call.args, dict):
        return call.args
    try:
        value = json.loads(call.args or "{}")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
