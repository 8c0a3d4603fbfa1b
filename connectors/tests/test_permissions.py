"""Scopes of OAuth, said so that a person can decide about them."""

import pytest

from connectors import permissions
from connectors.permissions import Kind


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("journal:read", "Read journal"),
        ("read_content", "Read content"),
        ("repo:status:read", "Read repo status"),
        ("https://www.googleapis.com/auth/drive.readonly", "Read drive"),
        ("issues.list", "Read issues"),
        ("read", "Read"),
    ],
)
def test_what_only_reads_is_said_to_read(scope: str, words: str) -> None:
    [permission] = permissions.of(scope)
    assert (permission.words, permission.kind) == (words, Kind.READS)


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("journal:write", "Create and change journal"),
        ("update_content", "Create and change content"),
        ("issues:delete", "Create and change issues"),
        ("admin:org", "Create and change org"),
        ("files.readwrite", "Create and change files"),
        ("read_write", "Create and change things"),
    ],
)
def test_what_writes_is_said_to_change_things(scope: str, words: str) -> None:
    [permission] = permissions.of(scope)
    assert (permission.words, permission.kind) == (words, Kind.CHANGES)


@pytest.mark.parametrize("scope", ["mcp", "repo", "spreadsheets", "https://a.example/"])
def test_what_does_not_say_what_it_does_may_do_either(scope: str) -> None:
    [permission] = permissions.of(scope)
    assert permission.kind == Kind.UNKNOWN
    assert permission.words.endswith("; maybe read, maybe change")


def test_staying_signed_in_and_the_account_are_said_in_words() -> None:
    found = permissions.of("offline_access openid email")
    assert [(one.kind, one.words) for one in found] == [
        (Kind.WHO, "Know which account it is"),
        (Kind.WHO, "Know your e-mail address"),
        (Kind.STAYS, "Stay signed in until you disconnect"),
    ]


def test_each_is_named_once_and_in_the_order_that_is_read() -> None:
    found = permissions.of("offline_access notes:write notes:read notes:write")
    assert [one.scope for one in found] == [
        "notes:read", "notes:write", "offline_access",
    ]  # fmt: skip


def test_nothing_asked_for_is_nothing_listed() -> None:
    assert permissions.of("") == []


def test_a_long_one_is_cut_and_what_nobody_can_see_is_left_out() -> None:
    [long] = permissions.of("a" * 3000)
    assert len(long.scope) <= permissions.SCOPE_CHARS
    [hidden] = permissions.of("notes:\u202eread")
    assert hidden.scope == "notes:read"


def test_of_very_many_the_rest_is_counted() -> None:
    many = " ".join(f"thing{number}:read" for number in range(100))
    assert len(permissions.of(many)) == permissions.MAX_SHOWN


def test_what_they_do_can_be_said_in_one_sentence() -> None:
    reads, changes = "notes:read", "notes:write"
    assert permissions.sentence(reads) == "It will be able to read."
    assert permissions.sentence(f"{reads} {changes}") == (
        "It will be able to read and to change things."
    )
    assert permissions.sentence(f"{reads} mcp") == (
        "It will be able to read, and maybe more."
    )
    assert permissions.sentence(changes) == "It will be able to change things."
    assert permissions.sentence("") == (
        "It does not say what it will be able to do; its own page does."
    )
    assert permissions.sentence("mcp") == permissions.sentence("")
