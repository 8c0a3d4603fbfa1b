"""Test a connection from a shell: the test of the web form, without a database."""

import json
import sys
from argparse import ArgumentParser
from contextlib import aclosing
from typing import Any, Final

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandError

from connectors import auth, validator
from connectors.errors import InvalidInput
from connectors.steps import Step
from connectors.validator import ValidationResult

USAGE: Final = 2
MARKS: Final = {"passed": "ok", "warning": "!!", "failed": "no", "skipped": "--"}


class Command(BaseCommand):
    help = "Test the connection to an MCP server; exits 1 when the test failed."
    # It reads settings and dials; a database may not even be there.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("url", metavar="URL")
        parser.add_argument(
            "--header",
            action="append",
            default=[],
            metavar="'K: V'",
            help="a header to offer, such as 'Authorization: Bearer …'; repeatable",
        )
        parser.add_argument(
            "--json", action="store_true", help="print the result as the API gives it"
        )

    def handle(self, *, url: str, header: list[str], **options: Any) -> None:
        headers = _headers(header)
        given = {"auth_type": "api_key", "auth_config": headers} if headers else {}
        result = async_to_sync(self._run)(url, given, quiet=options["json"])
        if options["json"]:
            shown = {**result.public(), "test_ticket": None}
            self.stdout.write(json.dumps(shown, indent=2))
        else:
            self._report(result)
        if not result.success:
            sys.exit(1)

    async def _run(
        self, url: str, given: dict[str, Any], *, quiet: bool
    ) -> ValidationResult:
        async with aclosing(validator.stages(server_url=url, **given)) as items:
            async for item in items:
                if isinstance(item, ValidationResult):
                    return item
                if not quiet:
                    self._show(item)
        raise CommandError("The test ended without a result.")

    def _show(self, step: Step) -> None:
        if mark := MARKS.get(step.status):
            took = "" if step.duration_ms is None else f" ({step.duration_ms} ms)"
            line = f"{mark}  {step.step:<10} {step.message}{took}"
            self.stdout.write(line.rstrip())
            self.stdout.flush()

    def _report(self, result: ValidationResult) -> None:
        spoken = " ".join(filter(None, [result.transport, result.protocol_version]))
        if result.success:
            self.stdout.write(f"\nConnected in {result.duration_ms} ms, {spoken}.")
        if result.error_code:
            self.stdout.write(f"\n{result.error_code}: {result.error_message}")
            self.stdout.write(f"{result.suggestion}")
        for tool in result.tools:
            first_line = tool["description"].partition("\n")[0]
            self.stdout.write(f"  {tool['name']}  {first_line}")


def _headers(lines: list[str]) -> dict[str, Any] | None:
    """Return the credentials of the lines `K: V`; a wrong one is wrong usage."""
    if not lines:
        return None
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = map(str.strip, line.partition(":"))
        if not colon or name in headers:
            raise CommandError(
                "A header reads 'Name: value', each name once.", returncode=USAGE
            )
        headers[name] = value
    try:
        return auth.check_config("api_key", {"headers": headers})
    except InvalidInput as error:
        raise CommandError(error.message, returncode=USAGE) from None
