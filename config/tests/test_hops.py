"""Requests that come from ourselves are refused."""

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client
from pytest_django import Settings

from config.tests.live import LiveServer
from connectors import egress
from connectors.validator import avalidate_mcp_connection

pytestmark = pytest.mark.django_db


def own_hop() -> dict[str, str]:
    return {egress.HOP_HEADER: egress.hop()}


def test_a_request_of_our_own_egress_is_refused(client: Client):
    assert client.get("/accounts/login/", headers=own_hop()).status_code == 400
    answer = client.get("/api/schema", headers=own_hop())
    assert answer.status_code == 400
    assert answer.json()["error"] == "BAD_REQUEST"


async def test_it_is_refused_over_asgi_too(async_client: AsyncClient):
    answer = await async_client.get("/api/schema", headers=own_hop())
    assert answer.status_code == 400


def test_the_hop_of_another_installation_is_let_in(client: Client):
    headers = {egress.HOP_HEADER: "0" * 16}
    assert client.get("/accounts/login/", headers=headers).status_code == 200


def test_a_connector_that_points_here_does_not_work(
    live_server_asgi: LiveServer, settings: Settings
):
    settings.EGRESS_ALLOW = ["127.0.0.1/32"]
    url = f"{live_server_asgi.url}/api/connectors"
    result = async_to_sync(avalidate_mcp_connection)(url)
    assert not result.success
