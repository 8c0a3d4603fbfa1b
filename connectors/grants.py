"""The life of what a person granted: a token that is good now, whenever one is asked.

Several processes share a grant. One renews it, by a lease (`grant_rows`); the others
wait for what it stores: a refresh token that is presented twice can end the grant.
Only the word of the authorization server ends one; that it is away does not.
Source: OAuth 2.1 section 4.3, RFC 9700 section 4.14.
"""

from asgiref.sync import sync_to_async
from django.utils import timezone

from connectors import grant_rows
from connectors.errors import GrantWithdrawn, ServerFailure
from connectors.grant_rows import store
from connectors.renewals import Bearer, bearer_of, read, renew, usable

__all__ = ["Bearer", "bearer", "refresh", "refused", "renewed", "store"]


async def bearer(grant_id: int) -> Bearer:
    """Return a token that is good now, renewed first if the stored one has ended.

    Raises:
        GrantWithdrawn: only the person can go on.
        SecretUnreadable: the stored tokens cannot be opened.
        ServerFailure: it has ended, and could not be renewed now.
    """
    row = await usable(grant_id)
    if not grant_rows.has_ended(row):
        return bearer_of(row)
    try:
        return await renew(row)
    except GrantWithdrawn:
        raise
    except ServerFailure:
        # Only nearly: better tried than given up.
        if row.expires_at and timezone.now() < row.expires_at:
            return bearer_of(row)
        raise


async def renewed(bearer: Bearer) -> Bearer:
    """Return a newer token than one that the server did not accept.

    That is what somebody else got meanwhile, or else what one renewal gives.

    Raises:
        GrantWithdrawn, SecretUnreadable, ServerFailure: as `bearer`.
    """
    row = await usable(bearer.grant_id)
    if row.version == bearer.version or grant_rows.has_ended(row):
        return await renew(row)
    return bearer_of(row, is_fresh=True)


async def refused(bearer: Bearer) -> None:
    """Say that a token which was just renewed was refused too: the grant is over."""
    row = await read(bearer.grant_id)
    if row is None or row.version != bearer.version or grant_rows.is_held(row):
        return
    await sync_to_async(grant_rows.end)(row, fresh_rejected=True)


async def refresh(*, grant_id: int, version: int) -> None:
    """Renew a grant ahead of its end, unless somebody else did.

    Raises:
        GrantWithdrawn, SecretUnreadable, ServerFailure: as `bearer`.
    """
    row = await usable(grant_id)
    if row.version == version:
        await renew(row)
