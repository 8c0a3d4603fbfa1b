"""What staff see of system tools."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from systemtools.models import ExportFile, UserToolStatus

CANARY = "canary-c0ffee"


@pytest.fixture
def staff(client: Client, carol: User) -> Client:
    client.force_login(carol)
    return client


@pytest.fixture
def status(alice: User) -> UserToolStatus:
    return UserToolStatus.objects.create(
        user=alice,
        tool_id="weather",
        is_connected=True,
        connected_at=timezone.now(),
        config={"town": CANARY},
        credentials={"key": CANARY},
    )


@pytest.fixture
def file(alice: User) -> ExportFile:
    return ExportFile.objects.create(
        user=alice,
        name=f"{CANARY}.md",
        content_type="text/markdown",
        body=CANARY.encode(),
        expires_at=timezone.now() + timedelta(hours=1),
    )


def test_staff_see_who_has_which_tool_and_not_what_they_entered(
    staff: Client, status: UserToolStatus
) -> None:
    listed = staff.get(reverse("admin:systemtools_usertoolstatus_changelist"))
    one = staff.get(
        reverse("admin:systemtools_usertoolstatus_change", args=[status.pk])
    )
    for page in (listed, one):
        assert page.status_code == 200
        assert "weather" in page.text
        assert "alice" in page.text
        assert CANARY not in page.text


def test_staff_see_that_there_are_files_and_not_what_is_in_them(
    staff: Client, file: ExportFile
) -> None:
    listed = staff.get(reverse("admin:systemtools_exportfile_changelist"))
    one = staff.get(reverse("admin:systemtools_exportfile_change", args=[file.pk]))
    for page in (listed, one):
        assert page.status_code == 200
        assert "text/markdown" in page.text
        # What it is called stands in the title of its page.
        assert CANARY not in page.text


def test_staff_change_nothing(staff: Client, status: UserToolStatus) -> None:
    address = reverse("admin:systemtools_usertoolstatus_change", args=[status.pk])
    assert staff.post(address, {"is_connected": ""}).status_code == 403
    assert staff.get(reverse("admin:systemtools_usertoolstatus_add")).status_code == 403


def test_rows_go_with_their_person(
    staff: Client, status: UserToolStatus, file: ExportFile
) -> None:
    address = reverse("admin:accounts_user_delete", args=[status.user_id])
    assert staff.post(address, {"post": "yes"}).status_code == 302
    assert not UserToolStatus.objects.exists()
    assert not ExportFile.objects.exists()
