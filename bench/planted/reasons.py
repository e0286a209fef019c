"""Why a mutant is not found: what the worlds of `netpol fuzz` do not have."""

_BY_NAME = {
    "kube-system-always-admitted": "no path leads to the pods of kube-system",
    "dns-dropped-beside-policies": "no path leads to the name server",
    "host-network-isolated": "no pod is on the node's network",
    "policy-delete-cuts-connections": "no connection is held open over a change",
    "policy-delete-leaves-udp-flows": "no datagrams are sent from the same port before and after a change",
    "completed-pod-still-counts": "no pod completes",
    "recreated-namespace-has-no-labels": "no namespace is deleted",
}
_BY_PREFIX = {
    "cnp-": "worlds have no ClusterNetworkPolicies",
    "domain-": "worlds have no ClusterNetworkPolicies, and so no names outside the cluster",
}
_BY_PART = {"window": "paths are probed when a step has settled, and the fault is over then"}


def reason(mutant: str) -> str:
    """Return the reason, empty if there is none but chance."""
    prefixes = (text for prefix, text in _BY_PREFIX.items() if mutant.startswith(prefix))
    parts = (text for part, text in _BY_PART.items() if part in mutant)
    return _BY_NAME.get(mutant) or next(prefixes, "") or next(parts, "the worlds of these minutes do not show it")


def is_drawn(mutant: str) -> bool:
    """Return whether worlds may show it at all."""
    return not mutant.startswith(tuple(_BY_PREFIX))
