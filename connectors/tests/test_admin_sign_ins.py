"""What staff see and do with OAuth clients, grants and sign-ins."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from connectors.client_identity import client_of, redirect_uri
from connectors.models import (
    AuthType,
    ClientKind,
    OAuthClient,
    OAuthFlow,
    OAuthGrant,
    OAuthRevocation,
)
from connectors.tests import rows

CANARY = "canary-c0ffee"
ISSUER = "https://as.example"
ADD = reverse("admin:connectors_oauthclient_add")


@pytest.fixture
def staff(client: Client, carol: User) -> Client:
    client.force_login(carol)
    return client


@pytest.fixture
def stored(alice: User) -> dict[str, Any]:
    """A grant of alice's, its client, and the sign-in that led to it."""
    connector = rows.connector(
        alice, auth_type=AuthType.OAUTH, auth_config={"client_secret": CANARY}
    )
    client = OAuthClient(
        issuer=ISSUER,
        redirect_uri=redirect_uri(),
        kind=ClientKind.DCR,
        client_id="abc",
        secret={"client_secret": CANARY},
    )
    client.save()
    grant = OAuthGrant(
        user=alice,
        connector=connector,
        tokens={"access_token": CANARY, "refresh_token": CANARY},
        issuer=ISSUER,
        client=client,
        scope="read",
        account_label="ada@demo.example",
    )
    grant.save()
    flow = OAuthFlow(
        user=alice,
        connector=connector,
        state_digest=f"digest-of-{CANARY}",
        session_digest=f"session-{CANARY}",
        draft={"auth_config": {"client_secret": CANARY}},
        verifier={"verifier": CANARY},
        issuer=ISSUER,
        error="access_denied",
        expires_at=timezone.now() + timedelta(minutes=10),
    )
    flow.save()
    return {"oauthclient": client, "oauthgrant": grant, "oauthflow": flow}


def listing(model: str) -> str:
    return reverse(f"admin:connectors_{model}_changelist")


def page(model: str, view: str, row: Any) -> str:
    return reverse(f"admin:connectors_{model}_{view}", args=[row.pk])


def added(client: Client, **changes: str) -> Any:
    fields = {"issuer": ISSUER, "client_id": "abc", "client_secret": CANARY, **changes}
    return client.post(ADD, fields)


def test_no_page_shows_a_secret_or_what_stands_for_one(
    staff: Client, stored: dict[str, Any]
):
    for model, row in stored.items():
        for url in (
            listing(model),
            f"{listing(model)}?q=alice",
            page(model, "change", row),
            page(model, "history", row),
        ):
            answer = staff.get(url)
            assert answer.status_code == 200, url
            assert CANARY not in answer.text, url


def test_staff_see_whose_sign_in_it_is_and_how_it_ended(
    staff: Client, stored: dict[str, Any]
):
    grant = staff.get(page("oauthgrant", "change", stored["oauthgrant"])).text
    for text in (ISSUER, "ada@demo.example", "read", "alice"):
        assert text in grant
    flow = staff.get(page("oauthflow", "change", stored["oauthflow"])).text
    assert "access_denied" in flow


def test_grants_and_sign_ins_are_only_looked_at(staff: Client, stored: dict[str, Any]):
    for model in ("oauthgrant", "oauthflow"):
        assert staff.get(reverse(f"admin:connectors_{model}_add")).status_code == 403
        for view in ("change", "delete"):
            url = page(model, view, stored[model])
            assert staff.post(url, {"post": "yes"}).status_code == 403
    assert OAuthGrant.objects.count() == OAuthFlow.objects.count() == 1


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        ("oauthclient", "secret__contains"),
        ("oauthclient", "vault_id__startswith"),
        ("oauthgrant", "tokens__contains"),
        ("oauthgrant", "lease_owner__startswith"),
        ("oauthflow", "state_digest__startswith"),
        ("oauthflow", "session_digest__startswith"),
    ],
)
def test_what_is_not_shown_cannot_be_guessed_by_a_filter(
    staff: Client, stored: dict[str, Any], model: str, lookup: str
):
    assert staff.get(listing(model), {lookup: "a"}).status_code == 400


