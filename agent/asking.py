"""One question to the language model: streamed, limited, its failures named.

What the model's server says of a failure is not shown: it may name the key, or who
runs it.
"""

import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from django.conf import settings
from pydantic_ai.direct import model_request_stream
from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    UnexpectedModelBehavior,
    UserError,
)
from pydantic_ai.messages import (
    InstructionPart,
    ModelMessage,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
    ToolCallPartDelta,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from agent.errors import (
    ModelBusy,
    ModelFailure,
    ModelKeyRejected,
    ModelNonsense,
    ModelRefused,
    ModelUnavailable,
)

# Of one answer, text and arguments together.
ANSWER_CHARS = 1_000_000
# An answer may take this many silences of LLM_TIMEOUT_S in all: one that drips ends.
SILENCES = 10

OnText = Callable[[str], Awaitable[None]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the model is asked, with the tools it may use.

    `forced` are the names of those of which it has to call one.
    """

    messages: Sequence[ModelMessage]
    instructions: str = ""
    tools: Sequence[ToolDefinition] = ()
    forced: Sequence[str] = field(default=())


async def ask(model: Model, question: Question, on_text: OnText) -> ModelResponse:
    """Ask, and give each piece of text to `on_text` as it comes.

    Raises:
        ModelFailure: by code.
    """
    said = 0
    with failures():
        async with model_request_stream(
            model,
            question.messages,
            model_settings=_settings(question),
            model_request_parameters=ModelRequestParameters(
                function_tools=list(question.tools),
                instruction_parts=[InstructionPart(content=question.instructions)]
                if question.instructions
                else None,
            ),
        ) as stream:
            async for event in stream:
                text, more = _text_of(event), _size_of(event)
                said += more
                if said > ANSWER_CHARS:
                    raise ModelNonsense("The language model does not stop talking.")
                if text:
                    await on_text(text)
            return stream.get()


@contextmanager
def failures() -> Iterator[None]:
    """Turn what the SDK raises into our own failures."""
    try:
        yield
    except (ModelAPIError, UnexpectedModelBehavior, UserError) as problem:
        failure = _named(problem)
        log.warning(
            "model.failed", error_code=failure.code, reason=type(problem).__name__
        )
        raise failure from problem


def _named(problem: Exception) -> ModelFailure:
    match problem:
        case ModelAuthenticationError():
            return ModelKeyRejected()
        case ModelRateLimitError() | ModelQuotaExceededError():
            return ModelBusy()
        # A UserError is what a model's profile rules out before anything is sent.
        case ModelRequestRejectedError() | UserError():
            return ModelRefused()
        case UnexpectedModelBehavior():
            return ModelNonsense()
    if isinstance(problem.__cause__, json.JSONDecodeError | UnicodeDecodeError):
        return ModelNonsense()
    return ModelUnavailable()


def _settings(question: Question) -> ModelSettings:
    chosen = ModelSettings(
        max_retries=0, request_timeout=SILENCES * settings.LLM_TIMEOUT_S
    )
    if question.forced:
        chosen["tool_choice"] = list(question.forced)
    return chosen


def _text_of(event: object) -> str:
    match event:
        case PartStartEvent(part=TextPart(content=text)):
            return text
        case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
            return text
    return ""


def _size_of(event: object) -> int:
    match event:
        case PartStartEvent(part=ToolCallPart(args=args)):
            return len(str(args or ""))
        case PartDeltaEvent(delta=ToolCallPartDelta(args_delta=args)):
            return len(str(args or ""))
    return len(_text_of(event))
