"""The site of this Google: all three hosts of the real one on one address."""

from starlette.applications import Starlette
from starlette.routing import Route

from demo.google import control, gmail, signing_in
from demo.google.google import Google
from demo.google.pages import PATH


def application(google: Google) -> Starlette:
    """Make its ASGI application."""
    messages = f"{gmail.BASE}/messages"
    app = Starlette(
        routes=[
            Route("/", control.page),
            Route("/switches", control.change, methods=["POST"]),
            Route("/actions", control.act, methods=["POST"]),
            Route("/stats", control.stats),
            Route(PATH, signing_in.authorize, methods=["GET", "POST"]),
            Route("/token", signing_in.token, methods=["POST"]),
            Route("/revoke", signing_in.revoke, methods=["POST"]),
            Route(messages, gmail.search),
            Route(f"{messages}/send", gmail.send, methods=["POST"]),
            Route(f"{messages}/{{id}}", gmail.read),
        ]
    )
    app.state.google = google
    return app
