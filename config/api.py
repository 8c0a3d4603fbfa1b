"""What REST does before a view: read JSON strictly, and say what is allowed.

A body is at most `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes, an object, UTF-8, nested
at most `MAX_JSON_DEPTH` levels. What two readers could understand differently
is refused rather than guessed: a key twice, NaN and Infinity. So is what a
database cannot store: NUL and lone surrogates.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware
from rest_framework.exceptions import ParseError
from rest_framework.metadata import BaseMetadata
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from config.errors import PayloadTooLarge

if TYPE_CHECKING:
    # Whose definition reads the settings that name this module.
    from rest_framework.views import APIView


@sync_and_async_middleware
def known_length(get_response: Callable[[HttpRequest], Any]) -> Callable[..., Any]:
    """Tell the length of a body that came in chunks: without, REST sees none.

    Such a body is complete by now, and no larger than `config.body_limit` lets it.
    """

    def measure(request: HttpRequest) -> None:
        if "transfer-encoding" in request.headers:
            request.META.setdefault("CONTENT_LENGTH", str(len(request.body)))

    async def answer(request: HttpRequest) -> Any:
        measure(request)
        return await get_response(request)

    def answer_sync(request: HttpRequest) -> Any:
        measure(request)
        return get_response(request)

    return answer if iscoroutinefunction(get_response) else answer_sync


class JSONParser(BaseParser):
    """Read one JSON object."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise PayloadTooLarge
        return read_object(body)


def read_object(body: bytes) -> dict[str, Any]:
    """Parse `body`.

    Raises:
        ParseError: 422; its code is the constraint that failed: encoding, json,
            depth, object, duplicate_key, number or characters.

    Source: RFC 8259 (8.1 UTF-8, 4 duplicate names), RFC 7493 (I-JSON).
    """
    try:
        value = json.loads(
            body.decode(),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        raise ParseError("The body must be UTF-8.", "encoding") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise ParseError("The body must be valid JSON.", "json") from None
    if not isinstance(value, dict):
        raise ParseError("The body must be a JSON object.", "object")
    _check(value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ParseError("An object has the same key twice.", "duplicate_key")
    return value


def _refuse_constant(name: str) -> None:
    raise ParseError("NaN and Infinity are not JSON.", "number")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ParseError("A number is too large.", "number")
    return value


def _too_deep() -> ParseError:
    limit = settings.MAX_JSON_DEPTH
    return ParseError(f"The body is nested more than {limit} levels deep.", "depth")


def _check(value: Any) -> None:
    """Refuse too many levels, and strings that cannot be stored."""
    rest = [(value, 1)]
    while rest:
        value, depth = rest.pop()
        if isinstance(value, str):
            _check_text(value)
        elif isinstance(value, dict | list):
            if depth > settings.MAX_JSON_DEPTH:
                raise _too_deep()
            if isinstance(value, dict):
                rest.extend((key, depth) for key in value)
                value = value.values()
            rest.extend((item, depth + 1) for item in value)


def _check_text(text: str) -> None:
    try:
        # A lone surrogate, written as \ud800, has no UTF-8.
        storable = b"\0" not in text.encode()
    except UnicodeEncodeError:
        storable = False
    if not storable:
        raise ParseError("A text contains NUL or half a character.", "characters")


class Methods(BaseMetadata):
    """Answer OPTIONS with the methods of the address, and nothing else."""

    def determine_metadata(self, request: Request, view: "APIView") -> dict[str, Any]:
        return {"methods": sorted(view.allowed_methods)}
