import pytest
from django.core.exceptions import ImproperlyConfigured

from config.oauth_clients import oauth_clients


def test_nothing_is_registered_where_nothing_is_said():
    assert oauth_clients({"OAUTH_CLIENT_METADATA_URL": "https://x.example/c"}) == {}


def test_a_client_has_its_three_lines():
    assert oauth_clients(
        {
            "OAUTH_CLIENT_GITHUB_ID": " Iv1.abc ",
            "OAUTH_CLIENT_GITHUB_SECRET": "s3cret",
            "OAUTH_CLIENT_GITHUB_ISSUER": "https://github.com/login/oauth",
        }
    ) == {
        "github": {
            "client_id": "Iv1.abc",
            "client_secret": "s3cret",
            "issuer": "https://github.com/login/oauth",
        }
    }


def test_a_public_client_has_no_secret():
    found = oauth_clients(
        {"OAUTH_CLIENT_MY_OWN_ID": "a", "OAUTH_CLIENT_MY_OWN_SECRET": ""}
    )
    assert found == {"my_own": {"client_id": "a"}}


def test_a_secret_without_an_id_stops_the_start_and_names_the_line():
    with pytest.raises(ImproperlyConfigured) as caught:
        oauth_clients({"OAUTH_CLIENT_GITHUB_SECRET": "canary"})
    assert "OAUTH_CLIENT_GITHUB_ID" in str(caught.value)
    assert "canary" not in str(caught.value)
