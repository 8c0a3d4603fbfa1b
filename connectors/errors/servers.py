"""What a server did to us that was dialled, or may not be."""

from typing import ClassVar, Self

from connectors.errors.refusals import ConnectorError


class ServerFailure(ConnectorError):
    """A server failed us. `suggestion` says what the person can do about it."""

    suggestion: str = ""
    retryable: ClassVar[bool] = False
    at_sign_in_words: ClassVar[str] = "gave no answer that can be used"
    # What is appended to the promised first sentence, to be more exact.
    detail: str = ""
    # Whether it was not the server but the service that renews a sign-in to it.
    at_sign_in: bool = False

    def __init__(self, detail: str = "", *, suggestion: str = "") -> None:
        self.detail = detail
        self.suggestion = suggestion or self.suggestion
        super().__init__(f"{type(self).message} {detail}".strip())

    def seen_at_sign_in(self) -> Self:
        """Say that its sign-in service failed, which says nothing of the server."""
        self.at_sign_in = True
        words = f"Its sign-in service {self.at_sign_in_words}."
        self.message = words
        if self.detail.startswith("Its sign-in service "):
            self.message = self.detail
        if self.suggestion == type(self).suggestion:
            self.suggestion = "Try again in a moment; you stay signed in."
        self.args = (self.message,)
        return self


class InvalidUrl(ServerFailure):
    code = "INVALID_URL"
    message = "Invalid URL format. Must be a valid HTTP/HTTPS URL."
    suggestion = "Paste the whole address, for example https://example.com/mcp."

    def __init__(
        self, detail: str = "", *, suggestion: str = "", constraint: str = "url"
    ) -> None:
        # url, max_length or userinfo: the last element of `loc` in a 422.
        self.constraint = constraint
        super().__init__(detail, suggestion=suggestion)


class ConnectionFailed(ServerFailure):
    code = "CONNECTION_FAILED"
    message = "Cannot connect to server. Please check the URL."
    suggestion = (
        "Check the spelling of the address and that the server runs and can be "
        "reached from here."
    )
    retryable = True
    at_sign_in_words = "cannot be reached"


class TimedOut(ServerFailure):
    code = "TIMEOUT"
    at_sign_in_words = "did not answer in time"
    suggestion = "Try again; if it stays slow, ask the server's owner."

    def __init__(
        self, detail: str = "", *, after_s: float = 10, suggestion: str = ""
    ) -> None:
        self.detail = detail
        self.suggestion = suggestion or self.suggestion
        sentence = f"Connection timed out after {after_s:g} seconds."
        ConnectorError.__init__(self, f"{sentence} {detail}".strip())


class AuthRequired(ServerFailure):
    code = "AUTH_REQUIRED"
    message = "This server asks you to sign in."
    suggestion = "Add an API token or headers, or sign in with OAuth."


class AuthFailed(ServerFailure):
    code = "AUTH_FAILED"
    message = "Authentication failed. Please check your credentials."
    suggestion = "Check that the token is whole, still valid, and for this server."

    def __init__(
        self,
        detail: str = "",
        *,
        suggestion: str = "",
        refused_token: bool = False,
        wanted_scope: str | None = None,
    ) -> None:
        # Whether a newer token may be accepted.
        self.refused_token = refused_token
        # What a good token lacks; None if that is not the reason.
        self.wanted_scope = wanted_scope
        super().__init__(detail, suggestion=suggestion)


class InvalidMcpServer(ServerFailure):
    code = "INVALID_MCP_SERVER"
    message = "This doesn't appear to be a valid MCP server."
    suggestion = "Check the path: most servers answer at …/mcp, older ones at …/sse."

    def __init__(
        self, detail: str = "", *, suggestion: str = "", moved_to: str = ""
    ) -> None:
        # The address on another origin that it redirects to; nobody went there.
        self.moved_to = moved_to
        super().__init__(detail, suggestion=suggestion)


class ServerError(ServerFailure):
    code = "SERVER_ERROR"
    message = "The server answered with an error."
    suggestion = "Try again later, or ask the server's owner."


class SessionGone(ServerError):
    """The server does not know the session any more, so it did not do the request.

    Source: streamable HTTP, "Session Management" of revisions before 2026-07-28.
    """

    def __init__(self) -> None:
        super().__init__("It forgot the session in the middle of the work.")


class ResponseTooLarge(ServerFailure):
    code = "RESPONSE_TOO_LARGE"
    message = "The server sent more than this installation accepts."
    suggestion = "Ask the server's owner for smaller answers or fewer tools."


class OutcomeUnknown(ServerFailure):
    """The request may have reached the server: it is never sent again."""

    code = "OUTCOME_UNKNOWN"
    message = "The server did not confirm the call, which may or may not have happened."
    suggestion = "Check on the server before you call the tool again."
