"""Which pods policies can tell apart by their labels. Pure."""

from collections.abc import Iterable, Iterator, Set
from itertools import chain

from netpol_harness.model.cluster_policy import ClusterNetworkPolicy, PodSelection
from netpol_harness.model.labels import Labels, LabelSelector, Requirement
from netpol_harness.model.policy import NetworkPolicy, PodPeer


def pod_requirements(
    policies: Iterable[NetworkPolicy], cluster_policies: Iterable[ClusterNetworkPolicy] = ()
) -> frozenset[Requirement]:
    """Return all requirements of policies on the labels of pods, as their subjects and as peers."""
    own = (selector for policy in policies for selector in _pod_selectors(policy))
    tiers = (selection.pods for policy in cluster_policies for selection in _selections(policy))
    return frozenset(requirement for selector in chain(own, tiers) for requirement in selector.requirements)


def requirements_met(labels: Labels, requirements: Iterable[Requirement], keys: Set[str]) -> frozenset[Requirement]:
    """Return those of the requirements on these keys that hold for the labels of a pod."""
    return frozenset(r for r in requirements if r.key in keys and r.matches(labels))


def _pod_selectors(policy: NetworkPolicy) -> Iterator[LabelSelector]:
    yield policy.subject
    for direction in policy.directions:
        for rule in policy.rules(direction):
            peers = (peer for peer in rule.peers or () if isinstance(peer, PodPeer))
            yield from (peer.pods for peer in peers if peer.pods is not None)


def _selections(policy: ClusterNetworkPolicy) -> Iterator[PodSelection]:
    yield policy.subject
    for rule in (*policy.ingress, *policy.egress):
        yield from (peer for peer in rule.peers if isinstance(peer, PodSelection))
