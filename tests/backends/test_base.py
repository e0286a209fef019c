"""Capabilities of a cluster from the kinds that its API serves."""

from netpol_harness.backends.base import Capability, served


def test_capabilities_that_are_kinds_are_told_by_what_the_api_serves() -> None:
    calico = {("crd.projectcalico.org/v1", "GlobalNetworkPolicy"), ("v1", "Pod")}
    assert served(lambda version, kind: (version, kind) in calico) == {Capability.CALICO_POLICIES}
    assert served(lambda version, kind: version.startswith("policy.networking.k8s.io/")) == {
        Capability.ADMIN_POLICIES,
        Capability.CLUSTER_POLICIES,
    }
    assert served(lambda version, kind: False) == frozenset()
