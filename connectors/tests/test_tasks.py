"""Work that the worker does for staff."""

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django.urls import reverse
from django_tasks_db.models import DBTaskResult
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from connectors import tasks
from connectors.models import Status, UserMCPConnection
from connectors.tests import verbs
from demo.hostile import Hostile

pytestmark = pytest.mark.usefixtures("allow_loopback")

CONNECTORS = UserMCPConnection.objects
LIST = "admin:connectors_usermcpconnection_changelist"


@pytest.fixture
def away(alice: User, hostile: Hostile) -> UserMCPConnection:
    """A connector whose server was away when it was last looked at."""
    row = verbs.add(alice, hostile.url("good"))
    CONNECTORS.update(status=Status.UNREACHABLE, last_error_code="TIMEOUT")
    hostile.clear()
    return row


def test_a_connector_is_tested_again(alice: User, away: UserMCPConnection) -> None:
    async_to_sync(tasks.test_again.func)(connector_id=away.pk, user_id=alice.pk)
    assert CONNECTORS.get().status == Status.READY


def test_a_connector_that_is_gone_is_no_failure(bob: User) -> None:
    with capture_logs() as logs:
        async_to_sync(tasks.test_again.func)(connector_id=1, user_id=bob.pk)
    assert [log["error_code"] for log in logs] == ["CONNECTOR_NOT_FOUND"]


def _ask(client: Client, connector: UserMCPConnection) -> str:
    data = {"action": "test_again", "_selected_action": [connector.pk]}
    return client.post(reverse(LIST), data, follow=True).content.decode()


def test_staff_ask_for_a_test_and_the_request_dials_nobody(
    client: Client,
    carol: User,
    away: UserMCPConnection,
    hostile: Hostile,
    settings: Settings,
) -> None:
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    client.force_login(carol)
    assert "will be tested again" in _ask(client, away)
    enqueued = DBTaskResult.objects.get()
    assert enqueued.args_kwargs == {
        "args": [],
        "kwargs": {"connector_id": away.pk, "user_id": away.user_id},
    }
    assert hostile.seen("good").requests == 0
    enqueued.task.call(*enqueued.args_kwargs["args"], **enqueued.args_kwargs["kwargs"])
    assert CONNECTORS.get().status == Status.READY


def test_who_may_only_look_cannot_ask_for_a_test(
    client: Client, bob: User, away: UserMCPConnection, hostile: Hostile
) -> None:
    bob.is_staff = True
    bob.save()
    client.force_login(bob)
    _ask(client, away)
    assert CONNECTORS.get().status == Status.UNREACHABLE
    assert hostile.seen("good").requests == 0
