import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import tokens
from accounts.errors import AccountError
from accounts.models import SCOPES, User


class Command(BaseCommand):
    help = (
        "Print a new API token, alone on its line. It is shown this once: only its"
        " hash is stored."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", help="what will use it; default: a new name")
        parser.add_argument(
            "--scope",
            dest="scopes",
            action="extend",
            nargs="+",
            metavar="SCOPE",
            help=f"default: all of {', '.join(SCOPES)}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = self._user(options["username"])
        name = options["name"] or f"command line {secrets.token_hex(3)}"
        try:
            _token, text = tokens.issue(user=user, name=name, scopes=options["scopes"])
        except AccountError as error:
            raise CommandError(error.message) from error
        self.stdout.write(text)

    def _user(self, username: str) -> User:
        user = User.objects.filter(username__iexact=username).first()
        if user is None:
            raise CommandError(f"There is no user {username!r}.")
        if not user.is_active:
            raise CommandError(f"The user {username!r} is not active.")
        return user
