import pytest
from pytest_django import Settings

from connectors import kept

URL = "https://mcp.example.com/mcp"
CONFIG = {"token": "s3cret-value"}


def sealed(user_id: int = 1, url: str = URL) -> str:
    return kept.seal(user_id=user_id, url=url, auth_config=CONFIG)


def test_what_was_kept_comes_back():
    assert kept.unseal(sealed(), user_id=1, url=URL) == CONFIG


def test_it_can_be_read_by_nobody():
    assert "s3cret" not in sealed()
    assert sealed() != sealed()


def test_it_is_good_for_another_path_of_the_same_server():
    assert kept.unseal(sealed(), user_id=1, url="https://mcp.example.com/") == CONFIG


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/mcp",
        "http://mcp.example.com/mcp",
        "https://mcp.example.com:8443/mcp",
        "https://mcp.example.com@evil.example/",
        "nonsense",
    ],
)
def test_it_is_good_for_no_other_server(url: str):
    assert kept.unseal(sealed(), user_id=1, url=url) is None


def test_it_is_good_for_nobody_else():
    assert kept.unseal(sealed(), user_id=2, url=URL) is None


def test_it_is_over_after_a_while(settings: Settings):
    settings.TICKET_TTL_S = -1
    assert kept.unseal(sealed(), user_id=1, url=URL) is None


@pytest.mark.parametrize("text", ["", "nonsense", "ä", "\0", sealed()[:-4]])
def test_anything_else_is_nothing(text: str):
    assert kept.unseal(text, user_id=1, url=URL) is None


def test_without_credentials_or_a_server_nothing_is_kept():
    assert kept.seal(user_id=1, url=URL, auth_config=None) == ""
    assert kept.seal(user_id=1, url="nonsense", auth_config=CONFIG) == ""


# --- A whole, with where it goes ---------------------------------------------


def whole(user_id: int = 1, ttl_s: float = 60) -> str:
    value = {"url": URL, "config": CONFIG}
    return kept.seal_whole(value, user_id=user_id, purpose="import", ttl_s=ttl_s)


def test_a_whole_comes_back_to_its_person_for_its_purpose_alone():
    assert "s3cret" not in whole()
    assert kept.unseal_whole(whole(), user_id=1, purpose="import")["config"] == CONFIG
    assert kept.unseal_whole(whole(), user_id=2, purpose="import") is None
    assert kept.unseal_whole(whole(), user_id=1, purpose="other") is None
    assert kept.unseal_whole("nonsense", user_id=1, purpose="import") is None
    assert kept.unseal(whole(), user_id=1, url=URL) is None


def test_a_whole_ends():
    assert kept.unseal_whole(whole(ttl_s=-1), user_id=1, purpose="import") is None
