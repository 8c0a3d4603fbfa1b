"""Read URL and headers from a `curl` command line. Nothing is ever run."""

import base64
import re
from collections.abc import Iterator

from connectors.paste_json import Found, NotUnderstood

# A word of a POSIX shell: plain characters, quoted ones, escaped ones. A line that
# was pasted into one line has lost its line ends: of the escaped one a blank is left.
_WORD = re.compile(
    r"""(?:[\s;&|]|[\\^](?=\s|$))*+"""
    r"""((?:[^\s'"\\^]++|\^(?!\s|$)|'[^']*+'|"(?:[^"\\]|\\.)*+"|\\.)++)""",
    re.DOTALL,
)
_PIECE = re.compile(
    r"""\$'([^']*)'|'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^'"\\]+)""", re.DOTALL
)
_START = re.compile(r"(?:\$\s*)?curl(?:\.exe)?(?:\s|$)", re.IGNORECASE)

_HEADER = ("-H", "--header")
_USER = ("-u", "--user")
_BEARER = ("--oauth2-bearer",)
_URL = ("--url",)
# Options of one letter that take the next word, or the rest of their own.
_WITH_VALUE = frozenset("AbcCdDeEFhHKmoPQrtTuUwxXyYz")
# The ones of several letters that can stand before a URL.
_LONG_WITH_VALUE = frozenset(
    """
    cacert cert cert-type ciphers config connect-timeout cookie cookie-jar data
    data-ascii data-binary data-raw data-urlencode form form-string header json key
    limit-rate max-redirs max-time oauth2-bearer output proxy proxy-user range
    referer request resolve retry retry-delay retry-max-time tlsv1 unix-socket
    upload-file url user user-agent write-out
    """.split()
)


def looks_like(text: str) -> bool:
    return bool(_START.match(text))


def read(text: str) -> Found:
    """Return what a `curl` line would have asked for.

    Raises:
        NotUnderstood: a quote is not closed, or there is no URL.
    """
    url = ""
    headers: dict[str, str] = {}
    notes: list[str] = []
    for option, value in _options(_words(_START.sub("", text, count=1))):
        if option in _HEADER:
            name, _, content = value.partition(":")
            headers[name.strip()] = content.strip()
        elif option in _USER:
            headers["Authorization"] = _basic(value)
        elif option in _BEARER:
            headers["Authorization"] = f"Bearer {value}"
        elif option in ("-b", "--cookie"):
            notes.append("Cookies are never sent; this one was left out.")
        elif option in ("", *_URL) and not url:
            url = value
    if not url:
        raise NotUnderstood("There is no URL in this curl command.")
    return Found(url=url, headers=headers, notes=tuple(notes))


def _basic(user_and_password: str) -> str:
    """Return the header of RFC 7617."""
    encoded = base64.b64encode(user_and_password.encode(errors="replace")).decode()
    return f"Basic {encoded}"


def _words(text: str) -> list[str]:
    words: list[str] = []
    at = 0
    while found := _WORD.match(text, at):
        words.append("".join(map(_piece, _PIECE.finditer(found[1]))))
        at = found.end()
    if text[at:].strip(" \t\r\n\f\v\\^;&|"):
        raise NotUnderstood("A quote in this curl command is not closed.")
    return words


def _piece(found: re.Match[str]) -> str:
    _, single, double, escaped, plain = found.groups()
    if double is not None:
        return re.sub(r'\\(["\\$`])', r"\1", double)
    if escaped is not None:
        return escaped.removesuffix("\n")
    return found[1] or single or plain or ""


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield options with their values; "" and the word for what is no option."""
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            takes = name.removeprefix("--") in _LONG_WITH_VALUE
            yield name, value if equals or not takes else next(rest, "")
        elif word.startswith("-") and len(word) > 1:
            yield from _letters(word[1:], rest)
        else:
            yield "", word


def _letters(letters: str, rest: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Yield the options of a word such as `-sSLH`."""
    for place, letter in enumerate(letters):
        if letter in _WITH_VALUE:
            yield f"-{letter}", letters[place + 1 :] or next(rest, "")
            return
        yield f"-{letter}", ""
