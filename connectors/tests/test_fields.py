import copy
import json
import pickle
import uuid
from io import StringIO
from typing import Any

import orjson
import pytest
from django.core import serializers
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.forms import modelform_factory
from django.forms.models import model_to_dict
from django.template import Context, Template
from pytest_django import Settings
from rest_framework.utils.encoders import JSONEncoder
from structlog.testing import capture_logs

from accounts.models import User
from connectors import encryption
from connectors.errors import SecretUnreadable
from connectors.fields import EncryptedJSONField, Sealed
from connectors.models import UserMCPConnection

CANARY = "canary-81b7"
SECRET = {"token": CANARY}


def build(user: User, **changes: Any) -> UserMCPConnection:
    fields: dict[str, Any] = {
        "user": user,
        "slot": 1,
        "name": "Notes",
        "server_url": "https://notes.example/mcp",
        "auth_type": "api_key",
        "auth_config": SECRET,
        "status": "ready",
    }
    return UserMCPConnection(**{**fields, **changes})


def save(user: User, **changes: Any) -> UserMCPConnection:
    connector = build(user, **changes)
    connector.save()
    return connector


def reread(connector: UserMCPConnection) -> UserMCPConnection:
    return UserMCPConnection.objects.get(pk=connector.pk)


def secret(connector: UserMCPConnection) -> dict[str, Any]:
    assert connector.auth_config is not None
    return connector.auth_config.open()


def ciphertext(connector: UserMCPConnection) -> str:
    """Read the column as it is, past the field."""
    table = connection.ops.quote_name("user_mcp_connections")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT auth_config FROM {table} WHERE id = %s",  # noqa: S608
            [connector.pk],
        )
        return str(cursor.fetchone()[0])


def move(connector: UserMCPConnection, text: str) -> None:
    table = connection.ops.quote_name("user_mcp_connections")
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET auth_config = %s WHERE id = %s",  # noqa: S608
            [text, connector.pk],
        )


def test_what_was_assigned_is_read_before_and_after_the_save(alice: User) -> None:
    connector = build(alice)
    assert secret(connector) == SECRET
    connector.save()
    assert secret(connector) == SECRET
    assert secret(reread(connector)) == SECRET


def test_the_column_shows_nothing(alice: User) -> None:
    connector = save(alice)
    assert CANARY not in ciphertext(connector)
    assert "token" not in ciphertext(connector)
    assert encryption.key_id(ciphertext(connector)) == "k1"


def test_null_stays_null(alice: User) -> None:
    connector = save(alice, auth_type="none", auth_config=None)
    assert connector.auth_config is None
    assert reread(connector).auth_config is None


def test_an_empty_object_is_not_null(alice: User) -> None:
    assert secret(reread(save(alice, auth_config={}))) == {}


def test_a_change_of_what_was_given_or_read_changes_nothing(alice: User) -> None:
    given: dict[str, Any] = {"headers": {"X": "1"}}
    connector = build(alice, auth_config=given)
    given["headers"]["X"] = "2"
    secret(connector)["headers"]["X"] = "3"
    assert secret(connector) == {"headers": {"X": "1"}}


@pytest.mark.parametrize("value", ["text", b"bytes", 1, ["list"], F("name")])
def test_only_an_object_can_be_assigned(value: Any) -> None:
    with pytest.raises(TypeError, match="takes a dict"):
        UserMCPConnection(auth_config=value)


def test_what_is_no_json_is_refused_when_it_is_assigned() -> None:
    with pytest.raises(TypeError):
        UserMCPConnection(auth_config={"token": object()})


def test_rows_can_be_created_and_updated_in_bulk(alice: User) -> None:
    rows = [
        build(alice, slot=n, name=str(n), slug=str(n), auth_config={"token": str(n)})
        for n in (1, 2)
    ]
    created = UserMCPConnection.objects.bulk_create(rows)
    assert [secret(reread(row)) for row in created] == [{"token": "1"}, {"token": "2"}]
    for row in created:
        row.auth_config = {"token": row.name * 2}
    UserMCPConnection.objects.bulk_update(created, ["auth_config"])
    assert [secret(reread(row)) for row in created] == [
        {"token": "11"},
        {"token": "22"},
    ]


def test_only_named_fields_are_written(alice: User) -> None:
    connector = save(alice)
    before = ciphertext(connector)
    connector.auth_config = {"token": "new"}
    connector.save(update_fields=["name"])
    assert ciphertext(connector) == before
    connector.save(update_fields=["auth_config"])
    assert secret(reread(connector)) == {"token": "new"}


