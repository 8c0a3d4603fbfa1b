"""Issue, check, revoke and list API tokens.

A token reads `pb_<8 of prefix>_<43 of secret>`. The prefix finds the row and is
shown to people; of the whole token only the SHA-256 is stored. That is enough: the
secret is 256 random bits, so there is nothing for a slow hash to slow down.
"""

import hashlib
import re
import secrets
import string
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.errors import (
    InvalidToken,
    TokenLimitReached,
    TokenNameTaken,
    TokenNotFound,
)
from accounts.models import SCOPES, ApiToken, ApiTokenQuerySet, User

logger = structlog.get_logger(__name__)

PREFIX_CHARACTERS: Final = string.ascii_lowercase + string.digits
PREFIX_LENGTH: Final = 8
SECRET_BYTES: Final = 32
TOKEN: Final = re.compile(r"pb_([a-z0-9]{8})_[A-Za-z0-9_-]{43}")
NAME_LENGTH: Final = 80
# Longer needs an administrator, who alone can also make a token without an end.
MAX_DAYS: Final = 366
LAST_USED_STEP: Final = timedelta(minutes=1)
# What an unknown prefix is compared with, so that it takes the time of a known one.
NOBODYS_DIGEST: Final = "0" * 64


def issue(
    *,
    user: User,
    name: str,
    scopes: Sequence[str] | None = None,
    days: int | None = None,
) -> tuple[ApiToken, str]:
    """Make a token for `user` and return it with its text, shown this once.

    Without `scopes` it carries all of them; without `days` it lives for
    `TOKEN_TTL_DAYS` days. An expired token gives its name free.

    Raises:
        InvalidToken: INVALID_INPUT, the name, the scopes or the days are unusable.
        TokenLimitReached: TOKEN_LIMIT_REACHED, `TOKENS_PER_PERSON` are live.
        TokenNameTaken: TOKEN_NAME_TAKEN, a live token has this name.
    """
    name = _checked_name(name)
    allowed = _checked_scopes(scopes)
    expires_at = timezone.now() + timedelta(days=_checked_days(days))
    prefix = "".join(secrets.choice(PREFIX_CHARACTERS) for _ in range(PREFIX_LENGTH))
    text = f"pb_{prefix}_{secrets.token_urlsafe(SECRET_BYTES)}"
    with transaction.atomic():
        _make_room(user=user, name=name)
        token = ApiToken.objects.create(
            user=user,
            name=name,
            prefix=prefix,
            digest=_digest(text),
            scopes=allowed,
            expires_at=expires_at,
        )
    logger.info("token.issued", user_id=user.pk, token_id=token.pk, scopes=token.scopes)
    return token, text


def authenticate(text: str) -> ApiToken | None:
    """Return the live token that `text` is, with its active user, or None."""
    shape = TOKEN.fullmatch(text)
    if not shape:
        logger.warning("token.rejected", reason="malformed")
        return None
    token = ApiToken.objects.filter(prefix=shape[1]).select_related("user").first()
    known = token.digest if token else NOBODYS_DIGEST
    matches = secrets.compare_digest(_digest(text), known)
    if token is None or not matches:
        logger.warning("token.rejected", reason="unknown")
        return None
    if reason := _why_dead(token):
        logger.warning(
            "token.rejected", reason=reason, user_id=token.user_id, token_id=token.pk
        )
        return None
    _touch(token)
    return token


def revoke(*, token: ApiToken) -> None:
    """End `token` now and for good; a token that was revoked stays as it is."""
    now = timezone.now()
    changed = ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(
        revoked_at=now, updated_at=now
    )
    token.refresh_from_db(fields=["revoked_at", "updated_at"])
    if changed:
        logger.info("token.revoked", user_id=token.user_id, token_id=token.pk)


def get(*, user_id: int, token_id: int) -> ApiToken:
    """Return a token of this person.

    Raises:
        TokenNotFound: NOT_FOUND, there is none, or it is somebody else's.
    """
    token = ApiToken.objects.owned_by(user_id).filter(pk=token_id).first()
    if token is None:
        raise TokenNotFound
    return token


def list_for(*, user_id: int) -> ApiTokenQuerySet:
    """Return the live tokens of this person, newest first."""
    return ApiToken.objects.owned_by(user_id).live()


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise InvalidToken(
            "name", f"A token needs a name of 1 to {NAME_LENGTH} printable characters."
        )
    return name


def _checked_scopes(scopes: Sequence[str] | None) -> list[str]:
    if scopes is None:
        return list(SCOPES)
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise InvalidToken(
            "scopes", f"A token needs one or more of these scopes: {', '.join(SCOPES)}."
        )
    return [scope for scope in SCOPES if scope in scopes]


def _checked_days(days: int | None) -> int:
    days = settings.TOKEN_TTL_DAYS if days is None else days
    if not 1 <= days <= max(MAX_DAYS, settings.TOKEN_TTL_DAYS):
        raise InvalidToken("days", f"A token lives for 1 to {MAX_DAYS} days.")
    return days


def _make_room(*, user: User, name: str) -> None:
    """Refuse one token too many; the lock lets one request a person in here."""
    User.objects.select_for_update().get(pk=user.pk)
    live = list_for(user_id=user.pk)
    if live.filter(name=name).exists():
        raise TokenNameTaken
    if live.count() >= settings.TOKENS_PER_PERSON:
        raise TokenLimitReached(settings.TOKENS_PER_PERSON)
    now = timezone.now()
    ApiToken.objects.filter(
        user=user, name=name, revoked_at=None, expires_at__lte=now
    ).update(revoked_at=now, updated_at=now)


def _why_dead(token: ApiToken) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if not token.is_live:
        return "expired"
    return "" if token.user.is_active else "inactive_user"


def _touch(token: ApiToken) -> None:
    """Note the use, at most once a minute: a busy client must not write each time."""
    now = timezone.now()
    if not _is_stale(token.last_used_at, now):
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lte=now - LAST_USED_STEP)
    ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
    token.last_used_at = now


def _is_stale(last_used_at: datetime | None, now: datetime) -> bool:
    return last_used_at is None or last_used_at <= now - LAST_USED_STEP


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
