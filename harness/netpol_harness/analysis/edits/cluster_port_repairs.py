"""Changes of the protocols of a ClusterNetworkPolicy's rule that make it match a connection's port. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from netpol_harness.analysis.describe import describe_cluster_port, natural_list
from netpol_harness.analysis.edits.missed_rules import MissedRule
from netpol_harness.analysis.edits.object_edit import Data
from netpol_harness.analysis.edits.repair import Repair, replaced
from netpol_harness.model.cluster_policy import ClusterPort, NamedPort, PodSelection, PortRange
from netpol_harness.model.names import Direction, Port, Protocol
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import PodPeer

_MOST_PORTS = 25
"""How many protocols a rule has at most (the API's schema)."""


def port_repairs(missed: MissedRule, data: Data) -> Iterator[Repair]:
    """Yield the changes, or the list as it is if it has all ports of the task."""
    items, missing = data.get("protocols"), missed.missing_ports
    if items is None or not missing:
        yield Repair(items, "")
    elif missing[0].protocol is Protocol.ICMP:
        yield Repair(None, "lists protocols with ports, which never mean ICMP: remove them")
    else:
        written = [dict(item) for item in items]
        corrections = [*_corrections(missed, written, missing)]
        if corrections or len(written) < _MOST_PORTS:
            yield from corrections or [_with_all(missed, written, missing)]


def protocol_item(port: Port) -> dict[str, Any]:
    """Return an entry of ``protocols`` for one port."""
    return {port.protocol.lower(): {"destinationPort": {"number": port.number}}}


def _with_all(missed: MissedRule, items: Sequence[Any], missing: Sequence[Port]) -> Repair:
    """Return the list with an entry for each missing port."""
    described = [*map(describe_cluster_port, missed.rule.ports or ())]
    listed, wanted = natural_list(described), natural_list([*map(str, missing)])
    text = f"lists {listed}, not {wanted}: add {'it' if len(missing) == 1 else 'them'} to its protocols"
    return Repair([*items, *map(protocol_item, missing)], text, is_addition=True)


def _corrections(missed: MissedRule, items: list[dict[str, Any]], missing: Sequence[Port]) -> Iterator[Repair]:
    """Yield the list with one entry corrected, for each that nearly means the port and means none that is served."""
    for index, entry in enumerate(missed.rule.ports or () if missed.task.destination else ()):
        text = _mistake(missed, entry, missing[0])
        if text and not _is_served(missed, entry):
            yield Repair(replaced(items, index, *map(protocol_item, missing)), text, is_mistake=True)


def _mistake(missed: MissedRule, entry: ClusterPort, port: Port) -> str:
    """Return what is wrong with an entry that nearly means the port, and the fix; empty if it means another port."""
    destination = missed.task.destination_name
    if isinstance(entry, NamedPort):
        return f"names port {entry.name}, which is not {port} at {destination}: write {port.number}"
    if not isinstance(entry, PortRange):
        return ""
    if entry.protocol is port.protocol and entry.first == entry.last and entry.first in missed.task.typed_ports:
        return f"names {entry.first}, the Service's port, but policies apply to the pod's own: write {port.number}"
    if entry.protocol is not port.protocol and entry.first <= port.number <= entry.last:
        described = describe_cluster_port(entry)
        return f"means {described}, and the connection is to {port}: write {port.protocol.lower()}"
    return ""


def _is_served(missed: MissedRule, entry: ClusterPort) -> bool:
    """Whether a pod that the rule's connections go to declares the port, so that the entry has a purpose."""
    for pod in _destinations(missed):
        for declared in pod.ports:
            if isinstance(entry, NamedPort) and declared.name == entry.name:
                return True
            is_of = isinstance(entry, PortRange) and declared.port.protocol is entry.protocol
            if is_of and isinstance(entry, PortRange) and entry.first <= declared.port.number <= entry.last:
                return True
    return False


def _destinations(missed: MissedRule) -> Iterator[Pod]:
    """Yield the pods that connections of the rule go to: the policy's subjects, or the peers of an egress rule."""
    task = missed.task
    yield from [task.destination] if task.destination else ()
    ends = (missed.policy.subject,) if task.direction is Direction.INGRESS else missed.rule.peers
    for end in ends:
        if isinstance(end, PodSelection):
            yield from task.draft.selection.pods(task.draft.selection.peers(PodPeer(end.namespaces, end.pods), ""))
