"""What `manage.py check` says of system tools that cannot be used."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

from systemtools import registry
from systemtools.gmail.google import SCOPES


@register("patchbay")
def gmail_asks_for_what_there_is(**kwargs: Any) -> list[CheckMessage]:
    """A word that is misspelt would be a permission that nobody is asked for."""
    unknown = set(settings.GMAIL_SCOPES) - SCOPES.keys()
    return [
        Warning(
            f"GMAIL_SCOPES has {word!r}, which is not asked for.",
            hint=f"It knows {' and '.join(SCOPES)}.",
            id="patchbay.W002",
        )
        for word in sorted(unknown)
    ]


@register("patchbay")
def system_tools_can_be_used(**kwargs: Any) -> list[CheckMessage]:
    """A tool that is broken is left out; the installation works without it."""
    return [
        Warning(
            f"{problem.where} is no system tool that can be used: {problem.why}.",
            hint="CONTRIBUTING.md, “A system tool”, says what one looks like.",
            id="patchbay.W001",
        )
        for problem in registry.known().problems
    ]
