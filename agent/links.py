"""Pages of a connector that the agent leads people to."""

from django.conf import settings
from django.urls import reverse


def sign_in(connector_id: int | str) -> str:
    """Return where a person signs in."""
    return reverse("connector-sign-in", args=[connector_id])


def sign_in_url(connector_id: int | str) -> str:
    """Return the whole address of the same page, for who is not on a page of ours."""
    return f"{settings.PUBLIC_URL}{sign_in(connector_id)}"


def credentials(connector_id: int | str) -> str:
    """Return where a person enters a token."""
    return reverse("connector-edit", args=[connector_id]) + "#sign-in"
