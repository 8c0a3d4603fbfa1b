"""What `manage.py check` says of system tools that cannot be used."""

from typing import Any

from django.core.checks import CheckMessage, Warning, register

from systemtools import registry


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
