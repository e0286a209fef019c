"""Families of policies: NetworkPolicy and ClusterNetworkPolicy, which the oracle reads, and those of other APIs.

The others are applied to the cluster as they are. Whether a cluster takes anything but NetworkPolicy is a capability of
the family's name.
Any kind that ends in ``Policy``, in a group that is not Kubernetes' own, is such a policy.
"""

from collections.abc import Mapping
from enum import StrEnum

from netpol_harness.model.kinds import GroupKind, is_foreign_policy


class ApiGroupFamily(StrEnum):
    """A family of policies. The value is the name of the capability that it needs; NetworkPolicy needs none."""

    KUBERNETES = "NetworkPolicy"
    CLUSTER = "ClusterNetworkPolicy"
    ADMIN = "AdminNetworkPolicy"
    CALICO = "Calico policies"
    OTHER = "policies of other APIs"

    @classmethod
    def of(cls, kind: str, api_version: str) -> "ApiGroupFamily | None":
        """Return the family of a kind in an API version (``group/version``); ``None`` if it is not a policy."""
        group_kind = GroupKind.in_version(api_version, kind)
        known = _KINDS.get(group_kind.group, {}).get(kind)
        return known or (cls.OTHER if is_foreign_policy(group_kind) else None)

    @property
    def is_foreign(self) -> bool:
        """Whether the oracle does not read its policies."""
        return self not in (ApiGroupFamily.KUBERNETES, ApiGroupFamily.CLUSTER)

    @property
    def needs_capability(self) -> bool:
        """Whether a cluster may lack the API that defines it."""
        return self is not ApiGroupFamily.KUBERNETES

    @property
    def can_be_lifted(self) -> bool:
        """Whether NetworkPolicies that admit everything end what its policies block."""
        return self is ApiGroupFamily.KUBERNETES


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
