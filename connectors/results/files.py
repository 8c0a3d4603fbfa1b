"""Which bytes are a picture, and what may be offered as a file.

What a server says of its bytes is not believed: a picture is shown only if it begins
as one of four kinds does, none of which can hold a script. A file is only ever
saved, never opened by the page.

Source: WHATWG MIME Sniffing, 6.1.
"""

import base64
import binascii
import re
from typing import Final

MAX_PICTURE_BYTES: Final = 4 << 20
# Browsers refuse longer addresses than two million characters.
MAX_FILE_BYTES: Final = 1 << 20
# Nothing that a double click runs, nor a document that runs something by itself.
_ENDINGS: Final = {
    "application/gzip": "gz",
    "application/json": "json",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/mp4": "m4a",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "audio/webm": "weba",
    "audio/x-wav": "wav",
    "image/gif": "gif",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "text/csv": "csv",
    "text/markdown": "md",
    "text/plain": "txt",
    "video/mp4": "mp4",
    "video/webm": "webm",
}
_BLANKS = re.compile(r"\s+")


def decoded(text: object) -> bytes | None:
    """Return the bytes of Base64, None if it is none."""
    if not isinstance(text, str):
        return None
    try:
        return base64.b64decode(_BLANKS.sub("", text), validate=True)
    except (binascii.Error, ValueError):
        return None


def picture_type(data: bytes) -> str:
    """Return the type of a picture that may be shown, "" for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:14] == b"WEBPVP":
        return "image/webp"
    return ""


def ending(mime_type: str) -> str:
    """Return how the name of a file of this type ends, "" if it is not offered."""
    return _ENDINGS.get(mime_type.partition(";")[0].strip().casefold(), "")


def address(data: bytes, mime_type: str = "application/octet-stream") -> str:
    """Return a `data:` address; of the usual type, a browser can only save it."""
    return f"data:{mime_type};base64,{base64.b64encode(data).decode()}"
