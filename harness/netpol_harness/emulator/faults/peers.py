"""Peers misread (networking.k8s.io/v1 NetworkPolicyPeer): AND, OR, whose pods, and who is no pod."""

from dataclasses import replace

from netpol_harness.emulator.faults.mutant import Mutant
from netpol_harness.emulator.faults.rewriting import (
    EVERYTHING,
    Rules,
    peer_lists,
    pod_peers,
    rule_lists,
    rules,
)
from netpol_harness.model.policy import Peer, PodPeer, Rule

_ALL_PODS = PodPeer(EVERYTHING, None)


def _apart(peer: PodPeer) -> list[Peer]:
    """Both selectors of an entry as entries of their own."""
    halves = [PodPeer(peer.namespaces, None), PodPeer(None, peer.pods)]
    return [half for half in halves if half.namespaces or half.pods]


def _together(peers: tuple[Peer, ...]) -> list[Peer]:
    """An entry with one selector and a next one with the other are one."""
    read: list[Peer] = []
    for peer in peers:
        last = read[-1] if read else None
        if isinstance(peer, PodPeer) and isinstance(last, PodPeer) and _halves(last, peer):
            read[-1] = PodPeer(last.namespaces or peer.namespaces, last.pods or peer.pods)
        else:
            read.append(peer)
    return read


def _halves(one: PodPeer, other: PodPeer) -> bool:
    """Whether one gives namespaces alone, and the other pods alone."""
    return {(p.namespaces is None, p.pods is None) for p in (one, other)} == {(True, False), (False, True)}


def _is_namespace(peer: Peer) -> bool:
    return isinstance(peer, PodPeer) and peer.pods is None


def _is_all_pods(peer: Peer) -> bool:
    return isinstance(peer, PodPeer) and peer.namespaces == EVERYTHING and peer.pods in (None, EVERYTHING)


def _everyone_if_all_pods(rule: Rule) -> list[Rule]:
    return [replace(rule, peers=None) if any(map(_is_all_pods, rule.peers or ())) else rule]


def _or(rule: Rule) -> list[Rule]:
    return [Rule(rule.peers, None), Rule(None, rule.ports)] if rule.peers is not None and rule.ports else [rule]


def _joined(listed: Rules) -> list[Rule]:
    """A rule with peers alone and the next with ports alone are one rule."""
    read: list[Rule] = []
    for rule in listed:
        if read and read[-1].ports is None and rule.peers is None and rule.ports:
            read[-1] = Rule(read[-1].peers, rule.ports)
        else:
            read.append(rule)
    return read


MUTANTS = (
    Mutant(
        "and-read-as-or",
        "An entry with namespaceSelector and podSelector admits what either selects.",
        ("ns-and-pod-selector-treated-as-or",),
        world=pod_peers(_apart),
    ),
    Mutant(
        "and-matches-nobody",
        "An entry with namespaceSelector and podSelector admits nobody.",
        ("ns-and-pod-selector-blocks-everyone",),
        world=pod_peers(lambda peer: [peer] if peer.namespaces is None or peer.pods is None else []),
    ),
    Mutant(
        "or-read-as-and",
        "A namespaceSelector and a podSelector in two entries are read as one entry with both.",
        ("two-from-entries-namespace-half-lost",),
        world=peer_lists(_together),
    ),
    Mutant(
        "namespace-half-lost",
        "Beside other peers, an entry that is a namespaceSelector alone admits nobody.",
        ("two-from-entries-namespace-half-lost",),
        world=peer_lists(lambda peers: [p for p in peers if len(peers) == 1 or not _is_namespace(p)]),
    ),
    Mutant(
        "only-the-first-peer",
        "Of several peers of a rule only the first counts.",
        ("two-from-entries-namespace-half-lost", "example-policy-ipblock-plus-selectors"),
        world=peer_lists(lambda peers: peers[:1]),
    ),
    Mutant(
        "pod-selector-across-namespaces",
        "A podSelector alone selects pods of every namespace.",
        ("two-from-entries-namespace-half-lost", "own_namespace_only"),
        world=pod_peers(lambda peer: [replace(peer, namespaces=peer.namespaces or EVERYTHING)]),
    ),
    Mutant(
        "namespace-selector-means-own-namespace",
        "A namespaceSelector is passed over: only pods of the policy's own namespace are admitted.",
        ("two-from-entries-namespace-half-lost",),
        world=pod_peers(lambda peer: [PodPeer(None, peer.pods or EVERYTHING)]),
    ),
    Mutant(
        "pod-selector-lost-beside-namespaces",
        "An entry with namespaceSelector and podSelector admits the whole namespace.",
        ("ns-and-pod-selector-treated-as-or", "namespace-label-change-with-podselector"),
        world=pod_peers(lambda peer: [peer if peer.namespaces is None else PodPeer(peer.namespaces, None)]),
    ),
    Mutant(
        "without-peers-means-nobody",
        "A rule that names no peers admits nobody.",
        ("ingress-empty-list-vs-missing-vs-empty-rule", "peers-item-and-ports-item-are-two-rules"),
        world=rules(lambda rule: [] if rule.peers is None else [rule]),
    ),
    Mutant(
        "without-peers-means-pods",
        "A rule that names no peers admits pods only, and nobody from outside.",
        ("empty-rule-vs-empty-selectors-external",),
        world=rules(lambda rule: [replace(rule, peers=(_ALL_PODS,)) if rule.peers is None else rule]),
    ),
    Mutant(
        "all-pods-means-everyone",
        "namespaceSelector {} admits hosts outside the cluster, too.",
        ("empty-rule-vs-empty-selectors-external",),
        world=rules(_everyone_if_all_pods),
    ),
    Mutant(
        "peers-or-ports",
        "A rule admits its peers on every port, and everyone on its ports.",
        ("peers-item-and-ports-item-are-two-rules",),
        world=rules(_or),
    ),
    Mutant(
        "two-rules-read-as-one",
        "A rule with peers alone and a next one with ports alone are read as one rule.",
        ("peers-item-and-ports-item-are-two-rules",),
        world=rule_lists(_joined),
    ),
)
