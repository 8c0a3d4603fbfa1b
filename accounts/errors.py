"""What can go wrong with an account, as one tree.

AccountError
├── InvalidToken            422, names the field
├── TokenLimitReached
├── TokenNameTaken
└── TokenNotFound

`code` is stable; `message` is safe to show. A token that does not authenticate is
no exception here: `tokens.authenticate` answers None.
"""

from typing import ClassVar


class AccountError(Exception):
    """Root of everything that is anticipated here."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    message: str = ""

    def __init__(self, message: str = "") -> None:
        self.message = message or self.message
        super().__init__(self.message)


class InvalidToken(AccountError):
    """A token is asked for that cannot be; `field` is the argument at fault."""

    code = "INVALID_INPUT"

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


class TokenLimitReached(AccountError):
    code = "TOKEN_LIMIT_REACHED"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"You have reached the limit of {limit} live tokens. "
            "Revoke one that you no longer need."
        )


class TokenNameTaken(AccountError):
    code = "TOKEN_NAME_TAKEN"
    message = "You already have a live token with this name. Choose another one."


class TokenNotFound(AccountError):
    code = "NOT_FOUND"
    message = "There is no such token."
