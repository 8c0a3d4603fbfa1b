"""What is refused here, before any server has a say."""

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
