"""From an MCP server to the authorization server that signs people in to it.

Source: specification 2026-07-28, "Authorization Server Discovery"; RFC 9728, RFC 8414;
for servers of revision 2025-03-26, metadata at their own origin, or fixed addresses.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from connectors import server_url
from connectors.auth.oauth import endpoints, wire
from connectors.auth.oauth.challenges import Challenge
from connectors.auth.oauth.metadata import AuthorizationServer, ProtectedResource
from connectors.auth.oauth.scopes import requested_scope
from connectors.auth.oauth.wire import Leg
from connectors.errors import (
    InvalidUrl,
    ServerError,
    SignInFailed,
    SignInNotOffered,
)

RESOURCE = "/.well-known/oauth-protected-resource"
SERVER = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
# Of the authorization servers that are listed, so many are asked.
MAX_SERVERS = 3


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """Who signs people in to an MCP server, and what is asked for."""

    server: AuthorizationServer
    # What tokens are for (RFC 8707); "" for a server that knows no such thing.
    resource: str
    scope: str

    @property
    def issuer(self) -> str:
        return self.server.issuer


async def discover(leg: Leg, *, url: str, challenge: Challenge) -> Discovery:
    """Find the authorization server of the MCP server at `url`.

    `challenge` is what the server said when it refused; an empty one if it did not.

    Raises:
        SignInNotOffered: the server did not ask, and publishes nothing.
        SignInFailed: what is published contradicts itself or cannot be used safely.
        ServerFailure: a document could not be fetched.
    """
    published = await protected_resource(leg, url=url, challenge=challenge)
    if published is None:
        return await _without_resource(leg, url, challenge)
    _check_resource(published.resource, url)
    server = await _listed_server(leg, published.authorization_servers)
    scope = requested_scope(
        challenged=challenge.scope, published=published.scopes, offered=server.scopes
    )
    return Discovery(server=server, resource=published.resource, scope=scope)


async def protected_resource(
    leg: Leg, *, url: str, challenge: Challenge | None = None
) -> ProtectedResource | None:
    """Return what a server publishes about its sign-in; None if it does not.

    Looked for where the challenge says, then at the path, then at the root.

    Raises:
        ServerFailure: it could not be fetched.
    Source: RFC 9728 section 3.1; specification 2026-07-28, "Protected Resource
    Metadata Discovery Requirements".
    """
    origin, path = server_url.origin(url), urlsplit(url).path.rstrip("/")
    places = [origin + RESOURCE + path, origin + RESOURCE]
    pointer = challenge.resource_metadata if challenge else ""
    if pointer and (_origin_of(pointer) == origin or endpoints.is_safe(pointer)):
        places.insert(0, pointer)
    busy = 0
    for place in dict.fromkeys(places):
        answer = await wire.get(leg, place)
        if answer.is_unavailable:
            busy = answer.status
        elif answer.status == 200:
            found = ProtectedResource.read(answer.body)
            if found is not None and found.authorization_servers:
                return found
    if busy:
        # "Not there" and "not now" are two things: nothing is guessed from the second.
        raise ServerError(f"What it says about signing in has HTTP status {busy}.")
    return None


async def _listed_server(leg: Leg, issuers: tuple[str, ...]) -> AuthorizationServer:
    """Return the first authorization server of the list that can be used.

    Raises:
        SignInFailed: none can; the reason is that of the first.
    """
    failure: SignInFailed | None = None
    for issuer in issuers[:MAX_SERVERS]:
        try:
            server = await _server(leg, issuer)
        except SignInFailed as error:
            failure = failure or error
            continue
        if server is not None:
            return server
    raise failure or SignInFailed(
        "The sign-in service that it names publishes no metadata.",
        reason="provider_error",
    )


async def _server(leg: Leg, issuer: str) -> AuthorizationServer | None:
    # Whoever could change its metadata on the way would be sent the code.
    endpoints.check(issuer)
    for place in _server_places(issuer):
        answer = await wire.get(leg, place)
        if answer.is_unavailable:
            raise ServerError(f"Its sign-in service has HTTP status {answer.status}.")
        if answer.status != 200:
            continue
        server = AuthorizationServer.read(answer.body)
        if server is None:
            continue
        # To the letter (RFC 8414 section 3.3); a lonely slash after the host is none.
        if server.issuer.removesuffix("/") != issuer.removesuffix("/") or (
            server.issuer != issuer and urlsplit(issuer).path not in ("", "/")
        ):
            raise _other_issuer()
        return server
    return None


def _server_places(issuer: str) -> list[str]:
    try:
        origin, path = server_url.origin(issuer), urlsplit(issuer).path.rstrip("/")
    except InvalidUrl:
        raise SignInFailed(
            "It names a sign-in service at no address of the web.",
            reason="provider_error",
        ) from None
    if not path:
        return [origin + SERVER, origin + OPENID]
    return [origin + SERVER + path, origin + OPENID + path, origin + path + OPENID]


async def _without_resource(leg: Leg, url: str, challenge: Challenge) -> Discovery:
    """Do as revision 2025-03-26 says: the MCP server's origin signs people in.

    Nothing is guessed of a server that did not ask for a sign-in.
    """
    origin = server_url.origin(url)
    answer = await wire.get(leg, origin + SERVER)
    if answer.is_unavailable:
        raise ServerError(f"Its sign-in service has HTTP status {answer.status}.")
    server = AuthorizationServer.read(answer.body) if answer.status == 200 else None
    if server is not None:
        # Its issuer may have a path: the document came from this very origin.
        if _origin_of(server.issuer) != origin:
            raise _other_issuer()
        scope = requested_scope(
            challenged=challenge.scope, published=None, offered=server.scopes
        )
        return Discovery(server=server, resource=server_url.canonical(url), scope=scope)
    if challenge.scheme.lower() != "bearer":
        raise SignInNotOffered
    assumed = AuthorizationServer.assumed(origin)
    return Discovery(server=assumed, resource="", scope=challenge.scope)


def _check_resource(resource: str, url: str) -> None:
    """Refuse metadata of another server, so that no token is asked for in its name.

    Source: RFC 9728 section 3.3, RFC 8707; the same origin, and `url` below its path.
    """
    same = _origin_of(resource) == server_url.origin(url)
    above, path = urlsplit(resource).path, urlsplit(url).path
    below = path.rstrip("/").startswith(above.rstrip("/")) and (
        f"{path.rstrip('/')}/".startswith(f"{above.rstrip('/')}/")
    )
    if not (same and below):
        raise SignInFailed(
            "What it says about signing in is about another server.",
            reason="resource_mismatch",
            suggestion="Check the address; if it is right, ask the server's owner.",
        )


def _origin_of(url: str) -> str:
    try:
        return server_url.origin(url)
    except InvalidUrl:
        return ""


def _other_issuer() -> SignInFailed:
    return SignInFailed(
        "Its sign-in service says that it is another one.", reason="issuer_mismatch"
    )
