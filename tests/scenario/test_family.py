"""Which API a policy belongs to."""

import pytest

from netpol_harness.backends.base import Capability
from netpol_harness.scenario.family import ApiGroupFamily


@pytest.mark.parametrize(
    ("api", "kind", "family"),
    [
        ("networking.k8s.io/v1", "NetworkPolicy", ApiGroupFamily.KUBERNETES),
        ("networking.k8s.io/v1", "Ingress", None),
        ("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy", ApiGroupFamily.CLUSTER),
        ("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy", ApiGroupFamily.ADMIN),
        ("policy.networking.k8s.io/v1alpha1", "BaselineAdminNetworkPolicy", ApiGroupFamily.ADMIN),
        ("projectcalico.org/v3", "NetworkPolicy", ApiGroupFamily.CALICO),
        ("crd.projectcalico.org/v1", "GlobalNetworkPolicy", ApiGroupFamily.CALICO),
        ("v1", "NetworkPolicy", None),
        ("example.org/v1", "NetworkPolicy", ApiGroupFamily.OTHER),
        ("cilium.io/v2", "CiliumNetworkPolicy", ApiGroupFamily.OTHER),
        ("security.istio.io/v1", "PeerAuthentication", ApiGroupFamily.OTHER),
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", None),
    ],
)
def test_a_family_is_known_by_group_and_kind(api: str, kind: str, family: ApiGroupFamily | None) -> None:
    assert ApiGroupFamily.of(kind, api) is family


def test_a_foreign_family_is_called_like_the_capability_that_it_needs() -> None:
    assert {family.value for family in ApiGroupFamily if family.is_foreign} <= {
        capability.value for capability in Capability
    }
