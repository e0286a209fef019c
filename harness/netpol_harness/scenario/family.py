"""Whose policy an object is: networking.k8s.io's own, which the specification is about, or another API's beside it.

The others are handed to the cluster as they are. Whether they can be is a capability, of the family's own name.
"""

from collections.abc import Mapping
from enum import StrEnum


class ApiGroupFamily(StrEnum):
    """Families of policies; the value of a foreign one is the name of the capability that it needs."""

    KUBERNETES = "NetworkPolicy"
    CLUSTER = "ClusterNetworkPolicy"
    ADMIN = "AdminNetworkPolicy"
    CALICO = "Calico policies"

    @classmethod
    def of(cls, kind: str, api_version: str) -> "ApiGroupFamily | None":
        """The family of a kind in an API version (``group/version``); ``None`` for all that is no policy."""
        group, slash, _ = api_version.partition("/")
        return _KINDS.get(group, {}).get(kind) if slash else None

    @property
    def is_foreign(self) -> bool:
        """Whether another API than networking.k8s.io defines it."""
        return self is not ApiGroupFamily.KUBERNETES


_CALICO = dict.fromkeys(("NetworkPolicy", "GlobalNetworkPolicy"), ApiGroupFamily.CALICO)
_KINDS: Mapping[str, Mapping[str, ApiGroupFamily]] = {
    "networking.k8s.io": {"NetworkPolicy": ApiGroupFamily.KUBERNETES},
    "policy.networking.k8s.io": {
        "ClusterNetworkPolicy": ApiGroupFamily.CLUSTER,
        "AdminNetworkPolicy": ApiGroupFamily.ADMIN,
        "BaselineAdminNetworkPolicy": ApiGroupFamily.ADMIN,
    },
    "projectcalico.org": _CALICO,
    "crd.projectcalico.org": _CALICO,
}

POLICY_KINDS = frozenset(kind for kinds in _KINDS.values() for kind in kinds)
"""Kinds that are policies in one of these APIs."""
