"""What can go wrong with a connector, as one tree.

ConnectorError
├── InvalidInput                422, names the field
├── NotVerified                 CONNECTION_NOT_VERIFIED, carries the test
├── LimitReached                CONNECTOR_LIMIT_REACHED
├── DuplicateUrl, DuplicateName
├── ConnectorNotFound, ToolNotFound
├── ConnectorDisabled, SignInRequired, ToolPendingReview, SecretUnreadable
├── TooManyRequests             carries the seconds to wait
└── ServerFailure               a server that was dialled, or may not be
    ├── InvalidUrl
    ├── ConnectionFailed        the only one that is safe to try again
    ├── TimedOut
    ├── AuthRequired            carries what the server asks for
    ├── AuthFailed
    ├── InvalidMcpServer
    ├── ServerError
    │   └── SessionGone         the server forgot a session: nothing was done
    ├── ResponseTooLarge
    ├── SignInFailed            carries the reason, one short word
    │   ├── SignInNotOffered    OAUTH_NOT_OFFERED
    │   ├── ClientNeeded        OAUTH_CLIENT_NEEDED
    │   ├── ClientRefused       who we are there is not known any more
    │   └── GrantWithdrawn      only the person can give another
    └── OutcomeUnknown          a call that may have reached the server

`code` is stable and documented in docs/errors.md; the HTTP status of each code
is chosen in one table, config/errors.py. `message` and `suggestion` are safe to
show: they never contain a secret, nor text that the server sent uncleaned.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from connectors.validator import ValidationResult


class ConnectorError(Exception):
    """Root of everything that is anticipated here."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    message: str = "This failed here, at the installation. Try again."

    def __init__(self, message: str = "") -> None:
        self.message = message or self.message
        super().__init__(self.message)


class InvalidInput(ConnectorError):
    """A value that has the wrong shape; `errors` is the `detail` of a 422."""

    code = "INVALID_INPUT"

    def __init__(self, errors: Sequence[dict[str, Any]]) -> None:
        self.errors = list(errors)
        super().__init__(str(self.errors[0]["msg"]))

    @classmethod
    def at(cls, *loc: str | int, msg: str, type_: str) -> "InvalidInput":
        """Build the error of one field; `loc` starts below `body`."""
        return cls([{"loc": ["body", *loc], "msg": msg, "type": type_}])


class NotVerified(ConnectorError):
    code = "CONNECTION_NOT_VERIFIED"

    def __init__(self, test: "ValidationResult") -> None:
        self.test = test
        super().__init__(
            "The connection was not verified, so nothing was saved. "
            f"{test.error_message or ''}".strip()
        )


class LimitReached(ConnectorError):
    code = "CONNECTOR_LIMIT_REACHED"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"You have reached the limit of {limit} connectors. "
            "Delete one that you no longer need."
        )


class DuplicateUrl(ConnectorError):
    code = "DUPLICATE_URL"
    message = (
        "You already have a connector with this URL. "
        "Send allow_duplicate if you want a second one."
    )


class DuplicateName(ConnectorError):
    code = "DUPLICATE_NAME"
    message = "You already have a connector with this name. Choose another one."


class ConnectorNotFound(ConnectorError):
    code = "CONNECTOR_NOT_FOUND"
    message = "There is no such connector."


class ToolNotFound(ConnectorError):
    code = "TOOL_NOT_FOUND"
    message = "This connector has no such tool. Re-test it to refresh its tools."


class ConnectorDisabled(ConnectorError):
    code = "CONNECTOR_DISABLED"
    message = "This connector is paused. Enable it to use its tools."


class SignInRequired(ConnectorError):
    """Only the person can go on: by signing in, or with new credentials.

    `connector_id`, or `system_tool`, is set where a sign-in by OAuth there would do.
    """

    code = "SIGN_IN_REQUIRED"
    message = "This connector needs you to sign in or to enter new credentials."

    def __init__(
        self,
        message: str = "",
        *,
        connector_id: int | None = None,
        system_tool: str = "",
    ) -> None:
        self.connector_id = connector_id
        self.system_tool = system_tool
        super().__init__(message)

    @property
    def is_oauth(self) -> bool:
        """Whether a sign-in by OAuth would do."""
        return self.connector_id is not None or bool(self.system_tool)


class ToolPendingReview(ConnectorError):
    code = "TOOL_PENDING_REVIEW"
    message = "This tool changed. Review the change before it is used."


class SecretUnreadable(ConnectorError):
    code = "SECRET_UNREADABLE"
    message = "The stored credentials cannot be read. Enter them again."


class TooManyRequests(ConnectorError):
    code = "TOO_MANY_REQUESTS"

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = max(1, retry_after_s)
        super().__init__(
            f"Too many requests at once. Try again in {self.retry_after_s} seconds."
        )


class ServerFailure(ConnectorError):
    """A server failed us. `suggestion` says what the person can do about it."""

    suggestion: str = ""
    retryable: ClassVar[bool] = False
    # What is appended to the promised first sentence, to be more exact.
    detail: str = ""

    def __init__(self, detail: str = "", *, suggestion: str = "") -> None:
        self.detail = detail
        self.suggestion = suggestion or self.suggestion
        super().__init__(f"{type(self).message} {detail}".strip())


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


class TimedOut(ServerFailure):
    code = "TIMEOUT"
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


class SignInFailed(ServerFailure):
    """A sign-in by OAuth that did not come to its end.

    `reason` is one short word that an address may carry, and a page explains.
    `flow_id` is the sign-in, where it is the person's own; `test_code` the error code
    of the connection test that failed after it.
    """

    code = "OAUTH_FAILED"
    message = "The sign-in did not work."
    suggestion = "Try again; if that does not help, ask the server's owner."
    flow_id: int | None = None
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


class OutcomeUnknown(ServerFailure):
    """The request may have reached the server: it is never sent again."""

    code = "OUTCOME_UNKNOWN"
    message = "The server did not confirm the call, which may or may not have happened."
    suggestion = "Check on the server before you call the tool again."
