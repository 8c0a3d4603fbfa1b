"""What staff see of one-off tasks."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import User

CANARY = "canary-7a5c"
LIST = "admin:django_tasks_database_dbtaskresult_changelist"


@pytest.fixture
def staff(client: Client, carol: User) -> Client:
    client.force_login(carol)
    return client


@pytest.fixture
def failed(db: None) -> DBTaskResult[Any, Any]:
    return DBTaskResult.objects.create(
        status="FAILED",
        task_path="connectors.tasks.test_again",
        args_kwargs={"args": [], "kwargs": {"connector_id": CANARY}},
        return_value=CANARY,
        backend_name="default",
        run_after=timezone.now(),
        exception_class_path="builtins.ValueError",
        traceback=f"ValueError: the server said {CANARY}",
    )


def test_a_task_is_shown_without_what_it_was_given_or_said(
    staff: Client, failed: DBTaskResult[Any, Any]
) -> None:
    name = LIST.replace("changelist", "change")
    pages = [staff.get(reverse(LIST)), staff.get(reverse(name, args=[failed.pk]))]
    for page in pages:
        assert page.status_code == 200
        assert "connectors.tasks.test_again" in page.text
        assert CANARY not in page.text
    assert "builtins.ValueError" in pages[1].text


@pytest.mark.parametrize("lookup", ["traceback__contains", "args_kwargs__contains"])
def test_a_task_tells_nothing_by_a_filter(
    staff: Client, failed: DBTaskResult[Any, Any], lookup: str
) -> None:
    assert staff.get(reverse(LIST), {lookup: "a"}).status_code == 400


def test_staff_filter_tasks(staff: Client, failed: DBTaskResult[Any, Any]) -> None:
    for status, count in (("FAILED", 1), ("READY", 0)):
        page = staff.get(reverse(LIST), {"status__exact": status})
        assert len(page.context["cl"].result_list) == count
