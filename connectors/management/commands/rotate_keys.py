"""`manage.py rotate_keys`: bring every stored secret under the newest key."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connectors import encryption, rotation


class Command(BaseCommand):
    help = (
        "Re-encrypt every stored secret under the first key of ENCRYPTION_KEYS,"
        " online. It is safe to stop it and to run it again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--batch", type=int, default=100, help="rows read at a time (100)"
        )

    def handle(self, *args: Any, batch: int, **options: Any) -> None:
        newest = encryption.primary_key_id()
        self.stdout.write(f"Rotating to key {newest!r}.")
        try:
            for progress in rotation.rotate(batch=max(1, batch)):
                self._show(progress)
        except KeyboardInterrupt:
            raise CommandError("Stopped. Run it again to go on.") from None
        in_use = rotation.key_ids_in_use()
        for kid, count in sorted(in_use.items()):
            self.stdout.write(f"Secrets under {_named(kid)}: {count}")
        if set(in_use) - {newest}:
            raise CommandError(
                "Some secrets are not under the newest key. Keep the other keys in"
                " ENCRYPTION_KEYS; once every process has the new list, run it again."
            )
        self.stdout.write("Every secret is under the newest key.")

    def _show(self, progress: rotation.Progress) -> None:
        self.stdout.write(
            f"{progress.field}: {progress.seen} seen, {progress.resealed} re-encrypted,"
            f" {progress.unreadable} unreadable"
        )
        # Shown at once, also through a pipe: a run can take long.
        self.stdout.flush()


def _named(kid: str) -> str:
    return f"key {kid!r}" if kid else "no key of ours"
