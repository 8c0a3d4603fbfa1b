"""What is kept of a person's connectors, and the evidence of their use.

`UserMCPConnection` is the connector, `ConnectionTest` the evidence of a test,
`ToolCall` the evidence of a call, `OAuthGrant`
what a person granted by signing in; docs/data-model.md explains the columns.
"""

from connectors.models.catalogue_entry import KEY_CHARS, CatalogueEntry
from connectors.models.choices import (
    AuthType,
    ClientKind,
    GrantState,
    Outcome,
    Source,
    Status,
    Transport,
    Via,
)
from connectors.models.connection_test import ConnectionTest
from connectors.models.connector import (
    NAME_CHARS,
    SLUG_CHARS,
    SLUG_RETIRED_FOR,
    ConnectorQuerySet,
    RetiredSlug,
    UserMCPConnection,
)
from connectors.models.lease import Lease
from connectors.models.oauth import (
    OAuthClient,
    OAuthFlow,
    OAuthGrant,
    OAuthRevocation,
)
from connectors.models.tool_call import EvidenceIsFinal, ToolCall, ToolCallQuerySet

__all__ = [
    "KEY_CHARS",
    "NAME_CHARS",
    "SLUG_CHARS",
    "SLUG_RETIRED_FOR",
    "AuthType",
    "CatalogueEntry",
    "ClientKind",
    "ConnectionTest",
    "ConnectorQuerySet",
    "EvidenceIsFinal",
    "GrantState",
    "Lease",
    "OAuthClient",
    "OAuthFlow",
    "OAuthGrant",
    "OAuthRevocation",
    "Outcome",
    "RetiredSlug",
    "Source",
    "Status",
    "ToolCall",
    "ToolCallQuerySet",
    "Transport",
    "UserMCPConnection",
    "Via",
]
