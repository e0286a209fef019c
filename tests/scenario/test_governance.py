"""What policies of other APIs may decide about."""

from typing import Any

import pytest

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.ends import AddressTarget, ExternalSource, PodSource, PodTarget, ServiceTarget
from netpol_harness.paths.path import Path, Scheme
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.governance import Governance, namespaces_of
from netpol_harness.scenario.scenario import Manifest

CALICO, OTHER = ApiGroupFamily.CALICO, ApiGroupFamily.OTHER


def policy(api: str, namespace: str = "") -> Manifest:
    version, _, kind = api.rpartition("/")
    metadata: dict[str, Any] = {"name": "p", **({"namespace": namespace} if namespace else {})}
    return Manifest({"apiVersion": version, "kind": kind, "metadata": metadata}, "p.yaml:1")


@pytest.mark.parametrize(
    ("policies", "namespaces", "families"),
    [
        ([policy("networking.k8s.io/v1/NetworkPolicy", "shop")], {"shop"}, ()),
        ([policy("projectcalico.org/v3/NetworkPolicy", "shop")], {"shop"}, (CALICO,)),
        ([policy("projectcalico.org/v3/NetworkPolicy", "shop")], {"back", "front"}, ()),
        ([policy("projectcalico.org/v3/NetworkPolicy")], {"default"}, (CALICO,)),
        ([policy("projectcalico.org/v3/NetworkPolicy")], {"shop"}, ()),
        ([policy("projectcalico.org/v3/GlobalNetworkPolicy")], {"shop"}, (CALICO,)),
        ([policy("cilium.io/v2/CiliumNetworkPolicy", "shop")], {"back", "shop"}, (OTHER,)),
        ([policy("cilium.io/v2/CiliumClusterwideNetworkPolicy")], {"back"}, (OTHER,)),
        ([policy("security.istio.io/v1/AuthorizationPolicy", "istio-system")], {"shop"}, (OTHER,)),
        ([policy("policy.networking.k8s.io/v1alpha1/AdminNetworkPolicy")], set(), (ApiGroupFamily.ADMIN,)),
        ([policy("policy.networking.k8s.io/v1alpha2/ClusterNetworkPolicy")], {"shop"}, ()),
    ],
)
def test_a_policy_governs_its_namespace_or_all(
    policies: list[Manifest], namespaces: set[str], families: tuple[ApiGroupFamily, ...]
) -> None:
    assert Governance.of(policies).families(namespaces) == families


def test_a_path_is_governed_at_each_of_its_ends() -> None:
    source, target = PodSource(NamespacedName("a", "x")), PodTarget(NamespacedName("b", "y"), 80)
    path = Path(source, Scheme.TCP, target, "x", "y:80")
    for namespace in ("a", "b"):
        assert Governance.of([policy("projectcalico.org/v3/NetworkPolicy", namespace)]).families_of(path) == (CALICO,)
    assert not Governance.of([policy("projectcalico.org/v3/NetworkPolicy", "c")]).families_of(path)


def test_ends_outside_have_no_namespace() -> None:
    inside = Path(ExternalSource("user"), Scheme.TCP, ServiceTarget(NamespacedName("b", "y"), 80), "user", "y:80")
    assert namespaces_of(inside) == {"b"}
    assert namespaces_of(Path(ExternalSource("user"), Scheme.TCP, AddressTarget("192.0.2.1", 80), "user", "z")) == set()
