"""Which system tools there are in a test, for every app's tests."""

from typing import Any

import pytest
from pytest_django import Settings


@pytest.fixture
def sample_tools(settings: Settings) -> Any:
    """Those of the tests beside those of the installation."""
    settings.SYSTEM_TOOL_PACKAGES = ["systemtools", "systemtools.tests.tools"]
    return settings


@pytest.fixture
def only_sample_tools(settings: Settings) -> None:
    """Those of the tests alone: a diary to connect, a weather station to set up."""
    settings.SYSTEM_TOOL_PACKAGES = ["systemtools.tests.tools"]


@pytest.fixture
def no_system_tools(settings: Settings) -> None:
    """None at all, where a test is about connectors."""
    settings.SYSTEM_TOOL_PACKAGES = []
