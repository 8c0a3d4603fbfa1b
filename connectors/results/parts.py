"""The pieces of content that a tool answers with, each as it is shown."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from connectors import text
from connectors.results import files, sizes
from connectors.schema_form import json_text

NAME_CHARS: Final = 200
ADDRESS_CHARS: Final = 2000


@dataclass(frozen=True, kw_only=True)
class Text:
    """Text of which the first characters are shown, and `more` are not."""

    kind: ClassVar = "text"
    shown: str
    more: int = 0
    # What it is the text of, if the server named that.
    name: str = ""

    @classmethod
    def cut(cls, whole: str, limit: int, *, name: str = "") -> "Text":
        # Only what is shown is made visible: the rest may be megabytes.
        shown = text.reveal(whole[:limit])
        return cls(shown=shown, more=max(0, len(whole) - limit), name=name)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture, whole and in the page: nobody is asked for it."""

    kind: ClassVar = "picture"
    source: str
    about: str


@dataclass(frozen=True, kw_only=True)
class File:
    """Bytes to be saved; without `source`, `why_not` says why they are not offered."""

    kind: ClassVar = "file"
    about: str
    file_name: str = ""
    source: str = ""
    why_not: str = ""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the server says that something is; shown, not linked."""

    kind: ClassVar = "address"
    name: str
    uri: str


Part = Text | Picture | File | Address


def part_of(block: Any, *, number: int, limit: int) -> Part:
    """Return how one piece of content is shown, with at most `limit` characters.

    `number` counts the pieces, for the names of files.

    Source: MCP 2025-11-25, "Tool Result".
    """
    if not isinstance(block, dict):
        return _as_json(block, limit)
    match block.get("type"):
        case "text" if isinstance(block.get("text"), str):
            return Text.cut(block["text"], limit)
        case "image" | "audio":
            return _of_bytes(block, block.get("data"), number)
        case "resource" if isinstance(block.get("resource"), dict):
            return _of_resource(block["resource"], number, limit)
        case "resource_link":
            return Address(name=_name_of(block), uri=_uri_of(block))
    return _as_json(block, limit)


def _of_resource(resource: dict[str, Any], number: int, limit: int) -> Part:
    if isinstance(resource.get("text"), str):
        return Text.cut(resource["text"], limit, name=_uri_of(resource))
    if "blob" in resource:
        return _of_bytes(resource, resource["blob"], number)
    return Address(name=_name_of(resource), uri=_uri_of(resource))


def _of_bytes(block: dict[str, Any], encoded: object, number: int) -> Part:
    mime_type = text.clean(block.get("mimeType"), limit=NAME_CHARS)
    data = files.decoded(encoded)
    if data is None:
        about = mime_type or "A file"
        return File(about=about, why_not="its bytes cannot be read")
    found = files.picture_type(data)
    about = f"{found or mime_type or 'A file'}, {sizes.size(len(data))}"
    if found and len(data) <= files.MAX_PICTURE_BYTES:
        return Picture(source=files.address(data, found), about=about)
    if block.get("type") == "image" and not found:
        return File(about=about, why_not="it is not a PNG, JPEG, GIF or WebP picture")
    return _offered(data, files.ending(found or mime_type), about, number)


def _offered(data: bytes, ending: str, about: str, number: int) -> File:
    if not ending:
        return File(about=about, why_not="files of this kind can do harm")
    if len(data) > files.MAX_FILE_BYTES:
        most = sizes.size(files.MAX_FILE_BYTES)
        return File(about=about, why_not=f"it has more than {most}")
    source = files.address(data)
    return File(about=about, file_name=f"result-{number}.{ending}", source=source)


def _as_json(value: Any, limit: int) -> Text:
    return Text.cut(json_text.dumps(value), limit)


def _name_of(block: dict[str, Any]) -> str:
    named = block.get("title") or block.get("name")
    return text.clean(named, limit=NAME_CHARS) or "Without a name"


def _uri_of(block: dict[str, Any]) -> str:
    uri = block.get("uri")
    return text.reveal(uri[:ADDRESS_CHARS]) if isinstance(uri, str) else ""
