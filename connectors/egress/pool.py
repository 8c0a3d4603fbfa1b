"""Connections that carry one answer for one request."""

import httpcore2


class OneAnswerConnection(httpcore2.AsyncHTTPConnection):
    """A connection that is not used again once it holds bytes nobody asked for.

    httpcore2 would read what followed one response as the answer to the next
    request on the connection, which may be another person's.
    """

    def has_expired(self) -> bool:
        return super().has_expired() or self._has_leftover()

    def _has_leftover(self) -> bool:
        # Neither attribute is public; test_egress_responses tells if they move.
        inner = self._connection
        return (
            isinstance(inner, httpcore2.AsyncHTTP11Connection)
            and inner.is_idle()
            and bool(inner._h11_state.trailing_data[0])
        )


class GuardedPool(httpcore2.AsyncConnectionPool):
    """A pool of such connections. It knows no proxy and no unix socket."""

    def create_connection(
        self, origin: httpcore2.Origin
    ) -> httpcore2.AsyncConnectionInterface:
        return OneAnswerConnection(
            origin=origin,
            ssl_context=self._ssl_context,
            keepalive_expiry=self._keepalive_expiry,
            network_backend=self._network_backend,
        )
