"""The application that uvicorn serves.

`uvicorn config.asgi:application --lifespan on --loop uvloop`
"""

import os
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# First: it loads the applications that the imports below need.
django_application = get_asgi_application()

from django.urls import re_path  # noqa: E402

from agent.routing import websocket_urlpatterns  # noqa: E402
from config.body_limit import BodyLimit  # noqa: E402
from config.lifespan import lifespan  # noqa: E402


async def refuse_websocket(scope: Any, receive: Any, send: Any) -> None:
    """Refuse the handshake; the server answers it with 403."""
    await receive()  # websocket.connect
    await send({"type": "websocket.close"})


refused: Any = refuse_websocket
sockets = URLRouter([*websocket_urlpatterns, re_path("", refused)])
application: Any = ProtocolTypeRouter(
    {
        "http": BodyLimit(django_application),
        # A page of another origin would come with the person's cookies.
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(sockets)),
        "lifespan": lifespan,
    }
)
