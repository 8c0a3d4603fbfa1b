"""What staff change of the known servers."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from connectors import catalogue
from connectors.auth.oauth import Client as OAuthClient
from connectors.client_identity import redirect_uri
from connectors.errors import ConnectorNotFound
from connectors.models import CatalogueEntry

CANARY = "canary-c0ffee"
ADD = reverse("admin:connectors_catalogueentry_add")
LISTING = reverse("admin:connectors_catalogueentry_changelist")
WIKI = {"key": "wiki", "name": "Wiki", "server_url": "https://wiki.example/mcp"}
ISSUER = "https://as.example"


@pytest.fixture
def staff(client: Client, carol: User) -> Client:
    client.force_login(carol)
    return client


def change(key: str) -> str:
    row = CatalogueEntry.objects.get(key=key)
    return reverse("admin:connectors_catalogueentry_change", args=[row.pk])


def errors(answer: Any) -> set[str]:
    assert answer.status_code == 200
    return set(answer.context["adminform"].form.errors)


def test_a_known_server_is_hidden(staff: Client):
    assert staff.post(ADD, {"key": "notion", "hidden": "on"}).status_code == 302
    row = CatalogueEntry.objects.get()
    assert (row.hidden, row.added_by_admin, row.fields) == (True, False, {})
    with pytest.raises(ConnectorNotFound):
        catalogue.find("notion")


def test_a_server_is_added(staff: Client):
    said = {
        **WIKI,
        "sign_in": "oauth",
        "registration": "static",
        "capabilities": "Search\n\n Read ",
        "privacy_policy": "https://wiki.example/privacy",
    }
    assert staff.post(ADD, said).status_code == 302
    assert CatalogueEntry.objects.get().added_by_admin
    wiki = catalogue.find("wiki")
    assert (wiki.name, wiki.needs_client) == ("Wiki", True)
    assert wiki.capabilities == ("Search", "Read")


def test_what_is_left_empty_stays_as_it_is_known(staff: Client):
    staff.post(ADD, {"key": "box", "description": "Our documents."})
    box = catalogue.find("box")
    assert box.description == "Our documents."
    assert box.server_url == "https://mcp.box.com/"
    form = staff.get(change("box")).text
    assert "Our documents." in form


def test_a_client_is_set_and_its_secret_never_shown(staff: Client):
    given = {"key": "asana", "client_id": "abc", "new_secret": CANARY}
    assert staff.post(ADD, given).status_code == 302
    url = catalogue.find("asana").server_url
    assert catalogue.client_for(url=url, issuer=ISSUER) == OAuthClient(
        client_id="abc", client_secret=CANARY
    )
    for page in (LISTING, change("asana"), f"{LISTING}?q=abc"):
        assert CANARY not in staff.get(page).text
    for entry in LogEntry.objects.all():
        assert CANARY not in f"{entry.object_repr} {entry.change_message} {entry}"


def test_a_secret_stays_until_another_one_is_entered_or_its_client_goes(staff: Client):
    staff.post(ADD, {"key": "asana", "client_id": "a", "new_secret": CANARY})

    def secret(**given: str) -> dict[str, Any] | None:
        staff.post(change("asana"), {"key": "asana", **given})
        stored = CatalogueEntry.objects.get().client_secret
        return stored.open() if stored else None

    assert secret(client_id="a") == {"client_secret": CANARY}
    assert secret(client_id="a", new_secret="b") == {"client_secret": "b"}
    assert secret(client_id="") is None


def test_the_page_says_what_to_register_and_which_client_is_used(
    staff: Client, settings: Settings
):
    assert redirect_uri() in staff.get(ADD).text
    staff.post(ADD, {"key": "asana"})
    assert "none" in staff.get(LISTING).text
    settings.OAUTH_CLIENTS = {"asana": {"client_id": "abc"}}
    assert "of the environment" in staff.get(LISTING).text


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"key": ""}, {"key", "name", "server_url"}),
        ({"key": "no key"}, {"key", "name", "server_url"}),
        ({"key": "new"}, {"name", "server_url"}),
        ({**WIKI, "server_url": "wiki"}, {"server_url"}),
        ({**WIKI, "server_url": "https://a:b@wiki.example"}, {"server_url"}),
        ({**WIKI, "website": "javascript:alert(1)"}, {"website"}),
        ({**WIKI, "issuer": "http://as.example"}, {"issuer"}),
        ({**WIKI, "new_secret": CANARY}, {"new_secret"}),
        ({**WIKI, "sign_in": "magic"}, {"sign_in"}),
    ],
)
def test_what_is_no_server_is_refused_at_its_field(
    staff: Client, given: dict[str, str], wrong: set[str]
):
    answer = staff.post(ADD, given)
    assert errors(answer) == wrong
    assert CANARY not in answer.text
    assert not CatalogueEntry.objects.exists()


def test_a_server_is_changed_in_one_place(staff: Client):
    staff.post(ADD, WIKI)
    assert errors(staff.post(ADD, WIKI)) == {"key"}


@pytest.mark.parametrize("lookup", ["client_secret__contains", "vault_id__startswith"])
def test_what_is_not_shown_cannot_be_guessed_by_a_filter(staff: Client, lookup: str):
    assert staff.get(LISTING, {lookup: "a"}).status_code == 400


def test_who_may_only_look_changes_nothing(client: Client, carol: User):
    User.objects.filter(pk=carol.pk).update(is_superuser=False)
    view = Permission.objects.get(codename="view_catalogueentry")
    carol.user_permissions.add(view)
    client.force_login(carol)
    CatalogueEntry.objects.create(key="notion", hidden=True)
    assert client.get(change("notion")).status_code == 200
    assert client.post(change("notion"), {"key": "notion"}).status_code == 403
    assert client.post(ADD, WIKI).status_code == 403


def test_deleting_a_change_leaves_what_is_known(staff: Client):
    staff.post(ADD, {"key": "notion", "hidden": "on"})
    row = CatalogueEntry.objects.get()
    url = reverse("admin:connectors_catalogueentry_delete", args=[row.pk])
    assert staff.post(url, {"post": "yes"}).status_code == 302
    assert catalogue.find("notion").name == "Notion"
