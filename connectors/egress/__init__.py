"""The one door through which requests leave whose destination a person chose.

Nothing else constructs HTTP clients, transports or pools. A pool belongs to one
event loop (`connectors.pools` keeps it); a client belongs to one operation.

    addresses   what is public
    policy      what may be dialled
    resolver    names to addresses
    backend     opens the sockets
    pool        keeps them for a while
    operation   budget and record
    body, transport   what is done to requests and responses
    operator    what the operator chose: any address, but not any amount
"""

import hashlib
import re
import ssl
from collections.abc import Mapping

import httpcore2
import httpx2
from django.conf import settings

from connectors.egress.backend import GuardedBackend
from connectors.egress.failures import (
    BodyTooLarge,
    BudgetSpent,
    CompressedReply,
    EgressBlocked,
    NameNotFound,
    RequestRefused,
)
from connectors.egress.operation import Exchange, Operation
from connectors.egress.operator import CappedTransport
from connectors.egress.policy import Policy
from connectors.egress.pool import GuardedPool
from connectors.egress.transport import GuardedTransport

__all__ = [
    "FORBIDDEN_HEADERS",
    "HOP_HEADER",
    "BodyTooLarge",
    "BudgetSpent",
    "CompressedReply",
    "EgressBlocked",
    "Exchange",
    "HttpClient",
    "HttpPool",
    "NameNotFound",
    "Operation",
    "Policy",
    "RequestRefused",
    "client",
    "connection_pool",
    "hop",
    "is_own_hop",
    "operator_client",
    "tls_context",
]

# The type may travel; only this package constructs one.
type HttpClient = httpx2.AsyncClient
type HttpPool = httpcore2.AsyncConnectionPool

HOP_HEADER = "x-patchbay-hop"
# What a connector's own headers may never set: they steer the connection, not the
# server. Source: RFC 9110, 7.6.1 and 9112, 6.
FORBIDDEN_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        HOP_HEADER,
    }
)
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")  # RFC 9110, 5.6.2
HEADER_VALUE = re.compile(r"(?:[!-~]|[!-~][ \t!-~]{0,8190}[!-~])?")
MAX_REDIRECTS = 3
# Idle connections are worth keeping for the next call, not for the next hour.
KEEPALIVE_S = 30.0
MAX_IDLE = 50


def tls_context() -> ssl.SSLContext:
    """Make a TLS context that checks certificates and names: about 15 ms of work.

    `ssl.create_default_context` would write keys to SSLKEYLOGFILE. The operator's
    SSL_CERT_FILE and SSL_CERT_DIR count: they are for private authorities.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    return context


def connection_pool(*, policy: Policy, tls: ssl.SSLContext) -> HttpPool:
    """Make a pool whose every connection `policy` permitted. Its loop is the one
    that first uses it, which has to close it too."""
    return GuardedPool(
        ssl_context=tls,
        # Admission limits operations; each may hold a stream beside its request.
        max_connections=2 * settings.OPS_PER_PROCESS,
        max_keepalive_connections=MAX_IDLE,
        keepalive_expiry=KEEPALIVE_S,
        network_backend=GuardedBackend(policy),
    )


def client(
    *,
    pool: HttpPool,
    operation: Operation,
    headers: Mapping[str, str] | None = None,
    timeout_s: float,
) -> HttpClient:
    """Make the client of one operation. Closing it leaves `pool` open.

    `headers` go with every request, and to the origin of the first one only.
    `timeout_s` limits each read and write; the operation's deadline limits all.

    Raises:
        ValueError: a header that could not be sent as it is, or must not be.
    """
    own = dict(headers or {})
    _check_headers(own)
    always = {"accept-encoding": "identity", HOP_HEADER: hop()}
    return httpx2.AsyncClient(
        transport=GuardedTransport(
            pool=pool, operation=operation, always=always, one_origin=bool(own)
        ),
        headers={"user-agent": "Patchbay", **own},
        timeout=httpx2.Timeout(
            timeout_s, connect=min(timeout_s, settings.CONNECT_TIMEOUT_S)
        ),
        # No proxies, no .netrc: the environment must not choose where this goes.
        trust_env=False,
        follow_redirects=False,
        max_redirects=MAX_REDIRECTS,
    )


def operator_client(*, tls: ssl.SSLContext, timeout_s: float) -> HttpClient:
    """Make a client for what the operator chose: the language model.

    Its addresses are not checked, they may well be inside. `timeout_s` limits each
    read and write, MAX_RESULT_BYTES each answer. Closing the client closes its
    connections.
    """
    transport = httpx2.AsyncHTTPTransport(
        verify=tls, limits=httpx2.Limits(max_keepalive_connections=MAX_IDLE)
    )
    return httpx2.AsyncClient(
        transport=CappedTransport(transport, max_bytes=settings.MAX_RESULT_BYTES),
        # What is packed would be counted before it is unpacked.
        headers={"user-agent": "Patchbay", "accept-encoding": "identity"},
        timeout=httpx2.Timeout(
            timeout_s, connect=min(timeout_s, settings.CONNECT_TIMEOUT_S)
        ),
        trust_env=False,
        follow_redirects=False,
    )


def is_own_hop(headers: Mapping[str, str]) -> bool:
    """Say whether a request that came in was sent by this installation itself."""
    return any(
        name.lower() == HOP_HEADER and value == hop() for name, value in headers.items()
    )


def hop() -> str:
    """Return what this installation signs its requests with."""
    # Tells installations apart, and tells nobody more than the public address does.
    return hashlib.sha256(settings.PUBLIC_URL.encode()).hexdigest()[:16]


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if HEADER_NAME.fullmatch(name) is None or name.lower() in FORBIDDEN_HEADERS:
            raise ValueError("A header has a name that cannot be sent.")
        if HEADER_VALUE.fullmatch(value) is None:
            raise ValueError("A header has a value that cannot be sent.")
