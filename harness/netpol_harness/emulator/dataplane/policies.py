"""Policies as chains: the verdict on each packet of the original direction of a connection.

One base chain judges egress, then ingress. Every pod has a chain for each direction, found by its address. That chain
is empty unless some policy applies to the pod. It jumps to the ClusterNetworkPolicies of the Admin tier, which are
final if they accept or drop. If a NetworkPolicy isolates the pod, it then jumps to the chains of the NetworkPolicies
that select the pod, and drops packets that none of them has marked as admitted. Else it jumps to the Baseline tier.

Why marks: a verdict of a policy chain cannot say "admitted, continue". ``accept`` would skip the other direction, and
``return`` leads back to the pod's chain. One base chain per direction could say it, but a packet reads the generation
of the rules once in each base chain, so it slips through when a denial moves from one direction to the other: measured,
ten packets in a thousand changes under a flood. With marks, none.

Invariant: policies change rules only, and a packet sees the rules of both directions as of one moment. The maps contain
pods only.

Implements networking.k8s.io/v1 NetworkPolicySpec. Left open by the API and decided here: replies and related errors
pass; a pod reaches itself through its Service unless a ClusterNetworkPolicy denies it; pods on the host's network are
neither subjects nor peers. Traffic between a pod and its node meets no policy (it never enters the forward hook), with
one exception: a second base chain judges by ClusterNetworkPolicies what a pod sends to its own node, but for the
messages without which IPv6 has no neighbors. Each node judges the packets of its own pods. Pure.
"""

from collections.abc import Iterable, Mapping

from netpol_harness.emulator.dataplane.admission import PolicyConditions
from netpol_harness.emulator.dataplane.cluster_policies import ClusterConditions, TierChains
from netpol_harness.emulator.dataplane.conditions import PEER, SUBJECT, ConditionSets
from netpol_harness.emulator.dataplane.rules import Chain, IpVersion, NamedSet, Ruleset, identifier
from netpol_harness.emulator.dataplane.selection import PodIndex
from netpol_harness.model.cluster_policy import Tier
from netpol_harness.model.names import Direction
from netpol_harness.model.objects import World
from netpol_harness.model.policy import NetworkPolicy

_ORDER = (Direction.EGRESS, Direction.INGRESS)
_HOOK = "type filter hook forward priority 0; policy accept;"
_NODE_HOOK = "type filter hook input priority 0; policy accept;"
_NEIGHBORS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept"
_TO_NODE = "fib daddr type local return"
_CONTINUED = ("ct direction reply ct state established accept", "ct state related accept")


def policy_rules(world: World, node: str = "") -> Ruleset:
    """Return the chains and sets of all pods on a node, and of the policies that select some of them.

    An empty ``node`` is the only one.
    """
    pods = PodIndex(world, [pod for pod in world.pods.values() if pod.running and not pod.host_network])
    local = frozenset(ref for ref, pod in pods.pods.items() if node in ("", pod.node))
    sets = ConditionSets()
    conditions = PolicyConditions(pods, sets)
    chains: dict[str, Chain] = {}
    selecting: dict[tuple[str, Direction], list[str]] = {}
    for policy in sorted(world.policies, key=lambda policy: policy.ref):
        subjects = pods.addresses(pods.subjects(policy) & local)
        for direction in policy.directions if subjects else ():
            name = identifier("policy", policy.ref.namespace, policy.ref.name, direction.lower())
            chains[name] = _policy_chain(policy, direction, conditions)
            for address in subjects:
                selecting.setdefault((address, direction), []).append(name)
    tiers = TierChains(world, pods, local, ClusterConditions(world, pods, sets))
    return Ruleset({**chains, **tiers.chains}, sets.sets) | _pod_rules(sorted(pods.addresses(local)), selecting, tiers)


def pod_chain(address: str) -> str:
    """Return the name of a pod's chains at an address, without the direction. Names have no colons."""
    return identifier("pod", address.replace(":", "-"))


def _policy_chain(policy: NetworkPolicy, direction: Direction, conditions: PolicyConditions) -> Chain:
    matches = [match for rule in policy.rules(direction) for match in conditions.matches(policy, rule, direction)]
    rules = (f"{match} meta mark set 1 return".strip() for match in dict.fromkeys(matches))
    return Chain(("meta mark 1 return", *rules))


def _pod_rules(
    addresses: Iterable[str], selecting: Mapping[tuple[str, Direction], list[str]], tiers: TierChains
) -> Ruleset:
    """Return the base chains, the pods' chains, and the maps that lead from the former to the latter."""
    chains = {
        "forward": Chain((*_CONTINUED, *(rule for direction in _ORDER for rule in _dispatch(direction))), _HOOK),
        "input": Chain(
            (*_CONTINUED, _NEIGHBORS, *_dispatch(Direction.EGRESS)) if tiers.covers(Direction.EGRESS) else (),
            _NODE_HOOK,
        ),
    }
    elements: dict[str, dict[str, str]] = {_map(direction, family): {} for direction in _ORDER for family in IpVersion}
    for address in addresses:
        for direction in _ORDER:
            name = f"{pod_chain(address)}/{direction.lower()}"
            chains[name] = _pod_chain(address, direction, selecting.get((address, direction), ()), tiers)
            elements[_map(direction, IpVersion.of(address))][address] = f"jump {name}"
    maps = {
        _map(direction, family): NamedSet(f"{family.address_type} : verdict", elements[_map(direction, family)])
        for direction in _ORDER
        for family in IpVersion
    }
    return Ruleset(chains, maps)


def _dispatch(direction: Direction) -> tuple[str, ...]:
    """Return the rules that jump to the subject's chain of this direction."""
    jumps = (f"{f.header} {SUBJECT[direction]} vmap @{_map(direction, f)}" for f in IpVersion)
    return ("meta mark set 0", *jumps)


def _pod_chain(address: str, direction: Direction, policies: Iterable[str], tiers: TierChains) -> Chain:
    jumps = tuple(f"jump {name}" for name in policies)
    admin = tiers.jumps(address, direction, Tier.ADMIN)
    before = (*admin, "meta mark 1 return", "meta mark set 0") if admin else ()
    if not jumps:
        return Chain((*before, *tiers.jumps(address, direction, Tier.BASELINE)))
    if direction is Direction.EGRESS and tiers.covers(direction):
        before = (*before, _TO_NODE)
    itself = f"{IpVersion.of(address).header} {PEER[direction]} {address} return"
    return Chain((*before, itself, *jumps, "meta mark != 1 drop"))


def _map(direction: Direction, family: IpVersion) -> str:
    return f"pods/{direction.lower()}/{family.header}"
