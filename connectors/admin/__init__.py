"""What staff see of connectors: metadata, never a secret or body.

looking     the manner: look, and change nothing
connectors  connectors, tests and calls
sign_ins    OAuth clients, grants and sign-ins
catalogue   known servers, and the operator's clients for them
"""

from connectors.admin import catalogue, connectors, sign_ins
from connectors.admin.looking import EvidenceAdmin, LookOnlyAdmin

__all__ = ["EvidenceAdmin", "LookOnlyAdmin", "catalogue", "connectors", "sign_ins"]
