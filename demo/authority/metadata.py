"""What the authority says about itself (RFC 8414), and the journal about it."""

from typing import Any

from demo.authority.authority import ELSEWHERE, Authority
from demo.authority.records import AUTH_METHODS, SCOPES

# What the journal asks for at first; journal:write is asked for when it is needed.
FIRST_SCOPES = ["journal:read", "offline_access", "openid"]


def server_metadata(authority: Authority) -> dict[str, Any]:
    """Describe the authority as its switches want it."""
    switches, issuer = authority.switches, authority.issuer
    said: dict[str, Any] = {
        "issuer": ELSEWHERE if switches.wrong_issuer else issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
    }
    if switches.pkce_in_metadata:
        said["code_challenge_methods_supported"] = ["S256"]
    if switches.iss != "not offered":
        said["authorization_response_iss_parameter_supported"] = True
    if switches.registration != "not offered":
        said["registration_endpoint"] = f"{issuer}/register"
    if switches.revocation != "not offered":
        said["revocation_endpoint"] = f"{issuer}/revoke"
        said["revocation_endpoint_auth_methods_supported"] = list(AUTH_METHODS)
    if switches.client_documents:
        said["client_id_metadata_document_supported"] = True
    return said


def resource_metadata(authority: Authority, name: str) -> dict[str, Any]:
    """Describe a server that the authority protects (RFC 9728 section 2)."""
    switches, issuer = authority.switches, authority.issuer
    # It answers 404 to whoever looks for its metadata.
    other = f"{issuer}/elsewhere"
    servers = {
        "one": [issuer],
        "first of two": [issuer, other],
        "second of two": [other, issuer],
    }
    resource = f"{ELSEWHERE}/mcp" if switches.wrong_resource else authority.resource
    return {
        "resource": resource,
        "resource_name": name,
        "authorization_servers": servers[switches.authorization_servers],
        "scopes_supported": FIRST_SCOPES,
        "bearer_methods_supported": ["header"],
    }
