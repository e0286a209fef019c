"""Edits of rules of ClusterNetworkPolicies that would do what is wanted, but do not match a connection. Pure.

Whether they help is for the oracle to say.
"""

from collections.abc import Iterator, Sequence
from itertools import islice, product
from typing import Any

from netpol_harness.analysis.closeness import unmet_requirements
from netpol_harness.analysis.describe import describe_cluster_peer, natural_list
from netpol_harness.analysis.edits.cluster_peer_repairs import corrected_selection, peer_repairs
from netpol_harness.analysis.edits.cluster_port_repairs import port_repairs
from netpol_harness.analysis.edits.draft import Candidate
from netpol_harness.analysis.edits.labelling import label_candidate, manifest_of
from netpol_harness.analysis.edits.missed_rules import MissedRule, missed_rules
from netpol_harness.analysis.edits.repair import replaced
from netpol_harness.analysis.edits.selectors import missing_labels
from netpol_harness.analysis.edits.task import Task
from netpol_harness.model.cluster_policy import Action, PodSelection, parse_selection
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import PEERS_FIELD, PodPeer
from netpol_harness.oracle.mismatch import ClusterReason, NamespaceLabelMismatch, PodLabelMismatch

_CLOSEST_RULES = 6
"""How many rules are tried, from the one that comes closest."""

_REPAIRS = 3
"""How many changes of one list are tried."""


def tier_repairs(task: Task, wanted: Action) -> Iterator[Candidate]:
    """Yield edits of the rules that come closest, and labels that pods or namespaces lack for them."""
    for missed in missed_rules(task, wanted)[:_CLOSEST_RULES]:
        if missed.refusal.subject:
            yield from _retargeted(missed)
        else:
            yield from _repaired(missed)
            for peer, reasons in zip(missed.rule.peers, missed.refusal.peers, strict=False):
                yield from _labelled(missed, peer, reasons, task.peer)


def _retargeted(missed: MissedRule) -> Iterator[Candidate]:
    """Yield the policy, which selects no pod, with a subject that selects the task's, and labels that it lacks."""
    task, subject = missed.task, missed.policy.subject
    pod, refusal = task.subject, missed.refusal
    if pod is None or pod.host_network or refusal.peers or refusal.ports:
        return
    data = task.draft.cluster_spec(missed.policy.name).get("subject") or {}
    right = corrected_selection(task, data, refusal.subject, pod)
    edit = task.draft.cluster_edit(missed.policy.name, subject=right)
    if edit:
        name, reasons = task.draft.names.cluster_policy(missed.policy.name), _reasons(missed, refusal.subject)
        means, written = describe_cluster_peer(subject), describe_cluster_peer(parse_selection(right))
        text = f"{name} selects {means}, of which there are none; {reasons}: select {written}"
        yield Candidate(text, edit, missed.distance, _others(task, right), is_mistake=True)
    yield from _labelled(missed, subject, refusal.subject, pod)


def _repaired(missed: MissedRule) -> Iterator[Candidate]:
    """Yield the rule with its peers, its protocols or both changed; never both with a new entry.

    It would match its old peers on the new ports.
    """
    task = missed.task
    rules = task.draft.cluster_rules(missed.policy.name, task.direction)
    if not rules:
        return
    data, field = rules[missed.index], PEERS_FIELD[task.direction]
    peers, ports = peer_repairs(missed, data.get(field) or []), [*islice(port_repairs(missed, data), _REPAIRS)]
    for peer, port in product(islice(peers, _REPAIRS), ports):
        changed = {key: value for key, value in data.items() if key not in (field, "protocols")}
        changed |= {field: peer.items} | ({"protocols": port.items} if port.items is not None else {})
        edit = task.draft.cluster_edit(
            missed.policy.name, **{task.way: replaced(rules, missed.index, {**data, **changed})}
        )
        text = "; it ".join(filter(None, (peer.text, port.text)))
        if edit and text and not (peer.is_addition and port.is_addition):
            is_mistake = peer.is_mistake or port.is_mistake
            yield Candidate(f"{missed.name} {text}", edit, missed.distance, peer.widening, is_mistake)


def _labelled(missed: MissedRule, peer: object, reasons: Sequence[ClusterReason], end: object) -> Iterator[Candidate]:
    """Yield the labels with which a selection would have the pod; none that it has would change."""
    known = [each for each in reasons if isinstance(each, NamespaceLabelMismatch | PodLabelMismatch)]
    spaces, pods = unmet_requirements(known)
    if not isinstance(peer, PodSelection) or not isinstance(end, Pod) or len(known) < len(reasons):
        return
    selection = missed.task.draft.selection
    if spaces and not pods:
        labels = missing_labels(peer.namespaces, selection.namespace_labels(end.ref.namespace))
        manifest = manifest_of(missed.task, NamespacedName("", end.ref.namespace))
        yield from label_candidate(missed.task, manifest, labels, missed.name, missed.distance)
    if pods and not spaces:
        labels, manifest = missing_labels(peer.pods, end.labels), manifest_of(missed.task, end.workload)
        yield from label_candidate(missed.task, manifest, labels, missed.name, missed.distance)


def _reasons(missed: MissedRule, reasons: Sequence[ClusterReason]) -> str:
    return natural_list([missed.task.subject_reason(reason) for reason in reasons])


def _others(task: Task, selection: dict[str, Any]) -> int:
    """Return how many workloads a selection has beside the one that is meant."""
    parsed = parse_selection(selection)
    pods = task.draft.selection.peers(PodPeer(parsed.namespaces, parsed.pods), "")
    return max(0, task.draft.selection.workloads(pods) - 1)
