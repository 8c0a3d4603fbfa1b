"""What every page may need to know about this installation."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def installation(request: HttpRequest) -> dict[str, Any]:
    return {
        "signup_open": settings.SIGNUP_OPEN,
        "development": settings.DEVELOPMENT,
        "public_url": settings.PUBLIC_URL,
    }
