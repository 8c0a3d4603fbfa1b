"""Faults of the first exchange: `server/discover` and `initialize`."""

from demo.hostile.exchange import Exchange, Fault
from demo.hostile.http import Message
from demo.hostile.peer import (
    METHOD_NOT_FOUND,
    Refusal,
    discovery,
    handshake,
    polite,
    unsupported,
)
from demo.hostile.replies import (
    after_handshake,
    at,
    changed,
    close,
    error,
    hold,
    instead,
    page,
    result,
    status,
    without,
)
from demo.hostile.texts import HOSTILE_TEXT

DISCOVER, INITIALIZE, INITIALIZED = (
    "server/discover",
    "initialize",
    "notifications/initialized",
)
OPENINGS = (DISCOVER, INITIALIZE)
FUTURE = "2099-01-01"


async def too_new(exchange: Exchange) -> None:
    """Refuse every version that exists today, in the modern way."""
    asked = exchange.request.header("mcp-protocol-version")
    raise unsupported([FUTURE], asked)


def unknown_version(exchange: Exchange) -> Message:
    return handshake(exchange) | {"protocolVersion": "1999-12-31"}


def hostile_information(_: Exchange) -> Message:
    information = {"name": HOSTILE_TEXT, "title": HOSTILE_TEXT, "version": HOSTILE_TEXT}
    return discovery() | {
        "resultType": "complete",
        "ttlMs": 0,
        "cacheScope": "private",
        "instructions": HOSTILE_TEXT * 100,
        "_meta": {"io.modelcontextprotocol/serverInfo": information},
    }


async def lists_legacy_versions(exchange: Exchange) -> None:
    """Discover says that only sessions are spoken here."""
    if exchange.method == DISCOVER:
        await result(lambda _: discovery("2025-11-25", "2025-06-18"))(exchange)
    else:
        await polite(exchange)


async def without_tools(exchange: Exchange) -> None:
    """Offer nothing: no capability, and no method to list tools."""
    if exchange.method in OPENINGS:
        await changed(exchange.method, capabilities={})(exchange)
    else:
        await instead("tools/list", error(METHOD_NOT_FOUND, "Method not found"))(
            exchange
        )


async def unknown_discover(exchange: Exchange) -> None:
    """Know no `server/discover`, as servers before 2026 that have no sessions."""
    if exchange.method == DISCOVER:
        raise Refusal(METHOD_NOT_FOUND, "Method not found")
    await polite(exchange)


HANDSHAKE_FAULTS = {
    "discover-error": Fault(
        about="answers discover with an internal error",
        reply=instead(DISCOVER, error(status=500)),
    ),
    "discover-bad": Fault(
        about="leaves the versions out of discover",
        reply=without(DISCOVER, "supportedVersions"),
    ),
    "discover-not-object": Fault(
        about="answers discover with a list",
        reply=instead(DISCOVER, result(lambda _: [1])),
    ),
    "discover-bare": Fault(
        about="leaves resultType, ttlMs and cacheScope out of discover",
        reply=without(DISCOVER, "resultType", "ttlMs", "cacheScope", "_meta"),
    ),
    "discover-hangs": Fault(
        about="never answers discover, but speaks with sessions",
        reply=instead(DISCOVER, hold),
        era="legacy",
    ),
    "discover-unknown": Fault(
        about="knows no discover and answers 200; speaks with sessions",
        reply=unknown_discover,
        era="legacy",
    ),
    "discover-legacy": Fault(
        about="discover lists versions with sessions only",
        reply=lists_legacy_versions,
        era="legacy",
    ),
    "unsupported-version": Fault(
        about=f"speaks {FUTURE} only", reply=at(OPENINGS, too_new)
    ),
    "discover-other-version": Fault(
        about=f"discover lists {FUTURE} only",
        reply=changed(DISCOVER, supportedVersions=[FUTURE]),
    ),
    "hostile-information": Fault(
        about="introduces itself with characters that deceive",
        reply=instead(DISCOVER, result(hostile_information)),
    ),
    "initialize-error": Fault(
        about="answers initialize with an internal error",
        reply=instead(INITIALIZE, error()),
        era="legacy",
    ),
    "initialize-bad": Fault(
        about="leaves the capabilities out of initialize",
        reply=without(INITIALIZE, "capabilities"),
        era="legacy",
    ),
    "initialize-hangs": Fault(
        about="never answers initialize",
        reply=instead(INITIALIZE, hold),
        era="legacy",
    ),
    "unknown-version": Fault(
        about="initialize agrees on a version that never was",
        reply=instead(INITIALIZE, result(unknown_version)),
        era="legacy",
    ),
    "initialized-500": Fault(
        about="fails on the notification after initialize",
        reply=instead(INITIALIZED, status(500)),
        era="legacy",
    ),
    "initialized-hangs": Fault(
        about="never accepts the notification after initialize",
        reply=instead(INITIALIZED, hold),
        era="legacy",
    ),
    "dies-after-handshake": Fault(
        about="shakes hands, then answers 500", reply=after_handshake(status(500))
    ),
    "closes-after-handshake": Fault(
        about="shakes hands, then hangs up", reply=after_handshake(close)
    ),
    "html-after-handshake": Fault(
        about="shakes hands, then is a web page", reply=after_handshake(page)
    ),
    "401-after-handshake": Fault(
        about="shakes hands, then wants a token",
        reply=after_handshake(status(401, ("WWW-Authenticate", "Bearer"))),
    ),
    "no-tools-capability": Fault(
        about="does not say that it has tools, and has none", reply=without_tools
    ),
}
