"""Sign-ins by OAuth that did not come to their end."""

from typing import Self

from connectors.errors.servers import ServerFailure

# Where another sign-in of the same account would not help.
REFUSED_ANEW = "The server refuses even a new sign-in."
HELP_ANEW = "Ask its owner, or sign in with another account."


class SignInFailed(ServerFailure):
    """A sign-in by OAuth that did not come to its end.

    `reason` is one short word that an address may carry, and a page explains.
    `flow_id` is the sign-in, where it is the person's own, and `system_tool` what it
    was to, if that is no connector; `test_code` the error code of the connection test
    that failed after it.
    """

    code = "OAUTH_FAILED"
    message = "The sign-in did not work."
    suggestion = "Try again; if that does not help, ask the server's owner."
    flow_id: int | None = None
    system_tool: str = ""
    test_code: str = ""

    def __init__(
        self, detail: str = "", *, reason: str = "", suggestion: str = ""
    ) -> None:
        self.reason = reason or type(self).code.lower()
        super().__init__(detail, suggestion=suggestion)


class SignInNotOffered(SignInFailed):
    code = "OAUTH_NOT_OFFERED"
    message = "This server does not offer to sign in with OAuth."
    suggestion = "Connect it without a sign-in, or with a token from its owner."


class ClientNeeded(SignInFailed):
    code = "OAUTH_CLIENT_NEEDED"
    message = "This server's sign-in service wants a client that it knows."

    def __init__(self, *, redirect_uri: str) -> None:
        self.redirect_uri = redirect_uri
        super().__init__(
            suggestion="Register a client there with the redirect URI "
            f"{redirect_uri}, and enter its client id (and secret) under Advanced."
        )


class ClientRefused(SignInFailed):
    """The authorization server does not know our client, or not any more."""

    message = "The sign-in service does not know this installation any more."
    suggestion = "Try again: it is made known anew, or enter another client id."

    def __init__(self) -> None:
        super().__init__(reason="client_refused")


class GrantWithdrawn(SignInFailed):
    """The authorization server does not know the grant any more."""

    code = "SIGN_IN_REQUIRED"
    message = "This connector needs you to sign in again."
    suggestion = "Sign in again; the permission was withdrawn or has ended."

    @classmethod
    def anew(cls) -> Self:
        """Return that of a grant whose token was refused when it was new."""
        return cls(suggestion=f"{REFUSED_ANEW} {HELP_ANEW}")
