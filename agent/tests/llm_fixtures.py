"""The fake language model as a fixture, for every app's tests."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from agent.tests.fake_llm import FakeLlm, running


@pytest.fixture(scope="session")
def llm_server() -> Iterator[FakeLlm]:
    with running() as llm:
        yield llm


@pytest.fixture
def llm(llm_server: FakeLlm, settings: Settings) -> FakeLlm:
    """A language model that obeys, and is this installation's.

    `settings.LLM_MODEL = "disobey"` gives it another character, see fake_models.
    """
    llm_server.clear()
    settings.LLM_PROVIDER = "openai"
    settings.LLM_BASE_URL = llm_server.base_url
    settings.LLM_API_KEY = "sk-test-key"
    settings.LLM_MODEL = "obey"
    settings.LLM_TIMEOUT_S = 5
    return llm_server
