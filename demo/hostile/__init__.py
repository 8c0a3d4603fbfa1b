"""A server that is bad in every way that is known, one path for each.

Tests dial it: `running()` starts it in a thread, `Hostile.url(name)` is where a
fault is and `Hostile.seen(name)` what it received. `demo.broken` shows some of it
to people. Every path speaks correct MCP apart from its one fault.
"""

from demo.hostile.exchange import Era, Exchange, Fault, Ledger, Reply, Seen
from demo.hostile.faults import FAULTS
from demo.hostile.http_faults import PRIVATE_HOST, RETRY_AFTER_S, RIGHT_TOKEN
from demo.hostile.running import Hostile, running
from demo.hostile.server import HostileServer
from demo.hostile.texts import HOSTILE_TEXT, HOSTILE_TEXTS

__all__ = [
    "FAULTS",
    "HOSTILE_TEXT",
    "HOSTILE_TEXTS",
    "PRIVATE_HOST",
    "RETRY_AFTER_S",
    "RIGHT_TOKEN",
    "Era",
    "Exchange",
    "Fault",
    "Hostile",
    "HostileServer",
    "Ledger",
    "Reply",
    "Seen",
    "running",
]
