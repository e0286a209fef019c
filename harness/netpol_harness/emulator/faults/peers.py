"""Misread peers (networking.k8s.io/v1 NetworkPolicyPeer): AND and OR, namespaces of pods, and hosts that
are not pods.
"""

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


def _split(peer: PodPeer) -> list[Peer]:
    """Split an entry with both selectors into two entries."""
    halves = [PodPeer(peer.namespaces, None), PodPeer(None, peer.pods)]
    return [half for half in halves if half.namespaces or half.pods]


def _merge(peers: tuple[Peer, ...]) -> list[Peer]:
    """Merge an entry with one selector and the next entry with the other."""
    merged: list[Peer] = []
    for peer in peers:
        last = merged[-1] if merged else None
        if isinstance(peer, PodPeer) and isinstance(last, PodPeer) and _halves(last, peer):
            merged[-1] = PodPeer(last.namespaces or peer.namespaces, last.pods or peer.pods)
        else:
            merged.append(peer)
    return merged


def _halves(first: PodPeer, second: PodPeer) -> bool:
    """Return whether one entry has a namespaceSelector only, and the other a podSelector only."""
    return {(p.namespaces is None, p.pods is None) for p in (first, second)} == {(True, False), (False, True)}


def _is_namespace(peer: Peer) -> bool:
    return isinstance(peer, PodPeer) and peer.pods is None


def _is_all_pods(peer: Peer) -> bool:
    return isinstance(peer, PodPeer) and peer.namespaces == EVERYTHING and peer.pods in (None, EVERYTHING)


def _everything_if_all_pods(rule: Rule) -> list[Rule]:
    return [replace(rule, peers=None) if any(map(_is_all_pods, rule.peers or ())) else rule]


def _or(rule: Rule) -> list[Rule]:
    return [Rule(rule.peers, None), Rule(None, rule.ports)] if rule.peers is not None and rule.ports else [rule]


def _merge_rules(entries: Rules) -> list[Rule]:
    """Merge a rule with peers only and the next rule with ports only."""
    merged: list[Rule] = []
    for rule in entries:
        if merged and merged[-1].ports is None and rule.peers is None and rule.ports:
            merged[-1] = Rule(merged[-1].peers, rule.ports)
        else:
            merged.append(rule)
    return merged


MUTANTS = (
    Mutant(
        "and-read-as-or",
        "An entry with namespaceSelector and podSelector admits what either selects.",
        ("ns-and-pod-selector-treated-as-or",),
        world=pod_peers(_split),
    ),
    Mutant(
        "and-matches-nobody",
        "An entry with namespaceSelector and podSelector admits nothing.",
        ("ns-and-pod-selector-blocks-everyone",),
        world=pod_peers(lambda peer: [peer] if peer.namespaces is None or peer.pods is None else []),
    ),
    Mutant(
        "or-read-as-and",
        "A namespaceSelector and a podSelector in two entries are read as one entry with both.",
        ("two-from-entries-namespace-half-lost",),
        world=peer_lists(_merge),
    ),
    Mutant(
        "namespace-half-lost",
        "Beside other peers, an entry with only a namespaceSelector admits nothing.",
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
        "An entry with only a podSelector selects pods of every namespace.",
        ("two-from-entries-namespace-half-lost", "own_namespace_only"),
        world=pod_peers(lambda peer: [replace(peer, namespaces=peer.namespaces or EVERYTHING)]),
    ),
    Mutant(
        "namespace-selector-means-own-namespace",
        "A namespaceSelector is ignored: only pods of the policy's own namespace are admitted.",
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
        "A rule without peers admits nothing.",
        ("ingress-empty-list-vs-missing-vs-empty-rule", "peers-item-and-ports-item-are-two-rules"),
        world=rules(lambda rule: [] if rule.peers is None else [rule]),
    ),
    Mutant(
        "without-peers-means-pods",
        "A rule without peers admits pods only, and no hosts outside the cluster.",
        ("empty-rule-vs-empty-selectors-external",),
        world=rules(lambda rule: [replace(rule, peers=(_ALL_PODS,)) if rule.peers is None else rule]),
    ),
    Mutant(
        "all-pods-means-everyone",
        "namespaceSelector {} also admits hosts outside the cluster.",
        ("empty-rule-vs-empty-selectors-external",),
        world=rules(_everything_if_all_pods),
    ),
    Mutant(
        "peers-or-ports",
        "A rule admits its peers on every port, and every source on its ports.",
        ("peers-item-and-ports-item-are-two-rules",),
        world=rules(_or),
    ),
    Mutant(
        "two-rules-read-as-one",
        "A rule with peers only and the next one with ports only are read as one rule.",
        ("peers-item-and-ports-item-are-two-rules",),
        world=rule_lists(_merge_rules),
    ),
)
