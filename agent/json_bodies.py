"""What paths beside REST read and refuse as REST does: bodies, and failures."""

from typing import Any, Final

from django.http import HttpRequest
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.settings import api_settings

JSON: Final = "application/json"


def read(request: HttpRequest) -> dict[str, Any]:
    """Return the object that a body is, by the parser of REST's settings.

    Raises:
        UnsupportedMediaType: it is not said to be JSON.
        ParseError, PayloadTooLarge: it is no such object.
    """
    if request.content_type != JSON:
        raise UnsupportedMediaType(request.content_type or "")
    parser: Any = api_settings.DEFAULT_PARSER_CLASSES[0]
    body: dict[str, Any] = parser().parse(request)
    return body


def failed(failure: Exception) -> tuple[Any, int, dict[str, str]]:
    """Return what REST says of a failure: body, status, headers."""
    handle: Any = api_settings.EXCEPTION_HANDLER
    said = handle(failure, {})
    headers = dict(said.headers)
    # Of the body that REST itself would draw.
    headers.pop("Content-Type", None)
    return said.data, said.status_code, headers
