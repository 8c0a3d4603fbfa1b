"""Scopes of OAuth in words, so that a person can decide about them.

Scopes are texts of a provider's own. What one of them does is read from its words,
as most providers choose them; what cannot be read is said to be unknown rather than
harmless.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from connectors.text import clean

SCOPE_CHARS = 120
MAX_SHOWN = 30
_WORD = re.compile(r"[A-Za-z0-9]+")
_READ = frozenset("get list query read readonly search view".split())
_CHANGE = frozenset(
    """
    admin all create delete edit full manage modify post publish readwrite send
    update upload write
    """.split()
)
# Google and Microsoft write scopes as addresses; the last part of the path tells.
_ADDRESS = re.compile(r"https?://[^/]+/(?:.*/)?")


class Kind(StrEnum):
    """What a permission is for, in the order in which people read them."""

    READS = "reads"
    CHANGES = "changes"
    UNKNOWN = "unknown"
    WHO = "who"
    STAYS = "stays"

    @property
    def glyph(self) -> str:
        return {
            "reads": "eye",
            "changes": "pencil",
            "unknown": "key-round",
            "who": "user",
            "stays": "clock",
        }[self]


@dataclass(frozen=True, kw_only=True)
class Permission:
    """One scope: as it is asked for, and in words."""

    scope: str
    words: str
    kind: Kind


_KNOWN = {
    "offline_access": (Kind.STAYS, "Stay signed in until you disconnect"),
    "openid": (Kind.WHO, "Know which account it is"),
    "profile": (Kind.WHO, "Know your name there"),
    "email": (Kind.WHO, "Know your e-mail address"),
}


def of(scope: str) -> list[Permission]:
    """Return the permissions of a scope, each once; at most `MAX_SHOWN` of them."""
    names = [clean(name, limit=SCOPE_CHARS) for name in scope.split()]
    found = [_permission(name) for name in dict.fromkeys(filter(None, names))]
    kinds = list(Kind)
    return sorted(found, key=lambda one: kinds.index(one.kind))[:MAX_SHOWN]


def sentence(scope: str) -> str:
    """Say in one sentence what somebody with this scope can do."""
    kinds = {one.kind for one in of(scope)}
    can = {Kind.READS: "read", Kind.CHANGES: "change things"}
    does = [words for kind, words in can.items() if kind in kinds]
    if not does:
        return "It does not say what it will be able to do; its own page does."
    more = ", and maybe more" if Kind.UNKNOWN in kinds else ""
    return f"It will be able to {' and to '.join(does)}{more}."


def _permission(name: str) -> Permission:
    if name in _KNOWN:
        kind, words = _KNOWN[name]
        return Permission(scope=name, words=words, kind=kind)
    own = _WORD.findall(_ADDRESS.sub("", name))
    lowered = {word.lower() for word in own}
    subject = " ".join(word for word in own if word.lower() not in _READ | _CHANGE)
    if lowered & _CHANGE:
        words = f"Create and change {subject or 'things'}"
        return Permission(scope=name, words=words, kind=Kind.CHANGES)
    if lowered & _READ:
        return Permission(scope=name, words=f"Read {subject}".strip(), kind=Kind.READS)
    words = f"Use {subject or 'it'}; maybe read, maybe change"
    return Permission(scope=name, words=words, kind=Kind.UNKNOWN)
