"""What staff see and do with connectors and with the evidence of their use."""

import re
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from structlog.testing import capture_logs

from accounts.models import User
from connectors import evidence
from connectors.admin import looking
from connectors.models import (
    ConnectionTest,
    Outcome,
    RetiredSlug,
    Status,
    ToolCall,
    UserMCPConnection,
)

CANARY = "canary-c0ffee"
HOSTILE = "<script>alert(1)</script>"
MODELS = ("usermcpconnection", "connectiontest", "toolcall")


def add(user: User, n: int = 1, **changes: Any) -> UserMCPConnection:
    fields: dict[str, Any] = {
        "user": user,
        "slot": n,
        "name": f"Notes {n} {HOSTILE}",
        "description": HOSTILE,
        "server_url": f"https://notes.example/mcp?key={CANARY}-{n}",
        "auth_type": "api_key",
        "auth_config": {"token": CANARY},
        "status": Status.READY,
        "is_verified": True,
        "discovered_tools": [{"name": f"search\u202e{HOSTILE}", "description": CANARY}],
        "discover_cache": {"x": CANARY},
        "server_info": {"instructions": CANARY},
        "tool_count": 1,
    }
    return UserMCPConnection.objects.create(**{**fields, **changes})


def run(connector: UserMCPConnection, n: int = 1) -> ConnectionTest:
    return ConnectionTest.objects.create(
        user=connector.user,
        connector=connector,
        ticket_digest=f"{n:064}",
        subject_mac=f"digest-{CANARY}",
        success=False,
        error_code="TIMEOUT",
        steps=[{"step": "url", "status": "passed", "message": f"\u202e{HOSTILE}"}],
        transcript=[{"method": "POST", "url": "https://notes.example/mcp"}],
        tools=[{"name": CANARY}],
        duration_ms=5,
        expires_at=timezone.now(),
    )


def call(user: User) -> ToolCall:
    row = evidence.start_call(
        user_id=user.pk,
        username=user.username,
        source="connector",
        source_id=1,
        source_label=f"Notes {HOSTILE}",
        tool="search",
        via="rest",
        arguments={"query": CANARY},
    )
    evidence.finish_call(row, outcome=Outcome.OK, result={"content": CANARY})
    return row


@pytest.fixture
def staff(client: Client, carol: User) -> Client:
    client.force_login(carol)
    return client


@pytest.fixture
def rows(alice: User) -> dict[str, Any]:
    connector = add(alice)
    return dict(zip(MODELS, (connector, run(connector), call(alice)), strict=True))


def listing(model: str) -> str:
    return reverse(f"admin:connectors_{model}_changelist")


def page(model: str, view: str, row: Any) -> str:
    return reverse(f"admin:connectors_{model}_{view}", args=[row.pk])


def every_page(rows: dict[str, Any]) -> list[str]:
    return [
        reverse("admin:index"),
        reverse("admin:app_list", args=["connectors"]),
        *(listing(model) for model in rows),
        *(f"{listing(model)}?q=alice" for model in rows),
        *(
            page(model, view, row)
            for model, row in rows.items()
            for view in ("change", "history")
        ),
    ]


def remove(client: Client, *connectors: UserMCPConnection) -> Any:
    chosen = [connector.pk for connector in connectors]
    data = {"action": "remove_for_owner", "_selected_action": chosen}
    return client.post(listing("usermcpconnection"), data, follow=True)


def test_staff_find_what_they_look_for(staff: Client, rows: dict[str, Any]) -> None:
    words = {
        "usermcpconnection": ("notes", "alice"),
        "connectiontest": ("alice", "notes", "TIMEOUT"),
        "toolcall": ("alice", "notes", "search"),
    }
    for model, terms in words.items():
        for term in terms:
            found = staff.get(listing(model), {"q": term}).context["cl"].result_list
            assert list(found) == [rows[model]]
        assert not staff.get(listing(model), {"q": "zzz"}).context["cl"].result_list


@pytest.mark.parametrize(
    ("model", "query", "count"),
    [
        ("usermcpconnection", {"status__exact": "ready"}, 1),
        ("usermcpconnection", {"is_active__exact": "0"}, 0),
        ("connectiontest", {"success__exact": "0"}, 1),
        ("connectiontest", {"created_at__gte": "2100-01-01 00:00+00:00"}, 0),
        ("toolcall", {"outcome__exact": "ok"}, 1),
        ("toolcall", {"via__exact": "mcp"}, 0),
    ],
)
def test_staff_filter(
    staff: Client, rows: dict[str, Any], model: str, query: dict[str, str], count: int
) -> None:
    assert len(staff.get(listing(model), query).context["cl"].result_list) == count


