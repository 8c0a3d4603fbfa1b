"""What a stored connector is dialled with, whichever kind of sign-in it has.

Everything that dials one asks here: nothing else knows that a token ends.
"""

from dataclasses import dataclass, field, replace

from asgiref.sync import sync_to_async

from connectors import auth, grant_rows, grants, masking, pools, server_url, targets
from connectors.errors import AuthFailed, GrantWithdrawn, ServerFailure
from connectors.grants import Bearer
from connectors.mcp_client import Endpoint
from connectors.models import AuthType, OAuthGrant, UserMCPConnection
from connectors.targets import Target


@dataclass(kw_only=True)
class Credential:
    """What goes along to a server; `renew` after it did not accept it."""

    target: Target
    # What may not be shown again: also the tokens that were sent before.
    secrets: set[str] = field(repr=False)
    bearer: Bearer | None = None
    # Whether a newer token is waited for, or was in vain.
    is_renewing: bool = False

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

    def endpoint(self, row: UserMCPConnection) -> Endpoint:
        """Return where `row` is dialled, with this and with what is known of it."""
        return Endpoint(
            url=row.server_url,
            headers=self.headers,
            transport=row.transport,
            protocol_version=row.protocol_version,
            discover=row.discover_cache,
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
        self.is_renewing = True
        self._take(await grants.renewed(self.bearer))
        self.is_renewing = False
        return True

    async def after(self, refusal: AuthFailed) -> dict[str, str] | None:
        """Return the headers that are worth one more request, None if none are.

        What a good token lacks is noted: the next sign-in asks for it too.

        Raises:
            GrantWithdrawn, SecretUnreadable, ServerFailure: as `renew`.
        """
        if self.bearer and refusal.wanted_scope is not None:
            await sync_to_async(grant_rows.want_more)(
                grant_id=self.bearer.grant_id, scope=refusal.wanted_scope
            )
        is_newer = refusal.refused_token and await self.renew()
        # What comes next is dialled.
        await pools.release_db()
        return self.headers if is_newer else None

    def hide_in(self, failure: ServerFailure) -> None:
        """Hide whatever the server says back of what was sent to it."""
        for name, said in list(vars(failure).items()):
            setattr(failure, name, masking.hide(said, self.secrets))
        failure.args = (failure.message,)

    def _take(self, bearer: Bearer) -> None:
        self.bearer = bearer
        self.target = replace(self.target, access_token=bearer.access_token)
        self.secrets |= self.target.secrets


async def of(row: UserMCPConnection) -> Credential:
    """Return what a stored connector is dialled with now; a token may be renewed.

    Where nobody is signed in that is nothing: its server says that it wants more.

    Raises:
        SecretUnreadable: what is stored cannot be opened.
        GrantWithdrawn: the sign-in is over.
        ServerFailure: a token has ended, and could not be renewed now.
    """
    target = await sync_to_async(targets.stored)(row)
    credential = Credential(target=target, secrets=target.secrets)
    if row.auth_type == AuthType.OAUTH:
        stored = OAuthGrant.objects.filter(connector_id=row.pk)
        found = await stored.values_list("pk", "connector__server_url").afirst()
        # It may be at another server since `row` was read, and its grant of that one.
        if found and server_url.origin(found[1]) == target.origin:
            credential._take(await grants.bearer(found[0]))
    return credential


def is_told(row: UserMCPConnection, failure: BaseException | None) -> bool:
    """Tell whether its grant has said already what a failure means for a connector.

    It knows which token was refused: the person may have signed in again meanwhile.
    And a token that is too little for one thing is as good as before for the others.
    That its sign-in service is away says nothing of the server.
    """
    if row.auth_type != AuthType.OAUTH:
        return False
    if isinstance(failure, AuthFailed):
        return failure.refused_token or lacks_permission(row, failure)
    if isinstance(failure, ServerFailure) and failure.at_sign_in:
        return True
    return isinstance(failure, GrantWithdrawn)


def lacks_permission(row: UserMCPConnection, failure: BaseException | None) -> bool:
    """Tell whether a sign-in was accepted, and is too little for what was asked."""
    return (
        row.auth_type == AuthType.OAUTH
        and isinstance(failure, AuthFailed)
        and failure.wanted_scope is not None
    )
