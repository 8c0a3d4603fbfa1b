"""What allauth asks us: who may sign up, how mail leaves, what is counted."""

from typing import Any, ClassVar
from urllib.parse import urlsplit

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailConfirmation
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.http import HttpRequest
from django.template.response import TemplateResponse

logger = structlog.get_logger(__name__)

NOT_CORRECT = "This username or e-mail address and this password do not go together."


class MailNotSent(ImmediateHttpResponse):
    """The mail server refused or did not answer; carries the page that says so."""


class AccountAdapter(DefaultAccountAdapter):
    """allauth's ways, in the words and within the limits of this installation."""

    error_messages: ClassVar[dict[str, Any]] = {
        **DefaultAccountAdapter.error_messages,
        # One sentence for both, so that it does not tell which of them exists.
        "username_password_mismatch": NOT_CORRECT,
        "email_password_mismatch": NOT_CORRECT,
        "incorrect_password": "This is not your password.",
        "enter_current_password": "This is not your current password.",
        "too_many_login_attempts": (
            "Too many attempts to sign in. Wait five minutes, then try again."
        ),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGNUP_OPEN)

    def get_login_stages(self) -> list[str]:
        theirs = "allauth.account.stages.EmailVerificationStage"
        ours = "accounts.stages.EmailVerificationStage"
        return [
            ours if stage == theirs else stage for stage in super().get_login_stages()
        ]

    # --- Mail ----------------------------------------------------------------

    def send_mail(
        self, template_prefix: str, email: str, context: dict[str, Any]
    ) -> None:
        """Send one mail now (docs/adr/0005-account-mail-in-the-request.md).

        Raises:
            MailNotSent: the mail server refused it or did not answer in time.
        """
        context = {
            **context,
            "public_url": settings.PUBLIC_URL,
            "signup_open": settings.SIGNUP_OPEN,
        }
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as error:
            logger.error(  # noqa: TRY400 - its traceback quotes the address
                "mail.failed", template=template_prefix, reason=type(error).__name__
            )
            # Rendered later or never: it would use up the messages of the page.
            page = TemplateResponse(
                self.request, "account/mail_not_sent.html", status=503
            )
            raise MailNotSent(page) from error
        logger.info("mail.sent", template=template_prefix)

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().send_notification_mail(*args, **kwargs)
        except MailNotSent:
            # What it tells of has happened, and must not look as if it had not.
            return

    def get_reset_password_from_key_url(self, key: str) -> str:
        return _at_public_url(super().get_reset_password_from_key_url(key))

    def get_email_confirmation_url(
        self, request: HttpRequest, emailconfirmation: EmailConfirmation
    ) -> str:
        url = super().get_email_confirmation_url(request, emailconfirmation)
        return _at_public_url(url)

    # --- Limits --------------------------------------------------------------

    def _get_login_attempts_cache_key(
        self, request: HttpRequest, **credentials: Any
    ) -> str:
        # Without the Host: its port is the attacker's to choose, and each would
        # have counted by itself.
        key: str = super()._get_login_attempts_cache_key(request, **credentials)
        return key.removeprefix(f"{request.get_host()}:")


def _at_public_url(url: str) -> str:
    """Move a link with a secret in it to our address, whatever the Host said."""
    return f"{settings.PUBLIC_URL}{urlsplit(url).path}"
