"""Pages of connectors and of system tools that the agent leads people to."""

from django.conf import settings
from django.urls import reverse

from connectors.models import Source


def sign_in(source: str, ref: int | str) -> str:
    """Return where a person signs in to a connector, or to a system tool."""
    if source == Source.SYSTEM:
        return reverse("system-tool-sign-in", args=[ref])
    return reverse("connector-sign-in", args=[ref])


def sign_in_url(source: str, ref: int | str) -> str:
    """Return the whole address of the same page, for who is not on a page of ours."""
    return f"{settings.PUBLIC_URL}{sign_in(source, ref)}"


def credentials(connector_id: int | str) -> str:
    """Return where a person enters a token."""
    return reverse("connector-edit", args=[connector_id]) + "#sign-in"


def system_tool(tool_id: str) -> str:
    """Return the page of a system tool."""
    return reverse("system-tool", args=[tool_id])
