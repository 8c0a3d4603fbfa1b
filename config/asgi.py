"""The application that uvicorn serves.

`uvicorn config.asgi:application --lifespan on --loop uvloop`
"""

import os
from typing import Any

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# First: it loads the applications that the imports below need.
django_application = get_asgi_application()

from config.body_limit import BodyLimit  # noqa: E402
from config.lifespan import lifespan  # noqa: E402


async def refuse_websocket(scope: Any, receive: Any, send: Any) -> None:
    """Refuse the handshake; the server answers it with 403."""
    await receive()  # websocket.connect
    await send({"type": "websocket.close"})


application: Any = ProtocolTypeRouter(
    {
        "http": BodyLimit(django_application),
        # A first consumer goes behind AllowedHostsOriginValidator, AuthMiddlewareStack.
        "websocket": refuse_websocket,
        "lifespan": lifespan,
    }
)
