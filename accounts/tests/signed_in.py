"""Who a test's browser is signed in as."""

import re

from django.test import Client


def username(client: Client) -> str:
    """Return what the settings say, "" for who is sent to the sign-in instead."""
    found = re.findall(
        r"<b>Username</b><p[^>]*>(.*?)</p>", client.get("/settings").text
    )
    return found[0] if found else ""
