"""Which permissions are asked for, and how much of what a stranger lists."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.auth.oauth import requested_scope, union
from connectors.auth.oauth.scopes import MAX_CHARS, OFFLINE

scope = st.text("ab c:/", max_size=3000)


def test_permissions_are_joined_in_the_order_given():
    assert union("read  write", "", "write admin") == "read write admin"


@given(scope, scope)
def test_a_union_has_each_permission_once_and_can_be_kept(one: str, two: str):
    words = union(one, two).split()
    assert len(words) == len(set(words))
    assert set(words) <= {*one.split(), *two.split()}
    assert len(" ".join(words)) <= MAX_CHARS
    assert union(union(one, two)) == union(one, two)


@given(scope)
def test_whoever_has_all_permissions_wants_no_more(one: str):
    assert union(one, one) == union(one)


def test_staying_signed_in_is_asked_for_even_beside_too_many_others():
    many = tuple(f"permission-{number}" for number in range(400))
    found = requested_scope(challenged="", published=many, offered=(OFFLINE,))
    assert OFFLINE in found.split()
    assert len(found) <= MAX_CHARS
