"""The only place where a socket to a server of somebody else is opened."""

import ipaddress
import time
from collections.abc import Iterable, Sequence
from typing import NoReturn

import anyio
import httpcore2

from connectors.egress.addresses import Address
from connectors.egress.failures import EgressBlocked, NameNotFound
from connectors.egress.operation import UNDER_WAY
from connectors.egress.policy import (
    LOOPBACK,
    Policy,
    is_localhost,
    is_name,
    literal,
    normal,
)
from connectors.egress.resolver import SystemResolver

# A name may have any number of addresses; not all of them are worth a wait.
MAX_ADDRESSES = 8


class GuardedBackend(httpcore2.AnyIOBackend):
    """Resolve, check every address, connect to a checked one, check the peer.

    There is no second lookup between check and connect, so a name that changes
    its answer (DNS rebinding) gains nothing. TLS still uses the host name, which
    httpcore2 takes from the URL.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._resolve = policy.resolver or SystemResolver()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the interface of httpcore2
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to `host` within `timeout` seconds, the lookup included.

        Raises:
            EgressBlocked: the policy refuses the name, an address or the port.
            NameNotFound: the name has no address, or none in time.
            ConnectTimeout: no address answered in time.
            ConnectError: every address refused.
        """
        end = time.monotonic() + (timeout if timeout is not None else float("inf"))
        addresses = await self._addresses(normal(host), port, end)
        if operation := UNDER_WAY.get():
            operation.tell("resolved")
        failure: Exception = NameNotFound()
        tries = addresses[:MAX_ADDRESSES]
        for index, address in enumerate(tries):
            # An address that never answers leaves the others their share.
            share = (end - time.monotonic()) / (len(tries) - index)
            try:
                stream = await super().connect_tcp(
                    str(address),
                    port,
                    timeout=max(share, 0.001),
                    socket_options=socket_options,
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as problem:
                failure = problem
                continue
            await self._check_peer(stream, address, port)
            return stream
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109  the interface of httpcore2
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> NoReturn:
        raise EgressBlocked

    async def _addresses(self, host: str, port: int, end: float) -> Sequence[Address]:
        """Give the addresses of `host`, all of them checked."""
        address = literal(host)
        if address is not None:
            found: list[Address] = [address]
        elif is_localhost(host):
            # Either loopback will do; a server often listens on one alone.
            found = [a for a in LOOPBACK if self._policy.permits(a, port)]
        elif is_name(host):
            found = await self._lookup(host, end)
        else:
            raise EgressBlocked
        if not self._policy.permits_all(host, found, port):
            raise EgressBlocked
        return found

    async def _lookup(self, host: str, end: float) -> list[Address]:
        wait_s = min(self._policy.resolve_timeout_s, end - time.monotonic())
        try:
            with anyio.fail_after(wait_s):
                # The dot keeps the search domains of resolv.conf out.
                texts = await self._resolve(f"{host}.")
            found = [ipaddress.ip_address(text) for text in texts]
        except (OSError, ValueError) as problem:
            # TimeoutError and UnicodeError are among these: no answer, no way out.
            raise NameNotFound from problem
        if not found:
            raise NameNotFound
        return found

    async def _check_peer(
        self, stream: httpcore2.AsyncNetworkStream, address: Address, port: int
    ) -> None:
        """Refuse a socket that ended elsewhere than at the checked address."""
        peer = stream.get_extra_info("server_addr")
        if peer is None or ipaddress.ip_address(peer[0]) != address or peer[1] != port:
            await stream.aclose()
            raise EgressBlocked
