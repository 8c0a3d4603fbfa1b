"""What a stored connector is dialled with, whichever kind of sign-in it has.

Everything that dials one asks here: nothing else knows that a token ends.
"""

from dataclasses import dataclass, field, replace

from asgiref.sync import sync_to_async

from connectors import auth, grant_rows, grants, targets
from connectors.errors import GrantWithdrawn
from connectors.grants import Bearer
from connectors.models import AuthType, OAuthGrant, UserMCPConnection
from connectors.targets import Target


@dataclass(kw_only=True)
class Credential:
    """What goes along to a server; `renew` after it did not accept it."""

    target: Target
    # What may not be shown again: also the tokens that were sent before.
    secrets: set[str] = field(repr=False)
    bearer: Bearer | None = None

    @property
    def access_token(self) -> str:
        return self.target.access_token

    @property
    def headers(self) -> dict[str, str]:
        return auth.headers_for(
            self.target.auth_type,
            self.target.auth_config,
            access_token=self.target.access_token,
        )

    async def renew(self) -> bool:
        """Tell whether there is a newer token than the one that was answered 401.

        It is worth one more request. A new one that is refused ends the grant: there
        is no third.

        Raises:
            GrantWithdrawn: only the person can go on.
            ServerFailure: there may be one, and it could not be had now.
        """
        if self.bearer is None:
            return False
        if self.bearer.is_fresh:
            await grants.refused(self.bearer)
            return False
        self._take(await grants.renewed(self.bearer))
        return True

    async def want_more(self, scope: str) -> None:
        """Note what a refusal asked for: the next sign-in asks for it too."""
        if self.bearer is not None:
            await sync_to_async(grant_rows.want_more)(
                grant_id=self.bearer.grant_id, scope=scope
            )

    def _take(self, bearer: Bearer) -> None:
        self.bearer = bearer
        self.target = replace(self.target, access_token=bearer.access_token)
        self.secrets |= self.target.secrets


async def of(row: UserMCPConnection) -> Credential:
    """Return what a stored connector is dialled with now; a token may be renewed.

    Raises:
        SecretUnreadable: what is stored cannot be opened.
        GrantWithdrawn: nobody is signed in.
        ServerFailure: a token has ended, and could not be renewed now.
    """
    target = await sync_to_async(targets.stored)(row)
    credential = Credential(target=target, secrets=target.secrets)
    if row.auth_type == AuthType.OAUTH:
        ids = OAuthGrant.objects.filter(connector_id=row.pk).values_list("pk")
        found = await ids.afirst()
        if found is None:
            raise GrantWithdrawn
        credential._take(await grants.bearer(found[0]))
    return credential
