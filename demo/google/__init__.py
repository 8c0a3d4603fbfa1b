"""A Google on this machine: its sign-in and the Gmail API, strict, and in memory.

`application()` is the site; `running()` starts it in a thread, for tests. What it
does as Google does it is what Patchbay's Gmail relies on: scopes are allowed one by
one, a refresh token comes only where it was asked for and never changes, and a token
that is revoked ends everything that was allowed with it.
Source: developers.google.com, "Using OAuth 2.0 for Web Server Applications" and
"Gmail API reference".
"""

from demo.google.google import Google
from demo.google.site import application
from demo.google.switches import Switches

__all__ = ["Google", "Switches", "application"]
