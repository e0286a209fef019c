"""Changes of the peers of a ClusterNetworkPolicy's rule that make it match the other end of a connection. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

from netpol_harness.analysis.closeness import unmet_requirements
from netpol_harness.analysis.describe import describe_cluster_peer, describe_selector, natural_list
from netpol_harness.analysis.edits.missed_rules import MissedRule
from netpol_harness.analysis.edits.object_edit import Data
from netpol_harness.analysis.edits.repair import Repair, replaced
from netpol_harness.analysis.edits.selectors import corrected
from netpol_harness.analysis.edits.task import Task
from netpol_harness.model.cluster_policy import (
    ClusterPeer,
    DomainNames,
    Networks,
    NodeSelection,
    PodSelection,
    parse_selection,
)
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import PodPeer
from netpol_harness.oracle.mismatch import ClusterReason, NodeLabelMismatch, NotAPod
from netpol_harness.oracle.verdict import Host
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL

_MOST_PEERS = 25
"""How many peers a rule has at most (the API's schema)."""


def peer_repairs(missed: MissedRule, items: Sequence[Any]) -> Iterator[Repair]:
    """Yield the changes, or the list as it is if it has the other end."""
    written, reasons = [dict(item) for item in items], missed.refusal.peers
    if not reasons:
        yield Repair(written, "")
        return
    entries = [*enumerate(zip(missed.rule.peers, reasons, strict=True))]
    corrections = [repair for index, entry in entries for repair in _corrections(missed, written, index, *entry)]
    yield from corrections
    if not corrections and len(written) < _MOST_PEERS:
        yield from _addition(missed, written)


def _corrections(
    missed: MissedRule, items: list[dict[str, Any]], index: int, peer: ClusterPeer, reasons: Sequence[ClusterReason]
) -> Iterator[Repair]:
    """Yield one peer corrected. A peer that selects other pods is meant for them."""
    end, task = missed.task.peer, missed.task
    match peer:
        case PodSelection() if isinstance(end, Pod) and not end.host_network and missed.is_inert(peer):
            item = corrected_selection(task, items[index], reasons, end)
            wrong = natural_list([task.reason(reason) for reason in reasons])
            means, written = describe_cluster_peer(peer), describe_cluster_peer(parse_selection(item))
            text = f"means {means}, of which there are none; {wrong}: write {written}"
            yield replace(_with(missed, items, index, item, text), is_mistake=True)
        case Networks() if (address := _address(task)) and not _is_pod(end):
            text = f"lists {describe_cluster_peer(peer)}, not the address of {task.peer_name}: add {address} to it"
            yield _with(missed, items, index, {"networks": [*items[index]["networks"], address]}, text)
        case NodeSelection() if mismatches := [each for each in reasons if isinstance(each, NodeLabelMismatch)]:
            labels = task.draft.predictor.world.nodes[mismatches[0].node].labels
            right = corrected(items[index]["nodes"], labels, {})
            wrong, written = natural_list([*map(task.reason, reasons)]), describe_selector(LabelSelector.parse(right))
            text = f"means {describe_cluster_peer(peer)}; {wrong}: write nodes {written or 'of any labels'}"
            yield _with(missed, items, index, {"nodes": right}, text)
        case DomainNames() if name := task.flow.name:
            text = f"lists {describe_cluster_peer(peer)}, and {task.draft.names.end(task.flow.source)} looks up {name}"
            listed = [*items[index]["domainNames"], name]
            yield _with(missed, items, index, {"domainNames": listed}, f"{text}: add it")


def _addition(missed: MissedRule, items: list[dict[str, Any]]) -> Iterator[Repair]:
    """Yield the peers with one more for the other end."""
    item, task = cluster_peer(missed.task), missed.task
    if item is None:
        return
    described = natural_list([describe_cluster_peer(peer) for peer in missed.rule.peers], "or")
    are_hosts = any(isinstance(reason, NotAPod) for each in missed.refusal.peers for reason in each)
    if are_hosts and isinstance(task.peer, Host):
        text = f"selects pods, and {task.peer_name} is not a pod: add networks with its address"
    else:
        text = f"means {described}, not {task.peer_name}: add a peer for it"
    yield replace(_repair(missed, items, [*items, item], text), is_addition=True)


def cluster_peer(task: Task) -> dict[str, Any] | None:
    """Return a peer for the other end; ``None`` if rules of this direction cannot mean it."""
    match task.peer:
        case Pod(host_network=False) as pod:
            return {"pods": task.draft.selection.peer_of(pod, "")}
        case Host() if address := _address(task):
            return {"networks": [address]}
        case _:
            return None


def corrected_selection(task: Task, item: Data, reasons: Sequence[ClusterReason], pod: Pod) -> dict[str, Any]:
    """Return a subject or a peer, as in a manifest, with the selectors that do not match corrected for the pod."""
    spaces, pods = unmet_requirements(reasons)
    labels, own_name = (
        task.draft.selection.namespace_labels(pod.ref.namespace),
        {NAMESPACE_NAME_LABEL: pod.ref.namespace},
    )
    if item.get("namespaces") is not None:
        return {"namespaces": corrected(item["namespaces"], labels, own_name)}
    both = dict(item["pods"])
    if spaces:
        both["namespaceSelector"] = corrected(both.get("namespaceSelector"), labels, own_name)
    if pods:
        both["podSelector"] = corrected(both["podSelector"], pod.labels, task.draft.selection.identifying_labels(pod))
    return {"pods": both}


def _address(task: Task) -> str:
    """Return the block of the other end's address alone; empty if it is not known, or if rules have no networks."""
    if task.direction is Direction.INGRESS or not isinstance(task.peer, Host) or not task.peer.address:
        return ""
    return "" if ip_address(task.peer.address).is_link_local else str(ip_network(task.peer.address))


def _is_pod(end: Pod | Host | None) -> bool:
    return isinstance(end, Pod)


def _with(missed: MissedRule, items: list[dict[str, Any]], index: int, item: dict[str, Any], text: str) -> Repair:
    return _repair(missed, items, replaced(items, index, item), text)


def _repair(missed: MissedRule, before: list[dict[str, Any]], items: list[dict[str, Any]], text: str) -> Repair:
    new = _pods(missed.task, items) & ~_pods(missed.task, before)
    return Repair(items, text, max(0, missed.task.draft.selection.workloads(new) - 1))


def _pods(task: Task, items: Sequence[Data]) -> int:
    selected = 0
    for item in items:
        if item.keys() & {"namespaces", "pods"}:
            peer = parse_selection(item)
            selected |= task.draft.selection.peers(PodPeer(peer.namespaces, peer.pods), "")
    return selected
