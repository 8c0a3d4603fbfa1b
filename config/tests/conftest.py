from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from config.tests import failing_urls


@pytest.fixture
def fail(settings: Any) -> Iterator[Callable[..., Any]]:
    """Raise an exception in a view, and give the response."""
    settings.ROOT_URLCONF = "config.tests.failing_urls"
    client = Client(raise_request_exception=False)

    def get(exc: Exception, path: str = "/api/rest", **extra: Any) -> Any:
        failing_urls.RAISE.append(exc)
        return client.get(path, **extra)

    yield get
    failing_urls.RAISE.clear()
