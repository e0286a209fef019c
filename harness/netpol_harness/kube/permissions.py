"""Permissions that an API server's authorizer found missing (403 Forbidden). PURE.

Specification: kubernetes.io/docs/reference/access-authn-authz/authorization.
"""

import re

_FORBIDDEN = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)"(?: in API group "(?P<group>[^"]*)")?'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)
"""How the authorizer's message names a missing permission."""


def permission_hint(message: str) -> str:
    """Return which permission to ask an administrator for, given an authorizer's message; empty for any other."""
    if (match := _FORBIDDEN.search(message)) is None:
        return ""
    group = f".{match['group']}" if match["group"] else ""
    scope = f" in namespace {match['namespace']}" if match["namespace"] else " for the whole cluster (a ClusterRole)"
    return f"ask for the verb {match['verb']} on {match['resource']}{group}{scope}"
