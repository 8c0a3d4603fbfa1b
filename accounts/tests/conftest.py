from collections.abc import Iterator

import pytest
from pytest_django import Settings

from accounts.tests import smtp


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[smtp.Mailbox]:
    """All mail of this test arrives at a real mail server, on loopback."""
    with smtp.mailbox(settings) as server:
        yield server
