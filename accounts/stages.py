"""What stands between a right password and being signed in."""

from allauth.account import stages
from allauth.account.models import EmailAddress
from django.http import HttpResponse

from accounts.models import User


class EmailVerificationStage(stages.EmailVerificationStage):
    """Ask people who signed up to confirm their address.

    Who has no EmailAddress was made by an administrator or on the command line.
    That address is taken at its word: the mail that would prove it may never
    arrive, and would lock the first administrator out of a new installation.
    """

    def handle(self) -> tuple[HttpResponse | None, bool]:
        user = self.login.user
        if (
            isinstance(user, User)
            and not EmailAddress.objects.filter(user=user).exists()
        ):
            _take_at_its_word(user)
            return None, True
        response, goes_on = super().handle()
        return response, goes_on


def _take_at_its_word(user: User) -> None:
    if user.email:
        EmailAddress.objects.create(
            user=user, email=user.email.lower(), primary=True, verified=True
        )
