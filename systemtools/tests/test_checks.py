"""What `manage.py check` says of system tools."""

from pytest_django import Settings

from systemtools import checks


def test_a_permission_of_gmail_that_is_misspelt_is_said(settings: Settings) -> None:
    assert checks.gmail_asks_for_what_there_is() == []
    settings.GMAIL_SCOPES = ["gmail.send", "gmail.raed"]
    [found] = checks.gmail_asks_for_what_there_is()
    assert "gmail.raed" in found.msg
    assert "gmail.readonly" in str(found.hint)
