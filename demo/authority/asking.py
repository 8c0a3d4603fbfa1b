"""The authorization endpoint: a client asks, a person answers."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from demo.authority import pages
from demo.authority.authority import ELSEWHERE, Authority
from demo.authority.endpoints import authority_of, form_of
from demo.authority.records import ACCOUNTS, SCOPES, Asked, Client, Refused

SHA256_LENGTH = 43


async def authorize(request: Request) -> Response:
    """Show who asks for what, or send the answer of the person back."""
    if request.method == "POST":
        return await _answer(request)
    authority = authority_of(request)
    asks = dict(request.query_params)
    try:
        client = await authority.find_client(asks.get("client_id", ""))
        redirect_uri = _redirect_uri(client, asks)
    except Refused as refusal:
        # Never a redirect: it is not known that the address is the client's.
        return HTMLResponse(pages.stopped(refusal.description), status_code=400)
    try:
        asked = _read(authority, client, redirect_uri, asks)
    except Refused as refusal:
        return _back(
            authority,
            redirect_uri,
            asks.get("state"),
            error=refusal.code,
            error_description=refusal.description,
        )
    return HTMLResponse(pages.question(asked, authority.ask(asked)))


async def _answer(request: Request) -> Response:
    authority = authority_of(request)
    form = await form_of(request)
    asked = authority.answered(form.get("ticket", ""))
    account = ACCOUNTS.get(form.get("account", ""))
    if asked is None or account is None:
        return HTMLResponse(
            pages.stopped("This page was answered before. Start again."),
            status_code=400,
        )
    if form.get("answer") != "allow":
        answer = {"error": "access_denied", "error_description": "The person said no."}
    else:
        answer = {"code": authority.allow(asked, account)}
    return _back(authority, asked.redirect_uri, asked.state, **answer)


def _redirect_uri(client: Client, asks: Mapping[str, str]) -> str:
    """Return where the answer goes: exactly what was registered (RFC 9700 2.1)."""
    redirect_uri = asks.get("redirect_uri", "")
    if redirect_uri not in client.redirect_uris:
        raise Refused("invalid_request", "The redirect_uri is not the client's.")
    return redirect_uri


def _read(
    authority: Authority, client: Client, redirect_uri: str, asks: Mapping[str, str]
) -> Asked:
    """Read an authorization request (RFC 6749 4.1.1, RFC 7636 4.3, RFC 8707 2.1).

    Raises:
        Refused: something is missing or not offered.
    """
    if asks.get("response_type") != "code":
        raise Refused("unsupported_response_type", "Codes only.")
    challenge = asks.get("code_challenge", "")
    if asks.get("code_challenge_method") != "S256" or len(challenge) != SHA256_LENGTH:
        raise Refused("invalid_request", "PKCE with S256 is needed.")
    if asks.get("resource") != authority.resource:
        raise Refused("invalid_target", "No such server is protected here.")
    scopes = tuple(dict.fromkeys(asks.get("scope", "journal:read").split()))
    if not scopes or not set(scopes) <= set(SCOPES):
        raise Refused("invalid_scope", "There is no such scope.")
    return Asked(
        client=client,
        redirect_uri=redirect_uri,
        scopes=scopes,
        challenge=challenge,
        resource=authority.resource,
        state=asks.get("state"),
    )


def _back(
    authority: Authority, redirect_uri: str, state: str | None, **answer: str
) -> Response:
    """Send the browser back with an answer, and with who gave it (RFC 9207)."""
    if state is not None:
        answer["state"] = state
    if authority.switches.iss == "right":
        answer["iss"] = authority.issuer
    elif authority.switches.iss == "wrong":
        answer["iss"] = ELSEWHERE
    parts = urlsplit(redirect_uri)
    query = urlencode([*parse_qsl(parts.query), *answer.items()])
    return RedirectResponse(urlunsplit(parts._replace(query=query)), status_code=302)
