"""Changes of a rule's ``ports`` that make it admit a connection's port. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from netpol_harness.analysis.describe import describe_port, natural_list
from netpol_harness.analysis.edits.object_edit import Data
from netpol_harness.analysis.edits.repair import Repair, replaced
from netpol_harness.analysis.edits.task import Task
from netpol_harness.model.names import Port, Protocol
from netpol_harness.model.policy import NetworkPolicy, PolicyPort, Rule
from netpol_harness.oracle.verdict import Refusal


def port_repairs(
    task: Task, policy: NetworkPolicy, rule: Rule, data: Data, refusals: Sequence[Refusal | None]
) -> Iterator[Repair]:
    """Yield the changes, or the list as it is if it admits all ports of the task."""
    items = [dict(item or {}) for item in data.get("ports") or ()]
    missing = [flow.port for flow, refusal in zip(task.flows, refusals, strict=True) if refusal and refusal.ports]
    if rule.ports is None or not missing:
        yield Repair(data.get("ports"), "")
    elif missing[0].protocol is Protocol.ICMP:
        yield Repair(None, "lists ports, which never mean ICMP: remove them")
    else:
        corrections = [*_corrections(task, policy, rule, items, missing)]
        yield from corrections or [_with_all(task, rule, items, missing)]


def _with_all(task: Task, rule: Rule, items: Sequence[Any], missing: Sequence[Port]) -> Repair:
    """Return the list with an entry for each missing port."""
    listed, wanted = (natural_list([*map(str, each)]) for each in (map(describe_port, rule.ports or ()), missing))
    looked_up = "names are" if Protocol.UDP in {port.protocol for port in missing} else "large answers are"
    use = f", by which {looked_up} looked up" if task.is_lookup else ""
    them = "it" if len(missing) == 1 else "them"
    text = f"lists {listed}, not {wanted}{use}: add {them} to its ports"
    return Repair([*items, *port_items(missing)], text, is_addition=True)


def _corrections(
    task: Task, policy: NetworkPolicy, rule: Rule, items: list[dict[str, Any]], missing: Sequence[Port]
) -> Iterator[Repair]:
    """Yield the list with one entry corrected, for each that nearly means the port and means none that is served.

    Which ports a host outside serves is not known.
    """
    for index, entry in enumerate(rule.ports or () if task.destination else ()):
        text = _mistake(task, entry, missing[0])
        if text and not task.is_served(entry, policy, rule):
            changed = {key: value for key, value in items[index].items() if key != "endPort"}
            protocol = {"protocol": missing[0].protocol.value} if entry.protocol is not missing[0].protocol else {}
            corrected = {**changed, "port": missing[0].number, **protocol}
            yield Repair(replaced(items, index, corrected, *port_items(missing[1:])), text, is_mistake=True)


def _mistake(task: Task, entry: PolicyPort, port: Port) -> str:
    """Return what is wrong with an entry that nearly means the port, and the fix; empty if it means another port."""
    if entry.protocol is port.protocol and entry.port in task.typed_ports:
        return f"names {entry.port}, the Service's port, but policies apply to the pod's own: write {port.number}"
    if entry.protocol is port.protocol and isinstance(entry.port, str):
        return f"names port {entry.port}, which is not {port} at {task.destination_name}: write {port.number}"
    if entry.protocol is not port.protocol and entry.port == port.number:
        return f"admits {entry.port}/{entry.protocol}, and the connection is to {port}: write protocol: {port.protocol}"
    return ""


def port_items(ports: Sequence[Port]) -> list[dict[str, Any]]:
    """Return the ``ports`` of a new rule, as in a manifest; none for ICMP, which no entry means."""
    items = [{"port": port.number, "protocol": port.protocol.value} for port in ports if port.number]
    return [{"port": item["port"]} if item["protocol"] == Protocol.TCP else item for item in items]
