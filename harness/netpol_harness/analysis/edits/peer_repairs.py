"""Changes of a rule's ``from`` or ``to`` that make it admit the other end of a connection. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

from netpol_harness.analysis.closeness import unmet_requirements
from netpol_harness.analysis.describe import describe_peer, natural_list
from netpol_harness.analysis.edits.object_edit import Data
from netpol_harness.analysis.edits.repair import Repair, replaced
from netpol_harness.analysis.edits.selectors import corrected
from netpol_harness.analysis.edits.task import Task
from netpol_harness.model.names import Direction
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import PEERS_FIELD, IPBlock, NetworkPolicy, Peer, PodPeer, Rule, parse_peer
from netpol_harness.oracle.mismatch import InsideExcept, NotAPod, OutsideBlock, PeerReason
from netpol_harness.oracle.verdict import Host, Refusal
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL


class PeerRepairs:
    """The changes of one rule's peers."""

    def __init__(self, task: Task, policy: NetworkPolicy, rule: Rule, data: Data) -> None:
        self._task = task
        self._selection = task.draft.selection
        self._home = policy.ref.namespace
        self._peers = rule.peers or ()
        self._items: list[dict[str, Any]] = [dict(item) for item in data.get(PEERS_FIELD[task.direction]) or ()]

    def all(self, refusal: Refusal | None, uncertain: Iterable[int] = ()) -> Iterator[Repair]:
        """Yield the changes, or the list as it is if it admits the other end.

        ``uncertain`` are the indexes of ipBlocks of which it is open whether they match.
        """
        blocks = [repair for index in uncertain for repair in self._instead_of_block(index)]
        if refusal is None or not refusal.peers:
            yield from blocks or [Repair(self._items or None, "")]
            return
        entries = [*enumerate(zip(self._peers, refusal.peers, strict=True))]
        corrections = [repair for index, entry in entries for repair in self._corrections(index, *entry)]
        yield from corrections
        for index, (peer, _) in entries:
            yield from self._halves(index, peer)
        if not corrections:
            yield from self._addition(refusal.peers)

    def _corrections(self, index: int, peer: Peer, reasons: Sequence[PeerReason]) -> Iterator[Repair]:
        """Yield one peer corrected. A peer that selects other pods is meant for them."""
        for reason in reasons:
            if isinstance(reason, InsideExcept):
                yield self._without_except(index, reason)
            if isinstance(reason, OutsideBlock):
                yield from self._instead_of_block(index)
        end = self._task.peer
        if isinstance(peer, PodPeer) and isinstance(end, Pod) and not self._selection.peers(peer, self._home):
            yield replace(self._corrected(index, peer, reasons, end), is_mistake=True)

    def _corrected(self, index: int, peer: PodPeer, reasons: Sequence[PeerReason], end: Pod) -> Repair:
        item, namespace = dict(self._items[index]), end.ref.namespace
        spaces, pods = unmet_requirements(reasons)
        if spaces or (peer.namespaces is None and namespace != self._home):
            labels = self._selection.namespace_labels(namespace)
            own_name = {NAMESPACE_NAME_LABEL: namespace}
            item["namespaceSelector"] = corrected(item.get("namespaceSelector"), labels, own_name)
        if pods:
            item["podSelector"] = corrected(item["podSelector"], end.labels, self._selection.identifying_labels(end))
        if not spaces and not pods:
            text = f"selects pods of its own namespace {self._home}, and {self._task.peer_name} is in {namespace}"
            return self._with(index, item, f"{text}: add a namespaceSelector to the same peer")
        wrong = natural_list([self._task.reason(reason) for reason in reasons])
        means, written = (describe_peer(each, self._home) for each in (peer, parse_peer(item)))
        return self._with(index, item, f"means {means}, of which there are none; {wrong}: write {written}")

    def _halves(self, index: int, peer: Peer) -> Iterator[Repair]:
        """Yield a peer with both selectors as two peers, unless one of these would select everything."""
        if isinstance(peer, PodPeer) and all(s and s.requirements for s in (peer.namespaces, peer.pods)):
            halves = [{key: self._items[index][key]} for key in ("namespaceSelector", "podSelector")]
            text = "has both selectors in one peer, and both must match: with a '-' before each of them, either is"
            yield self._repair(replaced(self._items, index, *halves), f"{text} enough")

    def _without_except(self, index: int, reason: InsideExcept) -> Repair:
        block = self._items[index]["ipBlock"]
        kept = [text for text in block["except"] if ip_network(text, strict=False) != reason.network]
        item = {"ipBlock": {key: value for key, value in {**block, "except": kept}.items() if value}}
        return self._with(index, item, f"excepts {reason.network}, and {self._task.peer_name} is in it: remove it")

    def _instead_of_block(self, index: int) -> Iterator[Repair]:
        """Yield the peers with selectors for a pod in place of an ipBlock. One with addresses of hosts stays."""
        block, end = self._peers[index], self._task.peer
        if not isinstance(block, IPBlock) or not isinstance(end, Pod):
            return
        item, service = self._selection.peer_of(end, self._home), self._task.flow.through
        text = f"has the ipBlock {describe_peer(block, self._home)}, and plugins differ on whether ipBlocks mean pods"
        if self._task.is_for_hosts(block):
            yield self._repair([*self._items, item], f"{text}: add a peer for {self._task.peer_name}")
            return
        if service and self._task.direction is Direction.EGRESS and block.cidr.prefixlen == block.cidr.max_prefixlen:
            text += f"; if it is the address of Service {service}, most of them never see it"
        yield self._with(index, item, f"{text}: write {describe_peer(parse_peer(item), self._home)}")

    def _addition(self, reasons: Sequence[Sequence[PeerReason]]) -> Iterator[Repair]:
        """Yield the peers with one more for the other end."""
        if (item := new_peer(self._task, self._home)) is None:
            return
        described = natural_list([describe_peer(peer, self._home) for peer in self._peers], "or")
        if any(isinstance(reason, NotAPod) for each in reasons for reason in each):
            text = f"selects pods, and {self._task.peer_name} is not a pod: add an ipBlock for its address"
        else:
            text = f"means {described}, not {self._task.peer_name}: add a peer for it"
        yield replace(self._repair([*self._items, item], text), is_addition=True)

    def _with(self, index: int, item: dict[str, Any], text: str) -> Repair:
        return self._repair(replaced(self._items, index, item), text)

    def _repair(self, items: list[dict[str, Any]], text: str) -> Repair:
        old, new = self._pods(map(parse_peer, self._items)), self._pods(map(parse_peer, items))
        return Repair(items, text, max(0, self._selection.workloads(new & ~old) - 1))

    def _pods(self, peers: Iterable[Peer]) -> int:
        selected = 0
        for peer in peers:
            selected |= self._selection.peers(peer, self._home)
        return selected


def new_peer(task: Task, home: str) -> dict[str, Any] | None:
    """Return a peer for the other end in a policy of namespace ``home``; ``None`` if its address is not known."""
    match task.peer:
        case Pod() as pod:
            return task.draft.selection.peer_of(pod, home)
        case Host(address) if address:
            return {"ipBlock": {"cidr": str(ip_network(address))}}
        case _:
            return None
