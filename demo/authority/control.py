"""The control page: one form for each switch, and what happened so far."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)

from demo.authority import pages
from demo.authority.endpoints import authority_of, form_of

type Perform = Callable[[dict[str, Any]], None]


async def page(request: Request) -> Response:
    """Show every switch and every counter."""
    return HTMLResponse(pages.control(authority_of(request)))


async def stats(request: Request) -> Response:
    """Answer what happened, as JSON."""
    return JSONResponse(authority_of(request).stats())


async def change(request: Request) -> Response:
    """Set switches: JSON of names and states, or one form of the page."""
    return await _do(
        request, lambda wanted: authority_of(request).switches.change(wanted)
    )


async def act(request: Request) -> Response:
    """Withdraw, expire, repair or clear: `{"action": …, "account": …}` or a form."""
    authority = authority_of(request)

    def perform(wanted: dict[str, Any]) -> None:
        action = wanted.get("action")
        if action == "withdraw":
            authority.withdraw(wanted.get("account") or None)
        elif action == "expire":
            authority.expire_all()
        elif action == "repair":
            authority.switches.reset()
        elif action == "clear":
            authority.clear()
        else:
            raise ValueError(f"There is no action {action!r}.")

    return await _do(request, perform)


async def _do(request: Request, perform: Perform) -> Response:
    # A page of another site must not turn these.
    if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return PlainTextResponse("Use the control page.", status_code=403)
    is_json = request.headers.get("content-type", "").startswith("application/json")
    try:
        wanted = await request.json() if is_json else await form_of(request)
        if not isinstance(wanted, dict):
            raise ValueError("A JSON object is needed.")
        perform(wanted)
    except ValueError as problem:
        return PlainTextResponse(str(problem), status_code=400)
    if is_json:
        return JSONResponse(authority_of(request).stats())
    return RedirectResponse("/", status_code=303)
