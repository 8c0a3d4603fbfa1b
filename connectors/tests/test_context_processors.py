"""How many connectors need a look, as the shell of every page says it."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from connectors.models import Status, UserMCPConnection

COUNT = '<span class="count">'


def add(user: User, slot: int, **fields: Any) -> None:
    values = {"slot": slot, "name": f"No {slot}", "server_url": f"https://{slot}.test"}
    UserMCPConnection.objects.create(user=user, **{**values, **fields})


@pytest.fixture
def shell(client: Client, alice: User) -> Any:
    """Give the text of a page that has nothing to do with connectors."""
    client.force_login(alice)
    return lambda: client.get("/settings").text


def test_what_works_or_rests_needs_no_look(alice: User, bob: User, shell: Any) -> None:
    add(alice, 1, status=Status.READY, is_verified=True)
    add(alice, 2, status=Status.UNREACHABLE, is_active=False)
    add(bob, 1, status=Status.UNREACHABLE)
    assert COUNT not in shell()


def test_what_does_not_work_is_counted(alice: User, shell: Any) -> None:
    add(alice, 1, status=Status.UNREACHABLE)
    add(alice, 2, status=Status.SIGN_IN)
    assert f'{COUNT}<span class="sr">, </span>2' in shell()


def test_a_page_without_the_shell_counts_nothing(
    client: Client, db: None, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        client.get("/accounts/login/")
