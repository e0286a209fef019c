"""Misread names of ports: whose pods they are looked up in, and what a name that nobody has means."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from netpol_harness.emulator.faults.mutant import Mutant, WorldFault
from netpol_harness.emulator.faults.rewriting import with_rules
from netpol_harness.model.names import Direction, NamespacedName
from netpol_harness.model.objects import Pod, World
from netpol_harness.model.policy import NetworkPolicy, PodPeer, PolicyPort, Rule

RuleRewrite = Callable[[Rule, NetworkPolicy, World], Rule]


def _by_policy(rewrite: RuleRewrite, direction: Direction) -> WorldFault:
    """Replace every rule in this direction, given its policy and the world."""

    def rewritten(policy: NetworkPolicy, now: World) -> NetworkPolicy:
        return with_rules(policy, {direction: tuple(rewrite(rule, policy, now) for rule in policy.rules(direction))})

    return lambda now, _: replace(now, policies=tuple(rewritten(policy, now) for policy in now.policies))


def _all_ports_if_no_peer_has_them(rule: Rule, policy: NetworkPolicy, now: World) -> Rule:
    names = [port for port in rule.ports or () if isinstance(port.port, str)]
    peers = [pod for pod in now.pods.values() if _is_peer(pod, rule, policy, now)]
    if not names or len(names) != len(rule.ports or ()) or not peers:
        return rule
    return rule if any(_numbers(port, peers) for port in names) else replace(rule, ports=None)


def _is_peer(pod: Pod, rule: Rule, policy: NetworkPolicy, now: World) -> bool:
    return any(_selects(peer, pod, policy, now) for peer in rule.peers or () if isinstance(peer, PodPeer))


def _selects(peer: PodPeer, pod: Pod, policy: NetworkPolicy, now: World) -> bool:
    if peer.pods is not None and not peer.pods.matches(pod.labels):
        return False
    if peer.namespaces is None:
        return pod.ref.namespace == policy.ref.namespace
    namespace = now.namespaces.get(pod.ref.namespace)
    return namespace is not None and peer.namespaces.matches(namespace.labels)


def _numbers_in_own_namespace(rule: Rule, policy: NetworkPolicy, now: World) -> Rule:
    if rule.peers is not None or rule.ports is None:
        return rule
    pods = [pod for pod in now.pods.values() if pod.ref.namespace == policy.ref.namespace]
    return replace(rule, ports=tuple(new for port in rule.ports for new in _resolved(port, pods)))


def _resolved(port: PolicyPort, pods: Iterable[Pod]) -> Iterable[PolicyPort]:
    if not isinstance(port.port, str):
        return [port]
    return [replace(port, port=number) for number in sorted(_numbers(port, pods))]


def _numbers(port: PolicyPort, pods: Iterable[Pod]) -> frozenset[int]:
    return frozenset(number for pod in pods for number in pod.numbers(str(port.port), port.protocol))


def _joined_by_a_port(now: World, _: World) -> World:
    """Give a pod all named ports of the first pod of its namespace with which it has a port in common.

    A port without a name counts, too: it has the empty name.
    """
    pods: dict[NamespacedName, Pod] = {}
    for ref in sorted(now.pods):
        pod = now.pods[ref]
        earlier = [other for other in pods.values() if other.ref.namespace == ref.namespace]
        first = next((other for other in earlier if _shares_a_port(pod, other)), pod)
        more = tuple(port for port in first.ports if port.name and port not in pod.ports)
        pods[ref] = replace(pod, ports=(*pod.ports, *more))
    return replace(now, pods=pods)


def _shares_a_port(pod: Pod, other: Pod) -> bool:
    return any(port in other.ports for port in pod.ports)


MUTANTS = (
    Mutant(
        "named-port-of-no-peer-opens-all",
        "An egress rule with named ports only, which none of its peers has, opens every port of them.",
        ("namedport-protocol-mismatch", "egress_namespaces"),
        world=_by_policy(_all_ports_if_no_peer_has_them, Direction.EGRESS),
    ),
    Mutant(
        "named-port-joined-by-another-name",
        "A pod is admitted on the named ports of another one with which it has a different port in common.",
        ("named_ports_differ",),
        world=_joined_by_a_port,
    ),
    Mutant(
        "named-port-without-peers-means-own-namespace",
        "A named port in an egress rule without peers opens, everywhere, the numbers of the policy's own namespace.",
        ("namedport-egress-without-to",),
        world=_by_policy(_numbers_in_own_namespace, Direction.EGRESS),
    ),
)
