"""Which API a policy belongs to."""

import pytest

from netpol_harness.backends.base import Capability
from netpol_harness.scenario.family import Family


@pytest.mark.parametrize(
    ("api", "kind", "family"),
    [
        ("networking.k8s.io/v1", "NetworkPolicy", Family.KUBERNETES),
        ("networking.k8s.io/v1", "Ingress", None),
        ("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy", Family.CLUSTER),
        ("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy", Family.ADMIN),
        ("policy.networking.k8s.io/v1alpha1", "BaselineAdminNetworkPolicy", Family.ADMIN),
        ("projectcalico.org/v3", "NetworkPolicy", Family.CALICO),
        ("crd.projectcalico.org/v1", "GlobalNetworkPolicy", Family.CALICO),
        ("v1", "NetworkPolicy", None),
        ("example.org/v1", "NetworkPolicy", None),
    ],
)
def test_a_family_is_told_by_group_and_kind(api: str, kind: str, family: Family | None) -> None:
    assert Family.of(kind, api) is family


def test_a_foreign_family_is_called_like_the_capability_that_it_needs() -> None:
    assert {family.value for family in Family if family.is_foreign} <= {capability.value for capability in Capability}
