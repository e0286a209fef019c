"""Which node a pod goes to: the nodes that it can run on, and the best of them.

Implements the filters of kube-scheduler that depend on what the cluster models, with its messages; resources other than
the number of pods are not counted. Among the nodes that remain, preferences decide, then an even spread. Pure.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address, ip_network

from netpol_harness.emulator.controllers.node_admission import prefers, selects, untolerated
from netpol_harness.emulator.kubelet.addresses import AddressUnavailable
from netpol_harness.emulator.kubelet.host_ports import NoFreePorts, require_free_ports
from netpol_harness.emulator.kubelet.podspec import chosen_addresses
from netpol_harness.emulator.pod import is_external_host
from netpol_harness.emulator.scheduler.affinity import (
    AFFINITY,
    ANTI_AFFINITY,
    Cluster,
    is_first_of_its_kind,
    is_near,
    is_repelled,
    preferred_terms,
    required_terms,
    skews,
)
from netpol_harness.model.json_object import JsonMapping


class Unschedulable(Exception):
    """No node can run the pod. The message is kube-scheduler's."""


def choose(pod: JsonMapping, cluster: Cluster) -> str:
    """Return the name of the node for the pod. Raises ``Unschedulable``.

    A pod that stands for a host outside of the cluster has no wishes, and is looked after by the first node.
    """
    if is_external_host(pod):
        return str(cluster.nodes[0]["metadata"]["name"])
    obstacles = [obstacle(pod, node, cluster) for node in cluster.nodes]
    fitting = [node for node, problem in zip(cluster.nodes, obstacles, strict=True) if not problem]
    if not fitting:
        raise Unschedulable(_summary(obstacles))
    best = max(fitting, key=lambda node: _score(pod, node, cluster))  # the first of equals
    return str(best["metadata"]["name"])


def obstacle(pod: JsonMapping, node: JsonMapping, cluster: Cluster) -> str:
    """Return why the pod cannot run on the node, in kube-scheduler's words; empty if it can."""
    return _of_node(pod, node, _pods_on(node, cluster)) or _of_pods(pod, node, cluster)


def _of_node(pod: JsonMapping, node: JsonMapping, others: Sequence[JsonMapping]) -> str:
    spec = pod["spec"]
    if taint := untolerated(node, spec.get("tolerations") or ()):
        if taint["key"] == "node.kubernetes.io/unschedulable":
            return "node(s) were unschedulable"
        return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value') or ''}}}"
    if not selects(node, spec):
        return "node(s) didn't match Pod's node affinity/selector"
    if not _has_addresses(node, pod):
        return "node(s) didn't have the addresses that the pod chooses"
    try:
        require_free_ports(pod, others)
    except NoFreePorts:
        return "node(s) didn't have free ports for the requested pod ports"
    networked = sum(not other["spec"].get("hostNetwork") for other in others)
    is_full = not spec.get("hostNetwork") and networked >= int(node["status"]["allocatable"]["pods"])
    return "Too many pods" if is_full else ""


def _has_addresses(node: JsonMapping, pod: JsonMapping) -> bool:
    """Return whether the pod's chosen addresses are of the node's ranges. The kubelet reports malformed ones."""
    ranges = [ip_network(cidr) for cidr in node["spec"]["podCIDRs"]]
    with suppress(AddressUnavailable, ValueError):
        return all(any(ip_address(text) in own for own in ranges) for text in chosen_addresses(pod))
    return True


def _of_pods(pod: JsonMapping, node: JsonMapping, cluster: Cluster) -> str:
    if any(skew > constraint["maxSkew"] for constraint, skew in skews(pod, node, cluster, hard=True)):
        return "node(s) didn't match pod topology spread constraints"
    for term in required_terms(pod, AFFINITY):
        if not is_near(term, pod, node, cluster) and not is_first_of_its_kind(pod, term, cluster):
            return "node(s) didn't match pod affinity rules"
    if any(is_near(term, pod, node, cluster) for term in required_terms(pod, ANTI_AFFINITY)):
        return "node(s) didn't match pod anti-affinity rules"
    return "node(s) didn't satisfy existing pods anti-affinity rules" if is_repelled(pod, node, cluster) else ""


def _score(pod: JsonMapping, node: JsonMapping, cluster: Cluster) -> tuple[int, int, int, int]:
    """Return the sum of the weights that the node meets, and then fewer skewed, related and other pods."""
    weights = prefers(node, pod["spec"])
    weights += sum(weight for weight, term in preferred_terms(pod, AFFINITY) if is_near(term, pod, node, cluster))
    weights -= sum(weight for weight, term in preferred_terms(pod, ANTI_AFFINITY) if is_near(term, pod, node, cluster))
    skew = sum(skew for _, skew in skews(pod, node, cluster, hard=False))
    others = _pods_on(node, cluster)
    related = sum(_owner(other) == _owner(pod) for other in others) if _owner(pod) else 0
    return weights, -skew, -related, -len(others)


def _pods_on(node: JsonMapping, cluster: Cluster) -> list[JsonMapping]:
    name = node["metadata"]["name"]
    return [pod for pod in cluster.pods if pod["spec"]["nodeName"] == name]


def _owner(pod: JsonMapping) -> str:
    return next((str(owner["uid"]) for owner in pod["metadata"].get("ownerReferences") or ()), "")


def _summary(obstacles: Sequence[str]) -> str:
    counted = sorted(f"{number} {problem}" for problem, number in Counter(obstacles).items())
    return f"0/{len(obstacles)} nodes are available: {', '.join(counted)}."