def test_details_are_shown_as_text(staff: Client, rows: dict[str, Any]) -> None:
    connector, test, done = (
        staff.get(page(model, "change", row)).text for model, row in rows.items()
    )
    assert "https://notes.example/mcp" in connector
    assert "search&lt;script&gt;" in connector
    assert "&quot;method&quot;: &quot;POST&quot;" in test
    assert "&quot;message&quot;: &quot;&lt;script&gt;" in test
    assert rows["toolcall"].args_digest in done


def test_no_page_history_or_export_shows_a_secret(
    staff: Client, rows: dict[str, Any]
) -> None:
    remove(staff, rows["usermcpconnection"])
    ciphertext = rows["usermcpconnection"].auth_config.text
    for url in every_page(rows):
        answer = staff.get(url)
        assert answer.status_code == 200, url
        for secret in (CANARY, ciphertext, ciphertext[:12], "\u202e", HOSTILE):
            assert secret not in answer.text, url
    for entry in LogEntry.objects.all():
        assert CANARY not in f"{entry.object_repr} {entry.change_message} {entry}"


def test_an_export_has_no_credentials(rows: dict[str, Any]) -> None:
    out = StringIO()
    call_command("dumpdata", "connectors", "--natural-primary", stdout=out)
    assert f'"token": "{CANARY}"' not in out.getvalue()
    row = rows["usermcpconnection"]
    assert row.auth_config.open()["token"] == CANARY
    assert '"query"' not in out.getvalue()


@pytest.mark.parametrize(
    "lookup",
    [
        "server_url__contains",
        "url_key__startswith",
        "auth_config__contains",
        "discovered_tools__0__description__contains",
        "user__password__startswith",
    ],
)
def test_what_is_not_shown_cannot_be_guessed_by_a_filter(
    staff: Client, rows: dict[str, Any], lookup: str
) -> None:
    assert staff.get(listing("usermcpconnection"), {lookup: "c"}).status_code == 400


@pytest.mark.parametrize(
    "lookup",
    ["connector__server_url__contains", "subject_mac__startswith", "ticket_digest"],
)
def test_a_test_tells_nothing_of_its_connector_by_a_filter(
    staff: Client, rows: dict[str, Any], lookup: str
) -> None:
    assert staff.get(listing("connectiontest"), {lookup: "c"}).status_code == 400


def test_the_query_of_an_address_is_not_searched(
    staff: Client, rows: dict[str, Any]
) -> None:
    for model in rows:
        found = staff.get(listing(model), {"q": CANARY}).context["cl"].result_list
        assert not found


