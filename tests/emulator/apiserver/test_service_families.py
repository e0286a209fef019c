"""Families of Services: defaults by policy and cluster, what an update keeps, and what the server refuses."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from netpol_harness.emulator.address_plan import IPV4, IPV6, AddressPlan
from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.apiserver.bootstrap import bootstrap
from netpol_harness.emulator.apiserver.errors import StatusError
from netpol_harness.emulator.store import Store
from netpol_harness.ip_family import IpFamily

BOTH = ["IPv4", "IPv6"]


def store(family: IpFamily) -> Store:
    numbers = count()
    new = Store(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), new_uid=lambda: str(next(numbers)))
    bootstrap(new, AddressPlan.of(family))
    return new


def service(name: str = "web", **spec: Any) -> dict[str, Any]:
    base = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {**base, **spec}}


def admitted(cluster: Store, previous: dict[str, Any] | None = None, **spec: Any) -> Any:
    return admit(cluster, "services", service(**spec), previous)["spec"]


def refusal(cluster: Store, previous: dict[str, Any] | None = None, **spec: Any) -> list[str]:
    with pytest.raises(StatusError) as refused:
        admit(cluster, "services", service(**spec), previous)
    assert refused.value.code == 422
    return [f"{cause['field']}: {cause['message']}" for cause in refused.value.details["causes"]]


def families(spec: dict[str, Any]) -> list[str]:
    """Return the families that the ClusterIPs have."""
    return ["IPv6" if ":" in address else "IPv4" for address in spec["clusterIPs"]]


@pytest.mark.parametrize(
    ("cluster", "spec", "policy", "expected"),
    [
        (IpFamily.IPV4, {}, "SingleStack", ["IPv4"]),
        (IpFamily.IPV6, {}, "SingleStack", ["IPv6"]),
        (IpFamily.DUAL, {}, "SingleStack", ["IPv4"]),
        (IpFamily.DUAL, {"ipFamilies": ["IPv6"]}, "SingleStack", ["IPv6"]),
        (IpFamily.IPV4, {"ipFamilyPolicy": "PreferDualStack"}, "PreferDualStack", ["IPv4"]),
        (IpFamily.DUAL, {"ipFamilyPolicy": "PreferDualStack"}, "PreferDualStack", BOTH),
        (IpFamily.DUAL, {"ipFamilyPolicy": "RequireDualStack"}, "RequireDualStack", BOTH),
        (
            IpFamily.DUAL,
            {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6"]},
            "PreferDualStack",
            ["IPv6", "IPv4"],
        ),
        (IpFamily.DUAL, {"clusterIP": "fd00:10:96::77"}, "SingleStack", ["IPv6"]),
        (
            IpFamily.DUAL,
            {"ipFamilyPolicy": "RequireDualStack", "clusterIPs": ["fd00:10:96::77"]},
            "RequireDualStack",
            ["IPv6", "IPv4"],
        ),
    ],
)
def test_a_service_gets_addresses_by_its_policy(
    cluster: IpFamily, spec: dict[str, Any], policy: str, expected: list[str]
) -> None:
    found = admitted(store(cluster), **spec)
    assert (found["ipFamilyPolicy"], found["ipFamilies"], families(found)) == (policy, expected, expected)
    assert found["clusterIP"] == found["clusterIPs"][0]
    assert found["clusterIP"] == spec.get("clusterIP", found["clusterIP"])


@pytest.mark.parametrize("cluster", IpFamily)
def test_a_headless_service_without_selector_has_both_families_everywhere(cluster: IpFamily) -> None:
    found = admitted(store(cluster), clusterIP="None", selector={})
    assert (found["clusterIPs"], found["ipFamilyPolicy"]) == (["None"], "RequireDualStack")
    assert sorted(found["ipFamilies"]) == BOTH
    single = admitted(store(cluster), clusterIP="None", selector={}, ipFamilyPolicy="SingleStack")
    assert len(single["ipFamilies"]) == 1


def test_a_headless_service_with_selector_has_the_families_of_its_policy() -> None:
    assert admitted(store(IpFamily.DUAL), clusterIP="None")["ipFamilies"] == ["IPv4"]
    found = admitted(store(IpFamily.DUAL), clusterIP="None", ipFamilyPolicy="PreferDualStack")
    assert (found["ipFamilies"], found["clusterIPs"]) == (BOTH, ["None"])


@pytest.mark.parametrize(
    ("cluster", "spec", "causes"),
    [
        (IpFamily.IPV4, {"ipFamilies": ["IPv6"]}, ["spec.ipFamilies[0]: not configured on this cluster"]),
        (IpFamily.IPV6, {"ipFamilies": ["IPv4"]}, ["spec.ipFamilies[0]: not configured on this cluster"]),
        (
            IpFamily.IPV4,
            {"ipFamilyPolicy": "RequireDualStack"},
            ["spec.ipFamilyPolicy: this cluster is not configured for dual-stack services"],
        ),
        (IpFamily.IPV4, {"clusterIP": "fd00:10:96::7"}, ["spec.clusterIPs[0]: IPv6 is not configured on this cluster"]),
        (
            IpFamily.DUAL,
            {"ipFamilies": BOTH},
            [
                "spec.ipFamilyPolicy: must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are "
                "specified"
            ],
        ),
        (
            IpFamily.DUAL,
            {"clusterIPs": ["10.96.0.7", "fd00:10:96::7"]},
            [
                "spec.ipFamilyPolicy: must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are "
                "specified"
            ],
        ),
        (IpFamily.DUAL, {"ipFamilies": ["IPv4", "IPv4"]}, ['spec.ipFamilies[1]: Duplicate value: "IPv4"']),
        (
            IpFamily.DUAL,
            {"ipFamilies": ["IPv5"]},
            ['spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"'],
        ),
        (
            IpFamily.DUAL,
            {"ipFamilies": ["IPv4"], "clusterIP": "fd00:10:96::7"},
            ["spec.clusterIPs[0]: expected an IPv4 value as indicated by `ipFamilies[0]`"],
        ),
        (
            IpFamily.DUAL,
            {"ipFamilyPolicy": "RequireDualStack", "clusterIPs": ["10.96.0.7", "10.96.0.8"]},
            ["spec.clusterIPs: may specify no more than one IP for each IP family"],
        ),
        (
            IpFamily.DUAL,
            {"clusterIP": "fd00::7"},
            ["spec.clusterIPs: failed to allocate IP fd00::7: the provided IP (fd00::7) is not in the valid range"],
        ),
        (
            IpFamily.DUAL,
            {"clusterIP": "fd00:10:96::a"},
            ["spec.clusterIPs: failed to allocate IP fd00:10:96::a: provided IP is already allocated"],
        ),
    ],
)
def test_refused_services(cluster: IpFamily, spec: dict[str, Any], causes: list[str]) -> None:
    for found, expected in zip(refusal(store(cluster), **spec), causes, strict=True):
        field, _, words = expected.partition(": ")
        assert found.startswith(f"{field}: ")
        assert words in found


def test_the_second_family_comes_and_goes_with_the_policy() -> None:
    cluster = store(IpFamily.DUAL)
    single = admit(cluster, "services", service())
    dual = admit(cluster, "services", service(ipFamilyPolicy="RequireDualStack"), single)
    assert dual["spec"]["clusterIPs"][0] == single["spec"]["clusterIP"]
    assert (dual["spec"]["ipFamilies"], families(dual["spec"])) == (BOTH, BOTH)
    unchanged = admit(cluster, "services", service(), dual)
    assert unchanged["spec"]["clusterIPs"] == dual["spec"]["clusterIPs"], "what a request omits stays"
    back = admit(cluster, "services", service(ipFamilyPolicy="SingleStack"), dual)
    assert (back["spec"]["clusterIPs"], back["spec"]["ipFamilies"]) == (single["spec"]["clusterIPs"], ["IPv4"])


def test_a_second_family_is_released_by_the_policy_only() -> None:
    cluster = store(IpFamily.DUAL)
    dual = admit(cluster, "services", service(ipFamilyPolicy="RequireDualStack"))
    assert refusal(cluster, dual, ipFamilies=["IPv4"]) == [
        "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be 'SingleStack' to release the secondary IP "
        "family"
    ]


def test_an_address_is_given_once_in_each_family() -> None:
    cluster = store(IpFamily.DUAL)
    seen: set[str] = set()
    for number in range(20):
        stored = admit(cluster, "services", service(f"s{number}", ipFamilyPolicy="RequireDualStack"))
        cluster.create("services", stored)
        seen |= set(stored["spec"]["clusterIPs"])
    assert len(seen) == 40


@pytest.mark.parametrize("cluster", IpFamily)
def test_the_api_itself_is_a_service_of_the_primary_family(cluster: IpFamily) -> None:
    plan = IPV6 if cluster is IpFamily.IPV6 else IPV4
    (kubernetes,) = store(cluster).list("services")
    assert (kubernetes["spec"]["clusterIPs"], kubernetes["spec"]["ipFamilies"]) == ([plan.kubernetes], [plan.api_name])
    (part,) = store(cluster).list("endpointslices")
    assert (part["addressType"], part["endpoints"][0]["addresses"]) == (plan.api_name, [plan.control_plane])
    (ranges,) = store(cluster).list("servicecidrs")
    assert len(ranges["spec"]["cidrs"]) == (2 if cluster is IpFamily.DUAL else 1)
