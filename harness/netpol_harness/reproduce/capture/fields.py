"""The fields of policies that a capture keeps: those that the API gives a meaning for connections, and no others. Pure.

A list of what is kept, not of what is dropped: a field that a later version of an API adds may hold anything.
"""

from collections.abc import Callable, Mapping
from typing import Any

Keep = Callable[[Any], Any]
"""Returns the part of a value that is kept; ``None`` if nothing is."""


def scalar(value: Any) -> Any:
    """Keep a string or a number."""
    return value if isinstance(value, str | int) else None


def texts(value: Any) -> Any:
    """Keep the keys and values of a mapping of strings, such as labels."""
    if not isinstance(value, Mapping):
        return None
    return {key: text for key, text in value.items() if isinstance(key, str) and isinstance(text, str)}


def each(keep: Keep) -> Keep:
    """Keep every item of a list. A null item is an empty one, as in rules, where both match everything."""

    def kept(value: Any) -> Any:
        return [{} if item is None else keep(item) for item in value] if isinstance(value, list) else None

    return kept


def fields(**shapes: Keep) -> Keep:
    """Keep these fields of a mapping, as far as it has them. A trailing ``_`` of a name is not part of the field."""
    named = {name.rstrip("_"): keep for name, keep in shapes.items()}

    def kept(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return None
        return {name: keep(value[name]) for name, keep in named.items() if value.get(name) is not None}

    return kept


_SELECTOR = fields(matchLabels=texts, matchExpressions=each(fields(key=scalar, operator=scalar, values=each(scalar))))
_PEER = fields(podSelector=_SELECTOR, namespaceSelector=_SELECTOR, ipBlock=fields(cidr=scalar, except_=each(scalar)))
_PORT = fields(protocol=scalar, port=scalar, endPort=scalar)
NETWORK_POLICY_SPEC = fields(
    podSelector=_SELECTOR,
    policyTypes=each(scalar),
    ingress=each(fields(from_=each(_PEER), ports=each(_PORT))),
    egress=each(fields(to=each(_PEER), ports=each(_PORT))),
)
"""NetworkPolicySpec of networking.k8s.io/v1."""

_PODS = fields(namespaceSelector=_SELECTOR, podSelector=_SELECTOR)
_NUMBERS = fields(number=scalar, range=fields(start=scalar, end=scalar))
_TRANSPORT = fields(destinationPort=_NUMBERS)
_PROTOCOL = fields(tcp=_TRANSPORT, udp=_TRANSPORT, sctp=_TRANSPORT, destinationNamedPort=scalar)
_CLUSTER_PEER = fields(
    namespaces=_SELECTOR, pods=_PODS, nodes=_SELECTOR, networks=each(scalar), domainNames=each(scalar)
)
_ACTION = {"action": scalar, "name": scalar, "protocols": each(_PROTOCOL)}
CLUSTER_POLICY_SPEC = fields(
    tier=scalar,
    priority=scalar,
    subject=fields(namespaces=_SELECTOR, pods=_PODS),
    ingress=each(fields(from_=each(_CLUSTER_PEER), **_ACTION)),
    egress=each(fields(to=each(_CLUSTER_PEER), **_ACTION)),
)
"""ClusterNetworkPolicySpec of policy.networking.k8s.io/v1alpha2."""

_WORDS = (
    # What they select
    "appliedTo applyOnForward endpointSelector enableDefaultDeny externalEntitySelector namespaces namespaceSelector "
    "nodeSelector podSelector pods priority selector serviceAccountSelector serviceAccounts subject tier order types "
    "policyTypes preDNAT doNotTrack defaultAction performanceMode matchExpressions key operator values value "
    # Their rules
    "action ingress egress ingressDeny egressDeny from to icmp icmps icmpType icmpCode notICMP type code ipVersion "
    "protocol protocols notProtocol ports port endPort notPorts name portNumber portRange namedPort start end "
    "toPorts fields family sourcePort sourceEndPort rules spec specs source destination "
    # Their peers
    "cidr cidrs cidrSelector cidrGroupRef except ipBlock ipBlocks nets notNets networks nodes notSelector group fqdn "
    "domainNames domains names namespace match scope fromCIDR fromCIDRSet fromEndpoints fromEntities fromRequires "
    "fromNodes toCIDR toCIDRSet toEndpoints toEntities toRequires toNodes toFQDNs toServices toGroups matchName "
    "matchPattern k8sService serviceName k8sServiceSelector services service sameLabels "
    "namespacesSelector principals notPrincipals notNamespaces notIpBlocks remoteIpBlocks mtls mode"
)
_FOREIGN = frozenset(_WORDS.split())
_LABELS = ("matchLabels",)


def foreign(value: Any) -> Any:
    """Keep what the policies of Calico, Cilium, Antrea, OVN-Kubernetes and service meshes select and admit.

    Conditions on requests (headers, tokens, paths) are not kept: their values may be secret.
    """
    if isinstance(value, Mapping):
        return {
            key: texts(item) if key in _LABELS else foreign(item)
            for key, item in value.items()
            if key in _FOREIGN or key in _LABELS
        }
    if isinstance(value, list):
        return [foreign(item) for item in value]
    return value if isinstance(value, str | int | float) else None


def dropped_fields(before: Any, after: Any, path: str = "") -> list[str]:
    """Return the paths of the fields that were not kept, such as ``ingress[0].when``; null fields do not count."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        missing = [
            f"{path}.{key}".lstrip(".") for key, value in before.items() if value is not None and key not in after
        ]
        inner = (dropped_fields(before[key], value, f"{path}.{key}") for key, value in after.items())
        return [*missing, *(found for part in inner for found in part)]
    if isinstance(before, list) and isinstance(after, list):
        pairs = enumerate(zip(before, after, strict=True))
        return [found for n, (old, new) in pairs for found in dropped_fields(old, new, f"{path}[{n}]")]
    return []
