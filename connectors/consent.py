"""Who asks a person to sign in, and for what.

Made from what is stored: of a sign-in that is there, or was begun. Where nothing is
known the server has to be asked, by a test or by `sign_in.look`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from connectors import permissions, signed_in
from connectors.models import OAuthGrant
from connectors.offers import SignInOffer
from connectors.permissions import Permission
from connectors.sign_in import Draft, Offer


@dataclass(frozen=True, kw_only=True)
class Consent:
    """What a person says yes or no to."""

    host: str
    permissions: list[Permission]
    # All of it in one sentence.
    sentence: str
    # Nothing is published: it may be that there is no such sign-in.
    is_guess: bool = False
    # Nobody can sign in before a client is registered there by hand.
    needs_client: bool = False


def of(offer: Offer | SignInOffer, *, needs_client: bool = False) -> Consent:
    """Return what a server offers."""
    is_guess = isinstance(offer, SignInOffer) and offer.is_guess
    return _consent(
        offer.host, offer.scopes, is_guess=is_guess, needs_client=needs_client
    )


def of_grant(grant: OAuthGrant | None) -> Consent | None:
    """Return what signing in again will be about; None if there was no sign-in."""
    if grant is None or not grant.issuer:
        return None
    scopes = [*grant.scope.split(), *grant.wanted_scope.split()]
    return _consent(signed_in.host_of(grant.issuer), scopes)


def of_draft(draft: Draft) -> Consent | None:
    """Return what a sign-in that was begun before is about; None if none was."""
    if not draft.issuer:
        return None
    return _consent(signed_in.host_of(draft.issuer), draft.scope.split())


def _consent(
    host: str,
    scopes: Sequence[str],
    *,
    is_guess: bool = False,
    needs_client: bool = False,
) -> Consent:
    scope = " ".join(scopes)
    return Consent(
        host=host,
        permissions=permissions.of(scope),
        sentence=permissions.sentence(scope),
        is_guess=is_guess,
        needs_client=needs_client,
    )
