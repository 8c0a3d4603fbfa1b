"""The *Broken on purpose* server: what a person can see failing, on one port."""

from demo.hostile import FAULTS, Fault, HostileServer
from demo.hostile.replies import after_handshake, status

# Seconds for each of the five steps of `/call-slow`.
PACE_S = 1.0
# Path -> the fault that it shows.
SHOWN = {
    "html": "html",
    "500": "500",
    "slow": "never-answers",
    "empty": "empty-list",
    "bad-tool": "one-bad-tool",
    "sign-in": "401-metadata",
    "busy": "429",
    "not-json": "not-json",
    "too-new": "unsupported-version",
    "too-large": "big-list",
    "endless": "endless-cursor",
    "hostile": "hostile-texts",
    "changing": "changing",
    "call-hangs": "call-hangs",
    "call-500": "call-500",
    "call-cut": "call-cut-body",
    "call-slow": "call-slow",
    "call-error": "call-is-error",
}


def faults() -> dict[str, Fault]:
    """Choose what is shown, `/mcp` first."""
    shown = {path: FAULTS[name] for path, name in SHOWN.items()}
    shaken = Fault(
        about="shakes hands, then answers 500 to everything",
        reply=after_handshake(status(500)),
    )
    return {"mcp": shaken, **shown}


def build() -> HostileServer:
    """Make the broken server; start it on a listening socket."""
    return HostileServer(faults(), pace_s=PACE_S)
