"""Steps that the tests of REST take again and again."""

from typing import Any

from config.tests.rest import ApiClient
from demo.hostile import Hostile

CONNECTORS = "/api/connectors"
TEST = "/api/connectors/test"


def add(api: ApiClient, peer: Hostile, name: str = "Good", **more: Any) -> Any:
    """Add a connector, to the good server unless `server_url` says otherwise."""
    body = {"name": name, "server_url": peer.url("good"), **more}
    response = api.post(CONNECTORS, body)
    assert response.status_code == 201, response.text
    return response.json()


def at(connector: Any, rest: str = "") -> str:
    """Return the address of a connector, or of something below it."""
    return f"{CONNECTORS}/{connector['id']}{rest}"
