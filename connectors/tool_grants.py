"""What a sign-in to a tool of this installation leads to: a grant, and no connector.

The tool's own room knows what it is good for; here it is kept, renewed and taken back
like any other.
"""

from django.db import transaction

from connectors import flows, grants, saving
from connectors.auth.oauth import Tokens
from connectors.errors import SignInFailed
from connectors.flows import Begun
from connectors.models import OAuthGrant

# OpenID Connect Core section 5.4: who somebody is, which is nothing that a tool does.
_WHO = frozenset({"openid", "email", "profile"})


@transaction.atomic
def keep(begun: Begun, tokens: Tokens, *, label: str) -> OAuthGrant:
    """Store what was granted for a system tool, in place of what there was.

    Raises:
        SignInFailed: nothing_granted, the person unticked all that it is for.
    """
    flow, pending = begun.flow, begun.pending
    wanted = set(pending.scope.split()) - _WHO
    if wanted and not wanted & set(tokens.scope.split()):
        raise SignInFailed(
            "None of the permissions that were asked for was given.",
            reason="nothing_granted",
        )
    saving.lock_person(flow.user_id)
    grant = grants.store(
        user_id=flow.user_id,
        system_tool=flow.system_tool,
        pending=pending,
        client=begun.identity.client,
        tokens=tokens,
        label=label,
    )
    flows.succeed(begun, None)
    return grant


def of(*, user_id: int, system_tool: str) -> OAuthGrant | None:
    """Return what the person granted for a system tool."""
    grants = OAuthGrant.objects.filter(user=user_id, system_tool=system_tool)
    return grants.first()
