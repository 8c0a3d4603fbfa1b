"""What a server says back of the secret that it was sent."""

from typing import Any

import pytest

from connectors.masking import MASK, hide, secrets_of

TOKEN = "canary-token"


@pytest.mark.parametrize(
    ("config", "secrets"),
    [
        (None, set()),
        ({"token": TOKEN}, {TOKEN}),
        ({"token": "short"}, set()),
        (
            {"headers": {"Authorization": f"Basic {TOKEN}", "X-Team": "blue"}},
            {f"Basic {TOKEN}", TOKEN},
        ),
    ],
)
def test_what_is_secret_of_a_config(
    config: dict[str, Any] | None, secrets: set[str]
) -> None:
    assert secrets_of(config) == secrets


def test_secrets_are_hidden_wherever_they_are() -> None:
    said = {TOKEN: [f"a {TOKEN}", {"b": f"{TOKEN}{TOKEN}"}], "n": 1, "none": None}
    assert hide(said, {TOKEN}) == {
        MASK: [f"a {MASK}", {"b": MASK * 2}], "n": 1, "none": None
    }  # fmt: skip


def test_a_secret_within_a_secret_leaves_no_rest() -> None:
    assert hide("longer-secret", {"secret", "longer-secret"}) == MASK


def test_without_a_secret_nothing_is_changed() -> None:
    said = {"a": ["text"]}
    assert hide(said, set()) is said
