"""A demo authorization server: OAuth 2.1 in memory, with failures to switch on.

`application()` is the site of the authority and `JournalDoor` what a server puts in
front of itself to be protected by it; `running()` starts both in threads, for tests.
"""

from demo.authority.authority import Authority
from demo.authority.site import application
from demo.authority.switches import Switches

__all__ = ["Authority", "Switches", "application"]
