"""The control page: what was sent, and one form for each switch."""

from typing import Any

from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)

from demo.authority.control import Perform
from demo.google import pages
from demo.google.google import Google
from demo.google.signing_in import google_of


async def page(request: Request) -> Response:
    return HTMLResponse(pages.control(google_of(request)))


async def stats(request: Request) -> Response:
    """Answer what happened, as JSON."""
    return JSONResponse(google_of(request).stats())


async def change(request: Request) -> Response:
    """Set switches, from one form of the page."""
    return await _do(request, google_of(request).switches.change)


async def act(request: Request) -> Response:
    """Withdraw, expire, repair or clear."""
    google = google_of(request)
    return await _do(request, lambda wanted: _act(google, wanted.get("action")))


def _act(google: Google, action: str | None) -> None:
    known = {
        "withdraw": google.withdraw,
        "expire": google.expire_all,
        "repair": google.switches.reset,
        "clear": google.clear,
    }
    if action not in known:
        raise ValueError(f"There is no action {action!r}.")
    known[action]()


async def _do(request: Request, perform: Perform) -> Response:
    # A page of another site must not turn these.
    if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return PlainTextResponse("Use the control page.", status_code=403)
    form: dict[str, Any] = dict(await request.form())
    form.pop("account", None)
    try:
        perform(form)
    except ValueError as problem:
        return PlainTextResponse(str(problem), status_code=400)
    return RedirectResponse("/", status_code=303)
