"""The IP families of Services: those of the cluster, and which of them a Service gets.

Implements ``spec.ipFamilyPolicy``, ``spec.ipFamilies`` and the order of ``spec.clusterIPs`` (core/v1 ServiceSpec) with
the defaults and refusals of ``pkg/registry/core/service/storage``. The ranges, and so the families, are those of the
cluster's ServiceCIDR (networking.k8s.io/v1).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netpol_harness.emulator.address_plan import IPV4, FamilyPlan, plan_of
from netpol_harness.emulator.apiserver.errors import Cause, duplicate, invalid, not_supported
from netpol_harness.emulator.store import Key, Store
from netpol_harness.model.addresses import ip_version
from netpol_harness.model.json_object import JsonObject

SERVICE_CIDR = "kubernetes"
"""Name of the object that has the ranges."""

_SINGLE, _REQUIRE = "SingleStack", "RequireDualStack"
_KNOWN = ("IPv4", "IPv6")


def service_families(store: Store) -> tuple[FamilyPlan, ...]:
    """Return the families of Services, the cluster's default first. A store without the object has IPv4."""
    ranges = store.find(Key("servicecidrs", "", SERVICE_CIDR))
    return tuple(plan_of(text) for text in ranges["spec"]["cidrs"]) if ranges else (IPV4,)


def settle_families(service: JsonObject, before: Mapping[str, Any], cluster: Sequence[FamilyPlan]) -> list[Cause]:
    """Fill in the Service's families, their policy, and the ClusterIPs that it keeps. Return causes to refuse it.

    ``before`` is the former spec, empty for a new Service. What it does not name, it keeps.
    """
    spec = service["spec"]
    _keep(spec, before)
    is_headless = spec.get("clusterIP") == "None"
    is_bare = is_headless and not spec.get("selector")
    _default_policy(spec, before, _REQUIRE if is_bare else _SINGLE)
    if causes := [*_malformed(spec)]:
        return causes
    causes = [*_unclear(spec, before)]
    configured = [plan.api_name for plan in cluster]
    if not is_headless:
        causes += _infer_families(spec, configured)
    if causes:
        return causes
    causes = [] if is_bare else [*_unavailable(spec, configured)]
    if causes:
        return causes
    families = spec.setdefault("ipFamilies", [])
    families += [] if families else configured[:1]
    if spec["ipFamilyPolicy"] != _SINGLE and len(families) == 1:
        families += [family for family in (_KNOWN if is_bare else configured) if family not in families]
    return []


def _keep(spec: JsonObject, before: Mapping[str, Any]) -> None:
    """Take over the addresses and families that an update omits, and keep ``clusterIP`` and ``clusterIPs`` the same."""
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"], *before.get("clusterIPs", [])[1:]]
    for name in ("clusterIPs", "ipFamilies"):
        if not spec.get(name) and before.get(name):
            spec[name] = [*before[name]]
    if spec.get("clusterIPs"):
        spec["clusterIP"] = spec["clusterIPs"][0]


def _default_policy(spec: JsonObject, before: Mapping[str, Any], default: str) -> None:
    spec["ipFamilyPolicy"] = spec.get("ipFamilyPolicy") or before.get("ipFamilyPolicy") or default
    if spec["ipFamilyPolicy"] == _SINGLE:
        for name in ("clusterIPs", "ipFamilies"):
            if len(spec.get(name, ())) == 2 and spec[name] == before.get(name):
                del spec[name][1:]  # the policy says that the Service gives up its second family


def _malformed(spec: Mapping[str, Any]) -> Iterator[Cause]:
    """Yield what is wrong with the lists as such (``ValidateServiceClusterIPsRelatedFields``)."""
    families, addresses = spec.get("ipFamilies", []), spec.get("clusterIPs", [])
    for i, family in enumerate(families):
        if family not in _KNOWN:
            yield not_supported(f"spec.ipFamilies[{i}]", family, _KNOWN)
        if family in families[:i]:
            yield duplicate(f"spec.ipFamilies[{i}]", family)
    if "None" in addresses:
        if len(addresses) > 1:
            yield invalid("spec.clusterIPs", addresses, "'None' must be the first and only value")
        return
    versions = [ip_version(address) for address in addresses]
    if len(addresses) > 2:
        yield invalid("spec.clusterIPs", addresses, "may only hold up to 2 values")
    elif None not in versions and len(set(versions)) < len(versions):
        yield invalid("spec.clusterIPs", addresses, "may specify no more than one IP for each IP family")
    for i, (address, family) in enumerate(zip(addresses, families, strict=False)):
        if versions[i] and f"IPv{versions[i]}" != family and family in _KNOWN:
            words = f"expected an {family} value as indicated by `ipFamilies[{i}]`"
            yield invalid(f"spec.clusterIPs[{i}]", address, words)


def _unclear(spec: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Cause]:
    """Yield what does not fit the policy: more than a single stack has, or less than before."""
    policy, field = spec["ipFamilyPolicy"], "spec.ipFamilyPolicy"
    for name, many, one in (("clusterIPs", "cluster IPs", "cluster IP"), ("ipFamilies", "IP families", "IP family")):
        count = len(spec.get(name, ()))
        if policy == _SINGLE and count == 2:
            words = f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {many} are specified"
            yield invalid(field, policy, words)
        if policy != _SINGLE and 0 < count < len(before.get(name, ())):
            yield invalid(field, policy, f"must be 'SingleStack' to release the secondary {one}")


def _infer_families(spec: JsonObject, configured: Sequence[str]) -> Iterator[Cause]:
    """Add the families of requested addresses that no family stands for. Yield those that the cluster lacks."""
    addresses, families = spec.get("clusterIPs", []), spec.setdefault("ipFamilies", [])
    for i in range(len(families), len(addresses)):
        version = ip_version(addresses[i])
        if version is None:
            return  # validation reports it
        if f"IPv{version}" in configured:
            families.append(f"IPv{version}")
        else:
            yield invalid(f"spec.clusterIPs[{i}]", addresses, f"IPv{version} is not configured on this cluster")


def _unavailable(spec: Mapping[str, Any], configured: Sequence[str]) -> Iterator[Cause]:
    """Yield what the cluster does not have."""
    if spec["ipFamilyPolicy"] == _REQUIRE and len(configured) < 2:
        yield invalid("spec.ipFamilyPolicy", _REQUIRE, "this cluster is not configured for dual-stack services")
    for i, family in enumerate(spec.get("ipFamilies", ())):
        if family not in configured:
            yield invalid(f"spec.ipFamilies[{i}]", family, "not configured on this cluster")
