"""Names of tools towards models: readable, unique, and never another tool's."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from agent import names
from agent.models import ToolName
from agent.names import ToolKey

SHAPE = re.compile(r"[A-Za-z0-9_-]{1,64}")

slugs = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?", fullmatch=True)
tools = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=128
)


def key(tool: str, ref: int | str = 1) -> ToolKey:
    return ("connector", str(ref), tool)


def named(user: User, *keys: ToolKey, slug: str = "notes") -> list[str]:
    found = names.ensure(user_id=user.pk, tools=dict.fromkeys(keys, slug))
    return [found[one] for one in keys]


def test_tool_namespacing(alice: User) -> None:
    """Two connectors with a tool of the same name: each keeps its own."""
    found = names.ensure(
        user_id=alice.pk, tools={key("search", 1): "notes", key("search", 2): "wiki"}
    )
    assert found == {
        key("search", 1): "notes__search",
        key("search", 2): "wiki__search",
    }


@pytest.mark.parametrize(
    ("tool", "start"),
    [
        ("add-note.v2", "notes__add-note_v2_"),
        ("Zettel löschen", "notes__Zettel_l_schen_"),
        ("x" * 128, "notes__" + "x" * 48 + "_"),
        ("搜索", "notes_____"),
    ],
)
def test_a_name_that_had_to_be_changed_ends_in_a_digest(
    alice: User, tool: str, start: str
) -> None:
    (name,) = named(alice, key(tool))
    assert re.fullmatch(re.escape(start) + "[0-9a-f]{8}", name)
    assert SHAPE.fullmatch(name)


@given(slug=slugs, tool=tools)
def test_any_name_is_one_that_providers_accept(slug: str, tool: str) -> None:
    for attempt in range(3):
        name = names.candidate(key(tool), slug=slug, attempt=attempt)
        assert SHAPE.fullmatch(name)


@given(slug=slugs, pair=st.lists(tools, min_size=2, max_size=2, unique=True))
def test_two_tools_are_never_called_the_same(slug: str, pair: list[str]) -> None:
    one, other = (names.candidate(key(tool), slug=slug) for tool in pair)
    assert one != other


@given(slug=slugs, tool=tools)
def test_each_further_attempt_is_another_name(slug: str, tool: str) -> None:
    tried = [
        names.candidate(key(tool), slug=slug, attempt=attempt) for attempt in range(5)
    ]
    assert len(set(tried)) == 5


def test_who_is_spelled_like_the_digest_of_another_takes_no_name_away(
    alice: User,
) -> None:
    victim = key("a.b")
    forged = names.candidate(victim, slug="notes").removeprefix("notes__")
    both = named(alice, victim, key(forged))
    assert len(set(both)) == 2
    # Also when the forgery came first.
    other = key("a.b", 2)
    forged = names.candidate(other, slug="wiki").removeprefix("wiki__")
    (first,) = named(alice, key(forged, 2), slug="wiki")
    (second,) = named(alice, other, slug="wiki")
    assert first != second


def test_neighbours_change_no_name(alice: User, bob: User) -> None:
    alone = named(alice, key("add.note"))
    many = [key(f"add{sign}note") for sign in "+-_./:"]
    assert named(bob, *many, key("add.note"))[-1] == alone[0]
    named(alice, *many)
    assert named(alice, key("add.note")) == alone


def test_a_name_is_not_given_again_after_its_connector_is_gone(alice: User) -> None:
    """The slug may come back after 30 days; the name stays what it was."""
    (old,) = named(alice, key("search", 1))
    (new,) = named(alice, key("search", 2))
    assert old == "notes__search"
    assert new.startswith("notes__search_")
    assert names.ensure(user_id=alice.pk, tools={})[key("search", 1)] == old


def test_a_new_slug_renames_nothing(alice: User) -> None:
    (before,) = named(alice, key("search"), slug="notes")
    (after,) = named(alice, key("search"), slug="another")
    assert before == after


def test_people_have_their_own_names(alice: User, bob: User) -> None:
    assert named(alice, key("search", 1)) == named(bob, key("search", 2))
    assert key("search", 2) not in names.ensure(user_id=alice.pk, tools={})


def test_known_names_are_one_query(alice: User) -> None:
    many = [key(f"tool_{number}") for number in range(300)]
    named(alice, *many)
    with CaptureQueriesContext(connection) as queries:
        named(alice, *many)
    assert len(queries) == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_name_the_same_tools_at_once_agree(alice: User) -> None:
    many = [key(f"tool.{number}") for number in range(50)]
    start = threading.Barrier(2)

    def run(order: list[ToolKey]) -> dict[ToolKey, str]:
        start.wait(30)
        try:
            return dict(zip(order, named(alice, *order), strict=True))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as both:
        one, other = both.map(run, [many, many[::-1]])
    assert one == other
    assert ToolName.objects.count() == 50