def test_an_operator_makes_a_registered_client_known(staff: Client):
    assert added(staff, issuer=f" {ISSUER} ").status_code == 302
    row = OAuthClient.objects.get()
    assert (row.issuer, row.kind) == (ISSUER, ClientKind.PREREGISTERED)
    assert row.redirect_uri == redirect_uri()
    assert client_of(row).client_secret == CANARY
    for entry in LogEntry.objects.all():
        assert CANARY not in f"{entry.object_repr} {entry.change_message} {entry}"


def test_the_form_shows_where_people_are_sent_back_to(staff: Client):
    assert redirect_uri() in staff.get(ADD).text


def test_a_client_may_have_no_secret(staff: Client):
    added(staff, client_secret="")
    assert OAuthClient.objects.get().secret is None


def test_a_secret_that_is_left_empty_stays(staff: Client):
    added(staff)
    row = OAuthClient.objects.get()
    url = page("oauthclient", "change", row)
    assert CANARY not in staff.get(url).text
    changed = {"issuer": ISSUER, "client_id": "new", "client_secret": ""}
    assert staff.post(url, changed).status_code == 302
    row.refresh_from_db()
    assert row.client_id == "new"
    assert client_of(row).client_secret == CANARY
    staff.post(url, {**changed, "client_secret": "another"})
    row.refresh_from_db()
    assert client_of(row).client_secret == "another"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("issuer", "http://as.example"),
        ("issuer", "javascript:alert(1)"),
        ("issuer", ""),
        ("issuer", "https://as.example/" + "x" * 500),
        ("client_id", ""),
    ],
)
def test_what_is_no_client_is_refused(staff: Client, field: str, value: str):
    answer = added(staff, **{field: value})
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors.keys() == {field}
    # What was entered is not shown back either.
    assert CANARY not in answer.text
    assert not OAuthClient.objects.exists()


def test_there_is_one_client_for_a_service(staff: Client, stored: dict[str, Any]):
    # One that registered itself is no obstacle.
    assert added(staff).status_code == 302
    answer = added(staff)
    assert "There is a client for this service already." in answer.text
    assert OAuthClient.objects.count() == 2


def test_only_what_an_operator_registered_can_be_changed_or_deleted(
    staff: Client, stored: dict[str, Any]
):
    for view in ("change", "delete"):
        url = page("oauthclient", view, stored["oauthclient"])
        assert staff.post(url, {"post": "yes"}).status_code == 403
    added(staff)
    own = OAuthClient.objects.get(kind=ClientKind.PREREGISTERED)
    answer = staff.post(page("oauthclient", "delete", own), {"post": "yes"})
    assert answer.status_code == 302
    assert not OAuthClient.objects.filter(pk=own.pk).exists()


def test_a_client_that_grants_need_is_not_deleted(
    staff: Client, stored: dict[str, Any]
):
    client = stored["oauthclient"]
    OAuthClient.objects.update(kind=ClientKind.PREREGISTERED)
    answer = staff.post(page("oauthclient", "delete", client), {"post": "yes"})
    assert answer.status_code in (200, 403)
    assert OAuthClient.objects.filter(pk=client.pk).exists()


def test_staff_without_the_permission_add_nothing(client: Client, bob: User):
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(Permission.objects.get(codename="view_oauthclient"))
    client.force_login(bob)
    assert client.get(listing("oauthclient")).status_code == 200
    assert added(client).status_code == 403


def test_a_person_goes_with_their_sign_ins(
    staff: Client, alice: User, stored: dict[str, Any]
):
    OAuthRevocation.objects.create(
        user=alice, tokens={"x": CANARY}, issuer=ISSUER, due_at=timezone.now()
    )
    url = reverse("admin:accounts_user_delete", args=[alice.pk])
    page = staff.get(url)
    assert CANARY not in page.text
    assert staff.post(url, {"post": "yes"}).status_code == 302
    assert not OAuthGrant.objects.exists()
    assert not OAuthFlow.objects.exists()
    assert not OAuthRevocation.objects.exists()
    assert OAuthClient.objects.count() == 1
