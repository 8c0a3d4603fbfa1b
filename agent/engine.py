"""A turn with a language model: it is asked, its calls are made, until it answers.

Our own loop over pydantic-ai's model layer (docs/adr/0009): the pick is enforced
here, calls wait for people here, and what happened is stored step by step, so that a
turn can be gone on with by another process.
"""

from dataclasses import dataclass, field, replace

from pydantic_ai.messages import ModelResponse, ToolCallPart, ToolReturnPart
from pydantic_ai.models import Model

from agent import calling, enforcement, history, instructions, providers
from agent.calling import new_key
from agent.dialogue import Dialogue, Wish
from agent.enforcement import Promise
from agent.errors import ModelFailure, ModelNonsense
from agent.models import Enforcement
from agent.parts import calls_in
from agent.work import Called, Ending, Work

# Answers in a row of which nothing could be used.
FRUITLESS_MAX = 3
EMPTY = "The language model answered nothing. Try again."
SAID_NOTHING = "The language model said nothing about it."
CALLED_ANYWAY = (
    "The language model did not call what you picked. Patchbay does, with your words."
)
SHOWN_ANYWAY = "The language model did not call what you picked, so here is its form."
CUT = "The answer was cut off: it reached the longest that the language model writes."
NOT_MADE = "These calls were not made."


async def answer(work: Work) -> Ending:
    """Answer a message with the language model of the settings.

    Raises:
        LostTurn: the turn is somebody else's by now, or was stopped.
    """
    promise = await enforcement.begin(work)
    if isinstance(promise, Ending):
        return promise
    turn = _Turn(work, promise)
    try:
        async with providers.model() as model:
            ending = await turn.run(model)
    except ModelFailure as failure:
        await work.journal.flush()
        ending = turn.failed(failure)
    return replace(ending, usage=turn.usage)


@dataclass(kw_only=True)
class _Step:
    """What one answer of the model led to."""

    made: list[ToolCallPart] = field(default_factory=list)
    returns: list[ToolReturnPart] = field(default_factory=list)
    waiting: list[Called] = field(default_factory=list)
    is_fruitful: bool = False


class _Turn:
    """One attempt at a turn."""

    def __init__(self, work: Work, promise: Promise) -> None:
        self._work, self._promise = work, promise
        self._dialogue = Dialogue(work, promise)
        self._fruitless = 0
        self._steps = max((part["step"] for part in calls_in(work.parts)), default=0)

    @property
    def usage(self) -> dict[str, object]:
        return self._dialogue.usage

    async def run(self, model: Model) -> Ending:
        """Ask until there is an answer, or something to wait for."""
        self._dialogue.usage["model"] = model.model_name
        while True:
            response = await self._dialogue.ask(model, self._work.journal.text)
            take = self._act if response.tool_calls else self._listen
            ending = await take(response)
            if ending is None and self._promise.is_broken:
                ending = await self._call_anyway()
            if ending is not None:
                return ending

    def failed(self, failure: ModelFailure) -> Ending:
        """Return how a turn ends whose model failed; what there is is kept."""
        kept = self._promise.kept
        is_due = self._work.pick is not None and kept == Enforcement.NONE
        return Ending(
            state="failed",
            enforcement=Enforcement.ERROR if is_due else kept,
            error_code=failure.code,
            message=failure.message,
        )

    async def _act(self, response: ModelResponse) -> Ending | None:
        """Make the calls of an answer; return an ending if the turn ends or waits."""
        self._steps += 1
        step = _Step()
        wishes = self._dialogue.wishes(response)
        for wish in wishes:
            if not wish.problem:
                await self._make(wish, step)
            if self._promise.kept == Enforcement.REFUSED:
                return await self._refuse()
        if step.waiting:
            return self._wait(step.waiting[0])
        problems = [wish.problem for wish in wishes if wish.problem]
        self._dialogue.remember(
            response,
            made=step.made,
            returns=step.returns,
            remarks=[NOT_MADE, *problems] if problems else (),
        )
        self._count(step)
        return None

    async def _make(self, wish: Wish, step: _Step) -> None:
        self._dialogue.count_call()
        key = new_key()
        call = replace(wish.call, args=wish.given, tool_call_id=key)
        step.made.append(call)
        if wish.tool is None:
            step.returns.append(self._dialogue.search(replace(wish, call=call)))
            step.is_fruitful = True
            return
        called = await calling.call(
            self._work,
            tool=wish.tool,
            arguments=wish.tool.wire.arguments(wish.given),
            step=self._steps,
            call_key=key,
        )
        self._promise.note(called.part)
        if called.state in enforcement.WAITING:
            step.waiting.append(called)
        else:
            step.returns.append(history.returned(called.part))
        step.is_fruitful |= called.state != "invalid"

    def _count(self, step: _Step) -> None:
        """Count how often in a row nothing came of what the model answered."""
        self._promise.miss()
        self._fruitless = 0 if step.is_fruitful else self._fruitless + 1
        if self._fruitless >= FRUITLESS_MAX:
            raise ModelNonsense

    async def _listen(self, response: ModelResponse) -> Ending | None:
        """Take an answer without calls: the end, unless the pick is still due."""
        if self._promise.is_open:
            again = instructions.insist(self._promise.names)
            self._dialogue.remember(response, remarks=[again])
            self._promise.miss()
            return None
        await self._say_the_rest(response)
        await self._work.journal.flush()
        return Ending(state="done", enforcement=self._promise.kept)

    async def _say_the_rest(self, response: ModelResponse) -> None:
        """Say what did not come as text: a refusal, a cut, nothing at all."""
        refusal = (response.provider_details or {}).get("refusal")
        if isinstance(refusal, str) and refusal:
            await self._work.journal.text(refusal)
        elif not response.text:
            if not calls_in(self._work.parts):
                raise ModelNonsense(EMPTY)
            await self._notice(SAID_NOTHING)
        if response.finish_reason == "length":
            await self._notice(CUT)

    async def _call_anyway(self) -> Ending | None:
        """Use what was picked without the model, which had its chances."""
        self._dialogue.count_call()
        self._steps += 1
        called = await enforcement.call_anyway(
            self._work, self._promise.tools, step=self._steps, before=self._say_how
        )
        self._promise.note(called.part)
        if self._promise.kept == Enforcement.REFUSED:
            return await self._refuse()
        if called.state in enforcement.WAITING:
            return self._wait(called)
        if self._promise.is_open:
            raise ModelNonsense
        self._dialogue.remember_call(called.part)
        return None

    async def _say_how(self, is_form: bool) -> None:
        await self._notice(SHOWN_ANYWAY if is_form else CALLED_ANYWAY)

    def _wait(self, called: Called) -> Ending:
        kept = self._promise.kept
        if kept == Enforcement.NONE and self._work.pick is not None:
            kept = enforcement.WAITING[called.state]
        return Ending(state="waiting", enforcement=kept)

    async def _refuse(self) -> Ending:
        return await enforcement.refuse(self._work, self._promise.refusal)

    async def _notice(self, text: str) -> None:
        await self._work.journal.emit(
            "notice", level="info", text=text, detail="", code=""
        )