def test_an_unchanged_secret_keeps_its_ciphertext(alice: User) -> None:
    connector = reread(save(alice))
    before = ciphertext(connector)
    secret(connector)
    connector.save()
    assert ciphertext(connector) == before


def test_refreshing_reads_the_stored_secret(alice: User) -> None:
    connector = save(alice)
    other = reread(connector)
    other.auth_config = {"token": "new"}
    other.save()
    connector.refresh_from_db()
    assert secret(connector) == {"token": "new"}
    connector.auth_config = {"token": "unsaved"}
    connector.refresh_from_db(fields=["auth_config"])
    assert secret(connector) == {"token": "new"}


def test_a_deferred_secret_is_read_when_it_is_needed(alice: User) -> None:
    save(alice)
    for rows in (
        UserMCPConnection.objects.defer("auth_config"),
        UserMCPConnection.objects.only("auth_config"),
        UserMCPConnection.objects.only("name"),
    ):
        assert secret(rows.get()) == SECRET


@pytest.mark.parametrize("value", [SECRET, "text"])
def test_update_takes_no_secret(alice: User, value: Any) -> None:
    with pytest.raises(TypeError, match="assign a dict to the instance"):
        UserMCPConnection.objects.update(auth_config=value)


def test_update_takes_null(alice: User) -> None:
    connector = save(alice, auth_type="oauth")
    UserMCPConnection.objects.update(auth_config=None)
    assert reread(connector).auth_config is None


@pytest.mark.parametrize(
    "lookup",
    [
        "auth_config",
        "auth_config__exact",
        "auth_config__contains",
        "auth_config__in",
        "auth_config__token",
        "auth_config__isnull__x",
    ],
)
def test_nothing_can_be_looked_up_inside(db: None, lookup: str) -> None:
    with pytest.raises(FieldError):
        UserMCPConnection.objects.filter(**{lookup: "x"})


def test_whether_there_is_a_secret_can_be_looked_up(alice: User) -> None:
    connector = save(alice)
    rows = UserMCPConnection.objects
    assert rows.filter(auth_config__isnull=False).get() == connector
    assert not rows.filter(auth_config__isnull=True).exists()


def test_validation_does_not_open_or_lose_it(alice: User) -> None:
    connector = build(alice, slug="notes", url_key="x")
    connector.full_clean()
    connector.save()
    reread(connector).full_clean()
    assert secret(reread(connector)) == SECRET


@pytest.mark.parametrize("saved", [False, True])
def test_a_sealed_secret_shows_nothing_of_itself(alice: User, saved: bool) -> None:
    connector = save(alice) if saved else build(alice)
    sealed = connector.auth_config
    assert isinstance(sealed, Sealed)
    shown = f"{sealed} {sealed!r} {sealed!s:>20} {[sealed]} {vars(connector)}"
    assert CANARY not in shown
    assert "AQJ" not in shown
    assert not hasattr(sealed, "__dict__")


@pytest.mark.parametrize("saved", [False, True])
def test_a_sealed_secret_leaves_by_no_serialiser(alice: User, saved: bool) -> None:
    connector = save(alice) if saved else build(alice)
    sealed = connector.auth_config
    for dump in (json.dumps, orjson.dumps, pickle.dumps, JSONEncoder().encode):
        with pytest.raises(TypeError):
            dump(sealed)
    with pytest.raises(TypeError):
        pickle.dumps(connector)


def test_values_give_sealed_secrets_that_cannot_be_opened(alice: User) -> None:
    save(alice)
    rows = UserMCPConnection.objects
    for sealed in (
        rows.values("auth_config").get()["auth_config"],
        rows.values_list("auth_config", flat=True).get(),
        rows.annotate(copy=F("auth_config")).values_list("copy", flat=True).get(),
    ):
        assert isinstance(sealed, Sealed)
        with pytest.raises(TypeError, match="through its row"):
            sealed.open()


def test_templates_and_forms_get_nothing(alice: User) -> None:
    connector = save(alice)
    page = Template(
        "{{ c.auth_config }}{{ c.auth_config.open }}{{ c.auth_config.open.token }}"
    ).render(Context({"c": connector}))
    assert page == "&lt;sealed&gt;"
    form = modelform_factory(UserMCPConnection, fields="__all__")(instance=connector)
    assert "auth_config" not in form.fields
    assert "auth_config" not in model_to_dict(connector)