@pytest.mark.parametrize("model", MODELS)
def test_nothing_can_be_added_changed_or_deleted(
    staff: Client, rows: dict[str, Any], model: str
) -> None:
    row = rows[model]
    before = type(row).objects.values().get()
    assert staff.get(reverse(f"admin:connectors_{model}_add")).status_code == 403
    assert staff.post(page(model, "change", row), {"name": "x"}).status_code == 403
    delete = page(model, "delete", row)
    assert staff.get(delete).status_code == 403
    assert staff.post(delete, {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    staff.post(listing(model), chosen)
    after = type(row).objects.values().get()
    assert str(after) == str(before)
    shown = staff.get(page(model, "change", row)).text
    assert 'name="_save"' not in shown


def test_a_connector_is_removed_for_its_owner(
    staff: Client, alice: User, bob: User
) -> None:
    hers, second, his = add(alice), add(alice, 2), add(bob)
    with capture_logs() as logs:
        answer = remove(staff, hers, his)
    assert "Removed: 2." in answer.text
    for row in (hers, his):
        row.refresh_from_db()
        assert (row.status, row.slot, row.is_active) == (
            "removed_by_admin",
            None,
            False,
        )
    assert UserMCPConnection.objects.usable().get() == second
    changes = [line for line in logs if line["event"] == "connector.status_changed"]
    assert {(line["user_id"], line["connector_id"]) for line in changes} == {
        (alice.pk, hers.pk),
        (bob.pk, his.pk),
    }
    history = staff.get(page("usermcpconnection", "history", hers)).text
    assert "Removed for its owner." in history


def test_what_is_removed_already_is_left_as_it_is(staff: Client, alice: User) -> None:
    row = add(alice)
    remove(staff, row)
    row.refresh_from_db()
    assert "Removed: 0." in remove(staff, row).text
    assert UserMCPConnection.objects.get().updated_at == row.updated_at
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("codenames", "sees", "removes"),
    [
        ([], False, False),
        (["view_usermcpconnection"], True, False),
        (["view_usermcpconnection", "change_usermcpconnection"], True, True),
    ],
)
def test_permissions_are_those_of_django(
    client: Client, alice: User, codenames: list[str], sees: bool, removes: bool
) -> None:
    row = add(alice)
    helper = User.objects.create_user("dave", is_staff=True)
    helper.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(helper)
    assert client.get(listing("usermcpconnection")).status_code == (
        200 if sees else 403
    )
    for model in ("connectiontest", "toolcall"):
        assert client.get(listing(model)).status_code == 403
    remove(client, row)
    row.refresh_from_db()
    assert (row.status == Status.REMOVED_BY_ADMIN) is removes


def test_people_who_are_not_staff_see_nothing(
    client: Client, alice: User, rows: dict[str, Any]
) -> None:
    client.force_login(alice)
    for url in every_page(rows):
        assert client.get(url).status_code == 302


def test_a_person_is_deleted_with_all_but_the_evidence_of_calls(
    staff: Client, alice: User, rows: dict[str, Any]
) -> None:
    answer = staff.post(
        reverse("admin:accounts_user_delete", args=[alice.pk]), {"post": "yes"}
    )
    assert answer.status_code == 302
    assert not User.objects.filter(pk=alice.pk).exists()
    for model in (UserMCPConnection, ConnectionTest, RetiredSlug):
        assert not model.objects.exists()
    assert ToolCall.objects.count() == 1


# --- Cost --------------------------------------------------------------------


def queries(client: Client, url: str) -> list[str]:
    with CaptureQueriesContext(connection) as context:
        assert client.get(url).status_code == 200
    return [query["sql"] for query in context]


def test_a_list_costs_the_same_for_one_row_and_for_fifty(
    staff: Client, alice: User
) -> None:
    def fill(numbers: range) -> None:
        for n in numbers:
            person = User.objects.create_user(f"p{n}", f"p{n}@example.com")
            run(add(person), n)
            call(person)

    fill(range(1))
    staff.get(reverse("admin:index"))
    one = [len(queries(staff, listing(model))) for model in MODELS]
    fill(range(1, 50))
    assert [len(queries(staff, listing(model))) for model in MODELS] == one
    assert max(one) <= 8


@pytest.mark.parametrize("model", ["connectiontest", "toolcall"])
def test_evidence_is_never_counted(
    staff: Client, rows: dict[str, Any], model: str
) -> None:
    urls = [
        listing(model),
        f"{listing(model)}?q=alice",
        page(model, "history", rows[model]),
    ]
    for url in urls:
        assert not [sql for sql in queries(staff, url) if "COUNT(" in sql]


def test_evidence_is_leafed_through_up_to_a_limit(
    staff: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "EVIDENCE_SHOWN", 60)
    for _ in range(70):
        call(alice)
    changes = staff.get(listing("toolcall")).context["cl"]
    assert (changes.result_count, changes.paginator.num_pages) == (60, 2)
    last = staff.get(listing("toolcall"), {"p": 2}).context["cl"].result_list
    assert len(last) == 10
    assert staff.get(listing("toolcall"), {"all": ""}).status_code == 200


def test_a_list_does_not_read_what_it_does_not_show(
    staff: Client, rows: dict[str, Any]
) -> None:
    for model in ("usermcpconnection", "connectiontest"):
        for sql in queries(staff, listing(model)):
            assert not re.search("auth_config|discovered_tools|subject_mac", sql)


# --- Content security policy -------------------------------------------------


def test_every_page_works_under_the_strict_policy(
    staff: Client, rows: dict[str, Any]
) -> None:
    for url in every_page(rows):
        answer = staff.get(url)
        assert "unsafe-" not in answer["Content-Security-Policy"]
        html = answer.text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", html), url
        for attributes, body in re.findall(
            r"<script\b([^>]*)>(.*?)</script>", html, re.S
        ):
            assert "src=" in attributes or "application/json" in attributes, url
            assert "src=" not in attributes or not body.strip(), url
