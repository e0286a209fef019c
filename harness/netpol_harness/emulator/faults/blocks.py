"""Misread address blocks (networking.k8s.io/v1 IPBlock): ranges, and the exceptions from them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_network

from netpol_harness.emulator.dataplane.selection import PodIndex
from netpol_harness.emulator.faults.mutant import Mutant
from netpol_harness.emulator.faults.rewriting import Rules, blocks, rule_lists, rules
from netpol_harness.model.names import Direction
from netpol_harness.model.objects import World
from netpol_harness.model.policy import IPBlock, Network, NetworkPolicy, Peer, Rule

_WIDE = {4: 24, 6: 64}


def _blocks(entries: Iterable[Rule]) -> Iterator[IPBlock]:
    return (peer for rule in entries for peer in rule.peers or () if isinstance(peer, IPBlock))


def _excepts(entries: Iterable[Rule]) -> tuple[Network, ...]:
    return tuple(network for block in _blocks(entries) for network in block.excepts)


def _minus(rule: Rule, excepts: tuple[Network, ...]) -> Rule:
    if rule.peers is None:
        return rule
    return replace(
        rule, peers=tuple(_with_excepts(peer, excepts) if isinstance(peer, IPBlock) else peer for peer in rule.peers)
    )


def _with_excepts(block: IPBlock, excepts: tuple[Network, ...]) -> IPBlock:
    return replace(block, excepts=(*block.excepts, *excepts))


def _excepted_for_all_policies(now: World, before: World) -> World:
    """Subtract the exceptions of one policy from the blocks of every policy of its namespace."""

    def rewritten(policy: NetworkPolicy, direction: Direction) -> Rules:
        siblings = [p for p in now.policies if p.ref.namespace == policy.ref.namespace]
        excepts = _excepts(rule for sibling in siblings for rule in sibling.rules(direction))
        return tuple(_minus(rule, excepts) for rule in policy.rules(direction))

    return replace(
        now,
        policies=tuple(
            replace(p, ingress=rewritten(p, Direction.INGRESS), egress=rewritten(p, Direction.EGRESS))
            for p in now.policies
        ),
    )


def _excepted_for_pods(now: World, _: World) -> World:
    """Drop pods that a selector admits if a block of the same rule excepts their addresses."""
    pods = PodIndex(now, [pod for pod in now.pods.values() if pod.running])

    def rewritten(policy: NetworkPolicy, rule: Rule) -> Rule:
        excepts = _excepts([rule])
        if not excepts:
            return rule
        return replace(rule, peers=tuple(new for peer in rule.peers or () for new in remaining(policy, peer, excepts)))

    def remaining(policy: NetworkPolicy, peer: Peer, excepts: tuple[Network, ...]) -> Iterator[Peer]:
        if isinstance(peer, IPBlock):
            yield peer
            return
        for address in map(ip_address, sorted(pods.addresses(pods.peers(peer, policy.ref.namespace)))):
            if not any(address in network for network in excepts):
                yield IPBlock(ip_network(address))

    return replace(
        now,
        policies=tuple(
            replace(
                policy,
                ingress=tuple(rewritten(policy, rule) for rule in policy.ingress),
                egress=tuple(rewritten(policy, rule) for rule in policy.egress),
            )
            for policy in now.policies
        ),
    )


def _leaking(entries: Rules) -> Iterator[Rule]:
    excepts = _excepts(entries)
    return (_minus(rule, excepts) for rule in entries)


def _with_ports_of_the_whole(entries: Rules) -> Iterator[Rule]:
    """Open a block on every port if it lies inside a larger one that another rule opens on every port."""
    whole = tuple(_blocks(rule for rule in entries if rule.ports is None))
    for rule in entries:
        yield rule
        inner = tuple(block for block in _blocks([rule]) if any(_inside(block.cidr, other.cidr) for other in whole))
        if rule.ports and inner:
            yield Rule(inner, None)


def _inside(network: Network, other: Network) -> bool:
    """Return whether ``network`` is a proper part of ``other``."""
    return network.version == other.version and network.prefixlen > other.prefixlen and network[0] in other


def _ported_first(entries: Rules) -> Iterator[Rule]:
    """Of rules for the same block, those with ports hide those without."""
    ported = {block.cidr for block in _blocks(rule for rule in entries if rule.ports)}
    for rule in entries:
        if rule.ports is None and rule.peers is not None:
            remaining = [peer for peer in rule.peers if not isinstance(peer, IPBlock) or peer.cidr not in ported]
            yield replace(rule, peers=tuple(remaining))
        else:
            yield rule


def _without_blocks(rule: Rule) -> Rule:
    selecting = tuple(peer for peer in rule.peers or () if not isinstance(peer, IPBlock))
    return replace(rule, peers=selecting) if selecting else rule


def _widened(block: IPBlock) -> list[Peer]:
    wide = _WIDE[block.cidr.version]
    return [replace(block, cidr=block.cidr.supernet(new_prefix=wide)) if block.cidr.prefixlen > wide else block]


def _frozen_by_ipv6(now: World, before: World) -> World:
    """Keep the policies unchanged for as long as one of them has an IPv6 block."""
    entries = (rule for policy in now.policies for rule in (*policy.ingress, *policy.egress))
    stuck = any(block.cidr.version == 6 for block in _blocks(entries))
    return replace(now, policies=before.policies) if stuck else now


MUTANTS = (
    Mutant(
        "except-ignored",
        "An except is ignored.",
        ("except-ignored",),
        world=blocks(lambda block: [replace(block, excepts=())]),
    ),
    Mutant(
        "only-the-first-except",
        "Of several excepts only the first counts.",
        ("except-leaks-into-other-rule",),
        world=blocks(lambda block: [replace(block, excepts=block.excepts[:1])]),
    ),
    Mutant(
        "except-as-deny",
        "The exceptions of one policy are subtracted from the ipBlocks of all policies.",
        ("except-implemented-as-deny",),
        world=_excepted_for_all_policies,
    ),
    Mutant(
        "except-leaks-into-other-rule",
        "The exceptions of one rule are subtracted from the ipBlocks of the policy's other rules.",
        ("except-leaks-into-other-rule",),
        world=rule_lists(_leaking),
    ),
    Mutant(
        "except-cuts-selected-pods",
        "The exceptions of an ipBlock also apply to pods that other peers of the rule select.",
        ("except-cuts-selector-peer",),
        world=_excepted_for_pods,
    ),
    Mutant(
        "ports-of-the-whole-range",
        "A block for some ports is open on all ports that another rule opens for a larger block, even in its excepts.",
        ("except-overlaps-port-allow",),
        world=rule_lists(_with_ports_of_the_whole),
    ),
    Mutant(
        "all-ports-lost-to-some-ports",
        "A block that is admitted on every port is limited to the ports that another rule names for it.",
        ("same-cidr-all-ports-lost-to-port-rule",),
        world=rule_lists(_ported_first),
    ),
    Mutant(
        "block-widened",
        "A block narrower than /24 admits the whole /24 around it.",
        ("rules-cross-product", "egress_to_a_block"),
        world=blocks(_widened),
    ),
    Mutant(
        "block-of-everything-admits-nobody",
        "0.0.0.0/0 admits nothing: the address set cannot hold it.",
        ("allow-all-opens-tcp-only", "except-cuts-selector-peer"),
        world=blocks(lambda block: [block] if block.cidr.prefixlen else []),
    ),
    Mutant(
        "block-lost-beside-selectors",
        "An ipBlock beside selectors in one list of peers admits nothing.",
        ("example-policy-ipblock-plus-selectors",),
        world=rules(lambda rule: [_without_blocks(rule)]),
    ),
    Mutant(
        "ipv6-block-stops-everything",
        "From the first IPv6 ipBlock on, no change of policies takes effect.",
        ("ipv6-ipblock-stops-ipv4-sync",),
        world=_frozen_by_ipv6,
    ),
)
