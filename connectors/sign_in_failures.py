"""Why a sign-in by OAuth did not come to its end, in words for the person.

An address carries one short word, the reason; the texts are here. Nothing that a
stranger can write into a link is ever shown.
"""

from dataclasses import dataclass

from django.conf import settings

from connectors.errors import ServerFailure, SignInFailed

NOTHING_STORED = "Nothing was stored."
MINUTE_S = 60


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What happened, what to do, and whether trying again can help."""

    reason: str
    title: str
    sentence: str
    advice: str
    can_retry: bool = True
    # Whether a client that somebody registers by hand would help.
    wants_client: bool = False


UNKNOWN = (
    "the sign-in did not work",
    f"It failed on the way. {NOTHING_STORED}",
    "Try again; if that does not help, send the details below to who runs this.",
)
# Reason -> what happened as a heading, as a sentence, and what to do.
TEXTS = {
    "access_denied": (
        "the sign-in was cancelled",
        "The sign-in service says that you, or its own rules, did not allow it. "
        f"{NOTHING_STORED}",
        "Try again if you want to allow it.",
    ),
    "expired": (
        "this sign-in had expired",
        "A sign-in is good for {minutes} min and for one use; this one came back too "
        f"late. {NOTHING_STORED}",
        "Try again.",
    ),
    "used": (
        "this sign-in was used already",
        "A sign-in is good for one use. What the first one did stays as it is.",
        "Look at your connectors; if it is not among them, try again.",
    ),
    "invalid_state": (
        "this sign-in is not known here",
        "It was begun in another browser or by another person, or not here at all. "
        f"{NOTHING_STORED}",
        "Go to your connectors and begin it again in this browser.",
    ),
    "issuer_mismatch": (
        "another sign-in service answered",
        "The answer does not come from the service that the server names, so it was "
        f"refused. {NOTHING_STORED}",
        "Try again; if it stays so, ask the server's owner.",
    ),
    "resource_mismatch": (
        "the sign-in is for another server",
        "What the server publishes about its sign-in describes another address. "
        f"{NOTHING_STORED}",
        "Check the address, then ask the server's owner.",
    ),
    "no_pkce": (
        "the sign-in service is not safe to use",
        "It does not protect sign-ins with PKCE (S256), so nobody was sent there.",
        "Ask the server's owner to switch PKCE on.",
    ),
    "registration_refused": (
        "the sign-in service does not know Patchbay",
        "It did not let Patchbay register itself.",
        "Register a client there by hand and enter its client id under Advanced.",
    ),
    "oauth_client_needed": (
        "the sign-in service wants a client that it knows",
        "Patchbay cannot register itself there.",
        "Register a client there by hand and enter its client id under Advanced.",
    ),
    "client_refused": (
        "the sign-in service does not know this client any more",
        f"The client that Patchbay used there was removed or is wrong. "
        f"{NOTHING_STORED}",
        "Try again; with a client id of your own, check it under Advanced.",
    ),
    "exchange_failed": (
        "the sign-in was not accepted in the end",
        "You were let in, and then the service gave no token that can be used. "
        f"{NOTHING_STORED}",
        "Try again; if it stays so, ask the server's owner.",
    ),
    "no_code": (
        "the sign-in service sent nothing to go on with",
        f"Its answer had neither a code nor an error. {NOTHING_STORED}",
        "Try again; if it stays so, ask the server's owner.",
    ),
    "unavailable": (
        "the sign-in service does not work at the moment",
        f"It did not answer, or answered that it cannot. {NOTHING_STORED}",
        "Try again in a few minutes.",
    ),
    "provider_error": (
        "the sign-in service refused the request",
        f"It did not say why in a way that can be trusted. {NOTHING_STORED}",
        "Try again; if it stays so, send the details below to the server's owner.",
    ),
    "test_failed": (
        "signed in, but the server did not work",
        "The sign-in itself worked. The test with it did not pass.",
        "Test the server, then try again.",
    ),
    "nothing_granted": (
        "nothing was allowed",
        "You signed in, and gave none of the permissions that it is for. "
        f"{NOTHING_STORED}",
        "Try again, and leave ticked what you want it to do.",
    ),
    "limit_reached": (
        "there is no place left",
        f"You have {{limit}} connectors, as many as are allowed. {NOTHING_STORED}",
        "Delete one that you no longer need, then try again.",
    ),
    "busy": (
        "too much was asked for at once",
        f"The sign-in worked, and there was no room to go on with it. {NOTHING_STORED}",
        "Try again in a minute.",
    ),
    "connector_changed": (
        "the connector was moved meanwhile",
        "Its address was changed while you signed in, so this sign-in is for another "
        f"server. {NOTHING_STORED}",
        "Sign in again.",
    ),
    "connector_gone": (
        "the connector is gone",
        "It was deleted, or an administrator removed it, while you signed in. "
        f"{NOTHING_STORED}",
        "Add it anew if you still want it.",
    ),
    "oauth_not_offered": (
        "this server offers no sign-in",
        "It publishes nothing about signing in with OAuth.",
        "Connect it without a sign-in, or with a token from its owner.",
    ),
    "sign_in_required": (
        "the permission was withdrawn",
        "The sign-in service does not accept it any more.",
        "Sign in again.",
    ),
    "step_up": (
        "the server keeps asking for more",
        "It wanted further permissions each time it got what it asked for.",
        "Ask the server's owner which permissions it needs.",
    ),
    "connection_failed": (
        "the sign-in service could not be reached",
        f"No connection was made. {NOTHING_STORED}",
        "Try again in a few minutes.",
    ),
    "timeout": (
        "the sign-in service did not answer in time",
        f"It was given up. {NOTHING_STORED}",
        "Try again in a few minutes.",
    ),
}
# Trying the same again cannot help where something has to change first.
FINAL = frozenset({"no_pkce", "resource_mismatch", "oauth_not_offered"})
# What is found in their own words, before anybody is sent away.
SAY_ALL = frozenset({"no_pkce", "oauth_not_offered"})
WANT_CLIENT = frozenset(
    {"client_refused", "oauth_client_needed", "registration_refused"}
)


def of(reason: str) -> Failure:
    """Return what is told of `reason`; of one that is not known, that it failed."""
    known = reason if reason in TEXTS else ""
    title, sentence, advice = TEXTS.get(known, UNKNOWN)
    numbers = {
        "minutes": f"{settings.OAUTH_FLOW_TTL_S / MINUTE_S:g}",
        "limit": settings.CONNECTOR_LIMIT,
    }
    return Failure(
        reason=known or SignInFailed.code.lower(),
        title=f"Not connected: {title}",
        sentence=sentence.format(**numbers),
        advice=advice,
        can_retry=known not in FINAL,
        wants_client=known in WANT_CLIENT,
    )


def reason_of(failure: ServerFailure) -> str:
    """Return the word for what ended a sign-in before anybody was sent away."""
    if isinstance(failure, SignInFailed):
        return failure.reason
    return failure.code.lower()


def said_of(failure: ServerFailure) -> str:
    """Return what is known beyond the words of its reason; "" where these say it."""
    if reason_of(failure) in SAY_ALL:
        return ""
    return f"{failure.message} {failure.suggestion}".strip()
