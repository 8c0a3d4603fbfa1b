"""The language model that the operator chose, on the running loop's own client.

OpenAI's wire is what nearly every server speaks; the two others come with extras
that are only imported where they are asked for.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from django.conf import settings

from agent.errors import ModelRefused
from connectors import pools
from connectors.egress import HttpClient

if TYPE_CHECKING:
    from pydantic_ai.models import Model

# Servers of one's own want no key; the SDK wants one all the same.
NO_KEY = "none"


def is_direct() -> bool:
    """Tell whether there is no language model, so that Direct mode answers."""
    return not (settings.LLM_MODEL and (settings.LLM_API_KEY or settings.LLM_BASE_URL))


@asynccontextmanager
async def model() -> "AsyncGenerator[Model]":
    """Give the model of the settings, for the length of the block.

    Raises:
        ModelRefused: LLM_PROVIDER is unknown, or its package is not installed.
    """
    build = _BUILDERS.get(settings.LLM_PROVIDER)
    if build is None:
        raise ModelRefused(
            f"LLM_PROVIDER is {settings.LLM_PROVIDER!r}; it can be "
            f"{', '.join(_BUILDERS)}. Tell whoever runs this installation."
        )
    async with pools.operator() as client:
        try:
            built = build(client)
        except ImportError as problem:
            raise ModelRefused(
                f"LLM_PROVIDER={settings.LLM_PROVIDER} needs the package pydantic-ai-"
                f"slim[{settings.LLM_PROVIDER}]. Tell whoever runs this installation."
            ) from problem
        yield built


def _openai(client: HttpClient) -> "Model":
    # Slow to import, and nobody in Direct mode needs it.
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    sdk = AsyncOpenAI(
        base_url=settings.LLM_BASE_URL or "https://api.openai.com/v1",
        api_key=settings.LLM_API_KEY or NO_KEY,
        http_client=client,
        # A person decides whether to try again, and sees that it failed.
        max_retries=0,
    )
    return OpenAIChatModel(
        settings.LLM_MODEL,
        provider=OpenAICompatibleProvider("llm", openai_client=sdk)
        if settings.LLM_BASE_URL
        else OpenAIProvider(openai_client=sdk),
        # Without it, an answer that was cut off would pass for a whole one.
        profile=OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True),
    )


def _anthropic(client: HttpClient) -> "Model":
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    return AnthropicModel(
        settings.LLM_MODEL,
        provider=AnthropicProvider(
            api_key=settings.LLM_API_KEY or NO_KEY,
            base_url=settings.LLM_BASE_URL or None,
            http_client=client,
        ),
    )


def _google(client: HttpClient) -> "Model":
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    return GoogleModel(
        settings.LLM_MODEL,
        provider=GoogleProvider(
            api_key=settings.LLM_API_KEY or NO_KEY,
            base_url=settings.LLM_BASE_URL or None,
            http_client=client,
        ),
    )


_BUILDERS: "dict[str, Callable[[HttpClient], Model]]" = {
    "openai": _openai,
    "anthropic": _anthropic,
    "google": _google,
}
