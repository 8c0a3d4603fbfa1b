from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts import demo


class Command(BaseCommand):
    help = f"Make the user {demo.USERNAME!r}; in a development installation only."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEVELOPMENT:
            raise CommandError(
                "There is no demo user outside of development: its password is known"
                " to everybody. Set DEVELOPMENT=1 on a machine of your own."
            )
        demo.ensure_user()
        self.stdout.write(f"{demo.USERNAME} / {demo.PASSWORD}")
