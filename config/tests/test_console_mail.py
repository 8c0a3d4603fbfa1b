"""Mail that is printed instead of sent."""

import environ
import pytest
from django.core.mail import EmailMessage

from config import envfile
from config.console_mail import EmailBackend

LINK = f"http://127.0.0.1:8000/accounts/password/reset/key/2-{'x' * 60}/"


def test_a_link_is_printed_in_one_piece(capsys: pytest.CaptureFixture[str]) -> None:
    mail = EmailMessage("Reset — your password", f"Open:\n{LINK}", to=["a@example.com"])
    assert EmailBackend().send_messages([mail]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[1:6] == [
        "To: a@example.com", "Subject: Reset — your password", "", "Open:", LINK
    ]  # fmt: skip


def test_it_is_what_consolemail_stands_for() -> None:
    parsed = environ.Env.email_url_config("consolemail://")
    assert envfile.mailer(parsed) == {
        "BACKEND": f"{EmailBackend.__module__}.EmailBackend",
        "OPTIONS": {},
    }
