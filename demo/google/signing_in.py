"""The sign-in of this Google: consent, tokens, revocation."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from demo.authority import clients
from demo.google import pages
from demo.google.google import Google
from demo.google.grants import ordered
from demo.google.records import (
    ACCOUNTS,
    ALIASES,
    ALWAYS,
    CALLBACK,
    CLIENT_ID,
    SCOPES,
    Asked,
    Refused,
)

NO_STORE = {"Cache-Control": "no-store"}
SHA256_LENGTH = 43


def google_of(request: Request) -> Google:
    found = request.app.state.google
    assert isinstance(found, Google)  # noqa: S101 — the site was built with it
    return found


async def authorize(request: Request) -> Response:
    """Show who asks for what, or send the answer of the person back."""
    if request.method == "POST":
        return await _answer(request)
    google, asks = google_of(request), request.query_params
    try:
        asked = _read(asks)
    except Refused as refusal:
        # As Google does it: the person reads it, nobody is sent back.
        return HTMLResponse(
            pages.stopped(f"Error {refusal.status}: {refusal.code}", str(refusal)),
            status_code=refusal.status,
        )
    return HTMLResponse(pages.question(asked, google.ask(asked)))


async def _answer(request: Request) -> Response:
    google, form = google_of(request), await request.form()
    asked = google.answered(str(form.get("ticket", "")))
    account = ACCOUNTS.get(str(form.get("account", "")))
    if asked is None or account is None:
        words = "This page was answered before. Start again."
        return HTMLResponse(pages.stopped("Error 400", words), status_code=400)
    if form.get("answer") != "allow":
        return _back(asked, error="access_denied")
    allowed = {str(scope) for scope in form.getlist("scope")} | ALWAYS
    scopes = ordered(allowed & set(asked.scopes))
    code = google.allow(asked, account, scopes)
    return _back(asked, code=code, scope=" ".join(scopes))


def _read(asks: Mapping[str, str]) -> Asked:
    """Read an authorization request.

    Raises:
        Refused: it is none that this client may make.
    """
    if asks.get("client_id") != CLIENT_ID:
        raise Refused("invalid_client", "The OAuth client was not found.", status=401)
    redirect_uri = asks.get("redirect_uri", "")
    if not _may_lead(redirect_uri):
        raise Refused("redirect_uri_mismatch", "The redirect URI is not registered.")
    if asks.get("response_type") != "code":
        raise Refused("unsupported_response_type", "Only codes are given.")
    if asks.get("code_challenge_method") != "S256" or (
        len(asks.get("code_challenge", "")) != SHA256_LENGTH
    ):
        raise Refused("invalid_request", "PKCE with S256 is needed.")
    if "resource" in asks:
        raise Refused("invalid_request", "Unknown parameter: resource.")
    wanted = asks.get("scope", "").split()
    scopes = {ALIASES.get(scope, scope) for scope in wanted}
    if not scopes or not scopes <= set(SCOPES):
        raise Refused("invalid_scope", "Some requested scopes are not known.")
    return Asked(
        redirect_uri=redirect_uri,
        scopes=ordered(scopes),
        challenge=asks["code_challenge"],
        state=asks.get("state"),
        stays=asks.get("access_type") == "offline"
        and "consent" in asks.get("prompt", "").split(),
    )


def _may_lead(uri: str) -> bool:
    """Tell whether an address is one of ours: wherever a run of this machine is."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return False
    local = host in clients.LOOPBACK or host == "testserver"
    return parts.scheme == "http" and local and parts.path == CALLBACK


def _back(asked: Asked, **answer: str) -> Response:
    if asked.state is not None:
        answer["state"] = asked.state
    parts = urlsplit(asked.redirect_uri)
    query = urlencode([*parse_qsl(parts.query), *answer.items()])
    return RedirectResponse(urlunsplit(parts._replace(query=query)), status_code=302)


async def token(request: Request) -> Response:
    """Exchange a code or a refresh token."""
    google, form = google_of(request), await _form(request)
    noted = {"grant_type": form.get("grant_type", ""), "account": "", "outcome": ""}
    google.seen.token_requests.append(noted)
    if google.switches.token_endpoint != "works":
        noted["outcome"] = google.switches.token_endpoint
        return _unavailable()
    try:
        authorization = request.headers.get("authorization", "")
        client_id, secret, _ = clients.credentials(authorization, form)
        noted["account"], answer = google.exchange(client_id, secret, form)
    except Refused as refusal:
        noted["outcome"] = refusal.code
        return _refused(refusal)
    noted["outcome"] = "ok"
    return JSONResponse(answer, headers=NO_STORE)


async def revoke(request: Request) -> Response:
    """End all that was allowed with a token; one that ended before is an error."""
    google, form = google_of(request), await _form(request)
    noted = {"account": "", "outcome": google.switches.revocation}
    google.seen.revocations.append(noted)
    if google.switches.revocation != "works":
        return _unavailable()
    try:
        noted["account"] = google.revoke(form.get("token", ""))
    except Refused as refusal:
        noted["outcome"] = refusal.code
        return _refused(refusal)
    noted["outcome"] = "ok"
    return JSONResponse({}, headers=NO_STORE)


async def _form(request: Request) -> dict[str, str]:
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _refused(refusal: Refused) -> Response:
    said = {"error": refusal.code, "error_description": str(refusal)}
    return JSONResponse(said, status_code=refusal.status, headers=NO_STORE)


def _unavailable() -> Response:
    said = {"error": "internal_failure", "error_description": "Come back later."}
    return JSONResponse(said, status_code=503)
