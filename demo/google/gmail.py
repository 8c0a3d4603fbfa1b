"""The Gmail API, as far as Patchbay uses it."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from demo.google import mailboxes
from demo.google.google import Google
from demo.google.records import READONLY, SEND, Account
from demo.google.signing_in import google_of

BASE = "/gmail/v1/users/me"
MOST = 500
REASONS = {401: "authError", 404: "notFound", 429: "rateLimitExceeded"}

type Answer = Callable[[Google, Account, Request], Awaitable[Response]]


class Problem(Exception):
    """An error in the words of Google's APIs."""

    def __init__(self, status: int, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason or REASONS.get(status, "badRequest")

    def response(self) -> Response:
        said = {
            "code": self.status,
            "message": str(self),
            "errors": [{"message": str(self), "reason": self.reason}],
        }
        headers = {}
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        if self.reason == "insufficientPermissions":
            headers["WWW-Authenticate"] = 'Bearer error="insufficient_scope"'
        return JSONResponse({"error": said}, self.status, headers=headers)


def guarded(answer: Answer, *scopes: str) -> Callable[[Request], Awaitable[Response]]:
    """Answer only who has a token with one of `scopes`, as the switch wants it."""

    async def endpoint(request: Request) -> Response:
        google = google_of(request)
        noted: dict[str, Any] = {"what": answer.__name__.lstrip("_"), "status": 0}
        google.seen.gmail_requests.append(noted)
        try:
            account = _who(google, request, scopes)
            how = google.switches.gmail
            if how == "html":
                response: Response = HTMLResponse("<h1>Sorry…</h1>")
            elif how in {"429", "503"}:
                message = "Too many concurrent requests for user"
                raise Problem(int(how), message if how == "429" else "Backend Error")
            else:
                response = await answer(google, account, request)
                if how == "lost":
                    raise Problem(503, "Backend Error", reason="backendError")
                if how == "silent":
                    await _hung_up(request)
        except Problem as problem:
            response = problem.response()
        noted["status"] = response.status_code
        return response

    return endpoint


def _who(google: Google, request: Request, scopes: tuple[str, ...]) -> Account:
    scheme, _, offered = request.headers.get("authorization", "").partition(" ")
    access = google.access(offered.strip()) if scheme.lower() == "bearer" else None
    if access is None or google.switches.gmail == "401":
        raise Problem(401, "Request had invalid authentication credentials.")
    if not set(scopes) & set(access.grant.scopes):
        message = "Request had insufficient authentication scopes."
        raise Problem(403, message, reason="insufficientPermissions")
    return access.grant.account


async def _search(google: Google, account: Account, request: Request) -> Response:
    most = _number(request.query_params.get("maxResults", "100"))
    with google.lock:
        found = google.mail.of(account).search(request.query_params.get("q", ""))
    ids = [{"id": one.id, "threadId": one.thread_id} for one in found[:most]]
    messages = {"messages": ids} if ids else {}
    return JSONResponse({**messages, "resultSizeEstimate": len(found)})


async def _read(google: Google, account: Account, request: Request) -> Response:
    kind = request.query_params.get("format", "full")
    if kind not in {"full", "metadata"}:
        raise Problem(400, "Invalid value for format")
    names = request.query_params.getlist("metadataHeaders")
    with google.lock:
        box = google.mail.of(account)
        stored = box.messages.get(request.path_params["id"])
        if stored is None:
            raise Problem(404, "Requested entity was not found.")
        only = tuple(names) if kind == "metadata" else None
        return JSONResponse(mailboxes.as_json(stored, only=only))


async def _send(google: Google, account: Account, request: Request) -> Response:
    message, thread_id = _given(await _body(request))
    with google.lock:
        if thread_id and not google.mail.of(account).has_thread(thread_id):
            raise Problem(404, "Requested entity was not found.")
        stored = google.mail.send(account, message, thread_id)
    said = {"id": stored.id, "threadId": stored.thread_id, "labelIds": ["SENT"]}
    return JSONResponse(said)


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Problem(400, "Invalid JSON payload received.")
    return body


def _given(body: dict[str, Any]) -> tuple[EmailMessage, str]:
    """Read what is to be sent: RFC 5322 in base64url, and its thread."""
    try:
        raw = base64.b64decode(str(body.get("raw", "")), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Problem(400, "Invalid value at 'raw': not base64url") from None
    message = message_from_bytes(raw, policy=policy.default)
    if not isinstance(message, EmailMessage) or not raw:
        raise Problem(400, "'raw' RFC822 payload message string is required")
    if not mailboxes.recipients(message):
        raise Problem(400, "Recipient address required", reason="invalidArgument")
    return message, str(body.get("threadId") or "")


def _number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= MOST:
        raise Problem(400, "Invalid value for maxResults")
    return int(text)


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


search = guarded(_search, READONLY)
read = guarded(_read, READONLY)
send = guarded(_send, SEND)
