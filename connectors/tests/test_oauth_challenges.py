"""What a refusal says about the sign-in that it asks for."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.auth.oauth import Challenge, challenge

POINTER = "https://mcp.example/.well-known/oauth-protected-resource"


def test_nothing_said_is_an_empty_challenge():
    assert challenge(None) == challenge("") == Challenge()


def test_a_challenge_of_oauth_is_read():
    found = challenge(
        f'Bearer realm="mcp", error="invalid_token", scope="a b",'
        f' resource_metadata="{POINTER}"'
    )
    assert found.scheme == "Bearer"
    assert (found.realm, found.error, found.scope) == ("mcp", "invalid_token", "a b")
    assert found.resource_metadata == POINTER
    assert found.wants_oauth
    assert not found.wants_more


@pytest.mark.parametrize(
    "header",
    [
        f"Bearer resource_metadata={POINTER}",
        f'bearer RESOURCE_METADATA = "{POINTER}"',
        f'Basic realm="x", Bearer resource_metadata="{POINTER}"',
        f'Bearer resource_metadata="{POINTER}", Basic realm="x"',
        f'DPoP algs="ES256", Bearer realm="a", resource_metadata="{POINTER}"',
        f'Negotiate, Bearer resource_metadata="{POINTER}"',
    ],
)
def test_of_several_challenges_the_one_of_oauth_counts(header: str):
    assert challenge(header).resource_metadata == POINTER


def test_of_others_the_bearer_one_counts():
    assert challenge('Basic realm="x", Bearer realm="y"').realm == "y"
    assert challenge('Basic realm="x"').scheme == "Basic"


def test_too_little_permission_is_told_from_a_bad_token():
    found = challenge('Bearer error="insufficient_scope", scope="files:write"')
    assert found.wants_more
    assert found.scope == "files:write"


def test_quoted_signs_are_read():
    assert challenge('Bearer realm="a \\"b\\", c=d"').realm == 'a "b", c=d'


def test_a_parameter_counts_once():
    assert challenge('Bearer scope="a", scope="b"').scope == "a"


@given(st.text(max_size=500))
def test_any_header_is_read_without_a_failure(header: str):
    found = challenge(header)
    assert all(text.isprintable() for text in found.public().values())


@given(st.text(alphabet='Bearer= ,"\\scope', max_size=20_000))
def test_a_header_of_any_length_is_read_at_once(header: str):
    challenge(header)


@pytest.mark.parametrize("run", [" ", ", ", ",", "\t", "a ", "a=", 'a="', "a=b,"])
def test_a_header_of_any_length_costs_next_to_nothing(run: str):
    header = ('Bearer a="b"' + run * 8192)[:8191] + '"'
    began = time.process_time()
    challenge(header)
    assert time.process_time() - began < 0.1
