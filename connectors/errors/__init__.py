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

from connectors.errors.refusals import (
    ConnectorDisabled,
    ConnectorError,
    ConnectorNotFound,
    DuplicateName,
    DuplicateUrl,
    InvalidInput,
    LimitReached,
    NotVerified,
    SecretUnreadable,
    SignInRequired,
    ToolNotFound,
    ToolPendingReview,
    TooManyRequests,
)
from connectors.errors.servers import (
    AuthFailed,
    AuthRequired,
    ConnectionFailed,
    InvalidMcpServer,
    InvalidUrl,
    OutcomeUnknown,
    ResponseTooLarge,
    ServerError,
    ServerFailure,
    SessionGone,
    TimedOut,
)
from connectors.errors.sign_ins import (
    HELP_ANEW,
    REFUSED_ANEW,
    ClientNeeded,
    ClientRefused,
    GrantWithdrawn,
    SignInFailed,
    SignInNotOffered,
)

__all__ = [
    "HELP_ANEW",
    "REFUSED_ANEW",
    "AuthFailed",
    "AuthRequired",
    "ClientNeeded",
    "ClientRefused",
    "ConnectionFailed",
    "ConnectorDisabled",
    "ConnectorError",
    "ConnectorNotFound",
    "DuplicateName",
    "DuplicateUrl",
    "GrantWithdrawn",
    "InvalidInput",
    "InvalidMcpServer",
    "InvalidUrl",
    "LimitReached",
    "NotVerified",
    "OutcomeUnknown",
    "ResponseTooLarge",
    "SecretUnreadable",
    "ServerError",
    "ServerFailure",
    "SessionGone",
    "SignInFailed",
    "SignInNotOffered",
    "SignInRequired",
    "TimedOut",
    "TooManyRequests",
    "ToolNotFound",
    "ToolPendingReview",
]
