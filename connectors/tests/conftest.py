"""What the tests of REST begin with: a server, and a connector to it."""

from typing import Any

import pytest

from config.tests.rest import ApiClient
from connectors.tests.over_rest import add
from demo.hostile import Hostile


@pytest.fixture
def peer(hostile: Hostile, allow_loopback: None) -> Hostile:
    """A server for every fault there is, `peer.url("good")`; it may be dialled."""
    return hostile


@pytest.fixture
def added(api: ApiClient, peer: Hostile) -> Any:
    """A connector of alice's to the good server."""
    return add(api, peer)
