"""The authority's site: its endpoints, its metadata, its control page."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from demo.authority import control, endpoints
from demo.authority.asking import authorize
from demo.authority.authority import Authority
from demo.authority.endpoints import authority_of
from demo.authority.metadata import server_metadata


async def metadata(request: Request) -> JSONResponse:
    return JSONResponse(server_metadata(authority_of(request)))


def application(authority: Authority) -> Starlette:
    """Make the ASGI application of an authority."""
    app = Starlette(
        routes=[
            Route("/", control.page),
            Route("/switches", control.change, methods=["POST"]),
            Route("/actions", control.act, methods=["POST"]),
            Route("/stats", control.stats),
            Route("/.well-known/oauth-authorization-server", metadata),
            Route("/.well-known/openid-configuration", metadata),
            Route("/authorize", authorize, methods=["GET", "POST"]),
            Route("/token", endpoints.token, methods=["POST"]),
            Route("/register", endpoints.register, methods=["POST"]),
            Route("/revoke", endpoints.revoke, methods=["POST"]),
            Route("/userinfo", endpoints.userinfo, methods=["GET", "POST"]),
        ]
    )
    app.state.authority = authority
    return app
