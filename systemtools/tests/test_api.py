"""System tools over REST."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils.dateparse import parse_datetime

from accounts.models import User
from config.tests.rest import ApiClient
from systemtools.models import UserToolStatus

pytestmark = pytest.mark.usefixtures("sample_tools")

CONFIG = {"town": "Ulm", "key": "k3ys"}


def listed(api: ApiClient) -> dict[str, Any]:
    return {tool["id"]: tool for tool in api.get("/api/tools").json()["tools"]}


def test_list_system_tools(api: ApiClient) -> None:
    tools = listed(api)
    diary = tools["diary"]
    offered = {
        "name": "read",
        "title": "Read",
        "description": "Read all of it.",
    }
    assert offered in diary.pop("tools")
    assert diary == {
        "id": "diary",
        "name": "Diary",
        "description": "What happened, day by day.",
        "icon": "book",
        "category": "Tests",
        "auth_type": "none",
        "is_enabled": True,
        "is_beta": True,
        "status": "available",
        "is_connected": False,
        "connected_at": None,
    }
    drive = tools["google-drive"]
    assert (drive["status"], drive["is_enabled"]) == ("coming_soon", False)
    assert drive["tools"] == []


def test_connect_tool(api: ApiClient) -> None:
    answer = api.post("/api/tools/diary/connect")
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "message": "Diary is connected.",
        "requires_oauth": False,
        "oauth_url": None,
    }
    diary = listed(api)["diary"]
    assert (diary["status"], diary["is_connected"]) == ("connected", True)
    assert parse_datetime(diary["connected_at"])


def test_disconnect_tool(api: ApiClient) -> None:
    api.post("/api/tools/diary/connect")
    answer = api.post("/api/tools/diary/disconnect")
    assert answer.json() == {"success": True, "message": "Diary is disconnected."}
    assert not listed(api)["diary"]["is_connected"]


def test_connecting_twice_does_no_harm_and_says_so(api: ApiClient) -> None:
    api.post("/api/tools/diary/connect")
    since = listed(api)["diary"]["connected_at"]
    again = api.post("/api/tools/diary/connect", {})
    assert again.json()["success"]
    assert again.json()["message"] == "Diary is already connected."
    assert listed(api)["diary"]["connected_at"] == since


def test_disconnecting_what_is_not_connected_does_no_harm(api: ApiClient) -> None:
    answer = api.post("/api/tools/diary/disconnect").json()
    message = "Diary was not connected, so there was nothing to end."
    assert answer == {"success": True, "message": message}


@pytest.mark.parametrize("verb", ["connect", "disconnect"])
@pytest.mark.parametrize("tool_id", ["nothing", "Diary", "..", "diary ", "%00"])
def test_a_tool_that_is_not_there_is_404(
    api: ApiClient, verb: str, tool_id: str
) -> None:
    answer = api.post(f"/api/tools/{tool_id}/{verb}")
    assert answer.status_code == 404
    assert answer.json()["error"] == "TOOL_NOT_FOUND"


def test_what_is_coming_soon_cannot_be_connected(api: ApiClient) -> None:
    answer = api.post("/api/tools/google-drive/connect")
    assert answer.status_code == 409
    assert answer.json() == {
        "error": "TOOL_UNAVAILABLE",
        "message": "Google Drive is coming soon. It cannot be connected yet.",
    }


def test_a_tool_that_is_set_up_takes_its_config(api: ApiClient) -> None:
    assert api.post("/api/tools/weather/connect", {"config": CONFIG}).json()["success"]
    weather = api.get("/api/tools")
    assert listed(api)["weather"]["is_connected"]
    assert "k3ys" not in weather.text


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({}, ["config", "town", "required"]),
        ({"config": {"town": "Ulm"}}, ["config", "key", "required"]),
        ({"config": CONFIG | {"days": "3"}}, ["config", "days", "type"]),
        ({"config": CONFIG | {"key": "k"}}, ["config", "key", "minLength"]),
        ({"config": "town"}, ["config", "object"]),
        ({"config": [1]}, ["config", "object"]),
        ([], ["object"]),
    ],
)
def test_a_config_that_does_not_suit_is_422_and_names_the_place(
    api: ApiClient, body: Any, loc: list[str]
) -> None:
    answer = api.post("/api/tools/weather/connect", body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", *loc]
    assert "k3ys" not in answer.text
    assert not UserToolStatus.objects.filter(is_connected=True).exists()


def test_a_tool_without_settings_takes_none(api: ApiClient) -> None:
    answer = api.post("/api/tools/diary/connect", {"config": {"colour": "red"}})
    assert answer.status_code == 422
    assert not listed(api)["diary"]["is_connected"]


def test_each_person_has_their_own(
    api: ApiClient, api_client: Callable[..., ApiClient], bob: User
) -> None:
    api.post("/api/tools/diary/connect")
    other = api_client(bob)
    assert not listed(other)["diary"]["is_connected"]
    other.post("/api/tools/diary/disconnect")
    assert listed(api)["diary"]["is_connected"]


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("connectors:write", "GET", "/api/tools"),
        ("connectors:read", "POST", "/api/tools/diary/connect"),
        ("connectors:read", "POST", "/api/tools/diary/disconnect"),
    ],
)
def test_a_token_needs_the_scope(
    api_client: Callable[..., ApiClient],
    alice: User,
    scope: str,
    method: str,
    path: str,
) -> None:
    answer = api_client(alice, [scope]).send(method, path)
    assert answer.status_code == 403
    assert answer.json()["error"] == "SCOPE_MISSING"


def test_a_list_asks_the_database_twice(
    api: ApiClient, alice: User, django_assert_max_num_queries: Any
) -> None:
    api.post("/api/tools/diary/connect")
    # Token and person first.
    with django_assert_max_num_queries(4):
        api.get("/api/tools")