def test_a_dump_is_unreadable_and_can_be_loaded_again(alice: User) -> None:
    connector = save(alice)
    out = StringIO()
    call_command("dumpdata", "connectors.usermcpconnection", stdout=out)
    assert CANARY not in out.getvalue()
    UserMCPConnection.objects.all().delete()
    for row in serializers.deserialize("json", out.getvalue()):
        row.save()
    assert secret(reread(connector)) == SECRET


def test_a_dump_of_an_unsaved_secret_is_unreadable(alice: User) -> None:
    assert CANARY not in serializers.serialize("json", [build(alice)])


def test_copies_of_a_row_have_its_secret(alice: User) -> None:
    for connector in (build(alice), save(alice)):
        for duplicate in (copy.copy(connector), copy.deepcopy(connector)):
            assert secret(duplicate) == SECRET
        sealed = connector.auth_config
        assert copy.copy(sealed) is sealed


def test_a_secret_moved_to_another_row_or_person_cannot_be_read(
    alice: User, bob: User
) -> None:
    hers = save(alice)
    second = save(alice, slot=2, name="Second")
    his = save(bob)
    for other in (second, his):
        move(other, ciphertext(hers))
        with pytest.raises(SecretUnreadable):
            secret(reread(other))


def test_a_secret_follows_its_row_to_another_owner(alice: User, bob: User) -> None:
    connector = reread(save(alice))
    connector.user = bob
    connector.save()
    assert secret(connector) == SECRET
    assert secret(reread(connector)) == SECRET


def test_a_secret_given_to_another_row_is_sealed_for_that_row(alice: User) -> None:
    one = save(alice)
    two = build(alice, slot=2, name="Two", auth_config=one.auth_config)
    two.save()
    assert secret(reread(two)) == SECRET
    assert ciphertext(two) != ciphertext(one)


def test_the_row_id_may_be_given_as_text(alice: User) -> None:
    connector = save(alice, vault_id=uuid.uuid4().hex)
    assert secret(reread(connector)) == SECRET


@pytest.mark.parametrize("broken", ["", "not ours", "AQJrMQ=="])
def test_what_cannot_be_read_says_so_and_is_logged(alice: User, broken: str) -> None:
    connector = save(alice)
    move(connector, broken)
    with capture_logs() as logs, pytest.raises(SecretUnreadable) as caught:
        secret(reread(connector))
    assert caught.value.__context__ is None
    assert logs == [
        {
            "event": "secret.unreadable",
            "log_level": "warning",
            "field": "connectors.UserMCPConnection.auth_config",
            "user_id": alice.pk,
        }
    ]


def test_what_cannot_be_read_survives_a_save_of_the_rest(
    alice: User, settings: Settings
) -> None:
    connector = save(alice)
    before = ciphertext(connector)
    keys = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = {"k2": b"2" * 32}
    row = reread(connector)
    row.name = "Renamed"
    row.save()
    assert ciphertext(connector) == before
    settings.ENCRYPTION_KEYS = keys
    assert secret(reread(connector)) == SECRET


def test_a_save_brings_a_secret_under_the_newest_key(
    alice: User, settings: Settings
) -> None:
    connector = save(alice)
    settings.ENCRYPTION_KEYS = {"k2": b"2" * 32, **settings.ENCRYPTION_KEYS}
    row = reread(connector)
    assert row.auth_config is not None
    assert row.auth_config.kid == "k1"
    row.save()
    assert encryption.key_id(ciphertext(connector)) == "k2"
    assert secret(row) == secret(reread(connector)) == SECRET


def test_the_key_is_named_if_it_can_be_told(alice: User) -> None:
    connector = build(alice)
    assert connector.auth_config is not None
    assert connector.auth_config.kid == "k1"
    assert Sealed(text="not ours").kid == ""


def test_a_secret_without_its_row_can_be_neither_stored_nor_opened() -> None:
    with pytest.raises(TypeError, match="through its row"):
        _ = Sealed(plain=b"{}").text
    with pytest.raises(TypeError, match="through its row"):
        Sealed(text="x").open()


def test_no_form_has_a_widget_for_it() -> None:
    assert UserMCPConnection._meta.get_field("auth_config").formfield() is None


def test_the_field_is_made_again_by_a_migration() -> None:
    field = UserMCPConnection._meta.get_field("auth_config")
    _, path, args, kwargs = field.deconstruct()
    assert path == "connectors.fields.EncryptedJSONField"
    assert (args, kwargs) == ([], {"editable": False, "null": True})
    assert isinstance(field.clone(), EncryptedJSONField)
