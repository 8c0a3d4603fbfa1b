"""What staff see of connectors: metadata, never a secret or body.

looking     the manner: look, and change nothing
connectors  connectors, tests and calls
sign_ins    OAuth clients, grants and sign-ins
"""

from connectors.admin import connectors, sign_ins
from connectors.admin.looking import EvidenceAdmin, LookOnlyAdmin

__all__ = ["EvidenceAdmin", "LookOnlyAdmin", "connectors", "sign_ins"]
