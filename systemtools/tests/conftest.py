"""The tools of the tests beside those of the installation."""

from typing import Any

import pytest
from pytest_django import Settings


@pytest.fixture
def sample_tools(settings: Settings) -> Any:
    settings.SYSTEM_TOOL_PACKAGES = ["systemtools", "systemtools.tests.tools"]
    return settings
