"""The endpoints that programs use: tokens, registration, revocation, userinfo."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)

from demo.authority.authority import Authority
from demo.authority.records import Refused

NO_STORE = {"Cache-Control": "no-store"}
MEBIBYTE = 1 << 20
GARBLED = "\x00\x1b[31mred\x07\r\nSet-Cookie: a=b\u202e\u2066<b>bold</b>"


def authority_of(request: Request) -> Authority:
    found = request.app.state.authority
    assert isinstance(found, Authority)  # noqa: S101 — the site was built with it
    return found


async def form_of(request: Request) -> dict[str, str]:
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


# --- Tokens ------------------------------------------------------------------


async def token(request: Request) -> Response:
    """Exchange a code or a refresh token (RFC 6749 section 3.2)."""
    authority = authority_of(request)
    form = await form_of(request)
    noted = {
        "grant_type": form.get("grant_type", ""),
        "client_id": form.get("client_id", ""),
        "account": "",
        "outcome": "",
    }
    authority.seen.token_requests.append(noted)
    if await _hung_up_within(request, authority.switches.token_delay_s):
        noted["outcome"] = "hung up"
        return Response(status_code=503)
    how = authority.switches.token_endpoint
    if how not in {"works", "lost", "silent"}:
        noted["outcome"] = how
        return _broken(request, how)
    answer = await _exchange(request, form, noted)
    if how == "silent":
        await _hung_up_within(request, None)
    return answer if how == "works" else Response(status_code=503)


async def _exchange(
    request: Request, form: dict[str, str], noted: dict[str, str]
) -> Response:
    authority = authority_of(request)
    authorization = request.headers.get("authorization", "")
    try:
        client = await authority.recognise(authorization, form)
        noted["client_id"] = client.client_id
        noted["account"], answer = authority.exchange(client, form)
    except Refused as refusal:
        noted["outcome"] = refusal.code
        return refused(refusal)
    noted["outcome"] = "ok"
    return JSONResponse(answer, headers=NO_STORE)


def _broken(request: Request, how: str) -> Response:
    if how == "html":
        return HTMLResponse("<!doctype html><title>Sign in</title><h1>Welcome</h1>")
    if how == "huge":
        return StreamingResponse(_without_end(request), media_type="application/json")
    if how == "garbled":
        said = {"error": "invalid_request", "error_description": GARBLED}
        return JSONResponse(said, status_code=400, headers=NO_STORE)
    return PlainTextResponse("Come back later.", status_code=503)


async def _without_end(request: Request) -> AsyncIterator[bytes]:
    yield b'{"access_token": "'
    # uvicorn takes what is sent to nobody, at once: this would never end.
    while not await request.is_disconnected():
        yield b"a" * MEBIBYTE


async def _hung_up_within(request: Request, seconds: float | None) -> bool:
    """Wait so long, for ever if None; tell whether the client left meanwhile."""
    if seconds == 0:
        return False
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            # The body was read: what comes next is only the end.
            while (await request.receive())["type"] != "http.disconnect":
                pass
            return True
    return False


def refused(refusal: Refused) -> Response:
    """Answer in the words of RFC 6749 section 5.2."""
    headers = dict(NO_STORE)
    if refusal.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="demo"'
    said = {"error": refusal.code, "error_description": refusal.description}
    return JSONResponse(said, status_code=refusal.status, headers=headers)


# --- Registration and revocation ---------------------------------------------


async def register(request: Request) -> Response:
    """Register a client (RFC 7591 section 3)."""
    authority = authority_of(request)
    if authority.switches.registration == "not offered":
        return Response(status_code=404)
    if authority.switches.registration == "refused":
        return refused(
            Refused("access_denied", "Clients are registered by hand.", status=403)
        )
    try:
        metadata = await _object(request)
        client = authority.register(metadata)
    except Refused as refusal:
        return refused(refusal)
    authority.seen.registrations.append(
        {
            "client_id": client.client_id,
            "client_name": client.name,
            "redirect_uris": list(client.redirect_uris),
        }
    )
    told: dict[str, Any] = {
        "client_id": client.client_id,
        "client_name": client.name,
        "redirect_uris": list(client.redirect_uris),
        "grant_types": list(client.grant_types),
        "response_types": ["code"],
        "token_endpoint_auth_method": client.auth_method,
    }
    if client.secret:
        told |= {"client_secret": client.secret, "client_secret_expires_at": 0}
    return JSONResponse(told, status_code=201, headers=NO_STORE)


async def _object(request: Request) -> dict[str, Any]:
    try:
        read = await request.json()
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise Refused("invalid_client_metadata", "A JSON object is needed.")
    return read


async def revoke(request: Request) -> Response:
    """End what a token belongs to (RFC 7009)."""
    authority = authority_of(request)
    if authority.switches.revocation == "not offered":
        return Response(status_code=404)
    form = await form_of(request)
    noted = {
        "client_id": "",
        "account": "",
        "token_type_hint": form.get("token_type_hint", ""),
        "outcome": "503",
    }
    authority.seen.revocations.append(noted)
    if authority.switches.revocation == "fails":
        return PlainTextResponse("Come back later.", status_code=503)
    try:
        authorization = request.headers.get("authorization", "")
        client = await authority.recognise(authorization, form)
    except Refused as refusal:
        noted["outcome"] = refusal.code
        return refused(refusal)
    noted["client_id"] = client.client_id
    noted["account"] = authority.revoke(client, form.get("token", ""))
    # Also for a token that is unknown: it is not valid, as was wanted.
    noted["outcome"] = "ok" if noted["account"] else "unknown token"
    return Response(headers=NO_STORE)


# --- The person --------------------------------------------------------------


async def userinfo(request: Request) -> Response:
    """Say whose token it is (OpenID Connect Core section 5.3)."""
    scheme, _, offered = request.headers.get("authorization", "").partition(" ")
    access = authority_of(request).access(offered.strip())
    if scheme.lower() != "bearer" or access is None:
        return _challenge(401, 'Bearer error="invalid_token"')
    if "openid" not in access.scopes:
        return _challenge(403, 'Bearer error="insufficient_scope", scope="openid"')
    account = access.grant.account
    said = {"sub": account.sub, "email": account.email, "name": account.name}
    return JSONResponse(said, headers=NO_STORE)


def _challenge(status: int, challenge: str) -> Response:
    return Response(status_code=status, headers={"WWW-Authenticate": challenge})
