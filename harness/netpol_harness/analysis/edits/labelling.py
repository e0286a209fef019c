"""Labels that pods or namespaces lack, so that a rule does not select them. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from netpol_harness.analysis.closeness import unmet_requirements
from netpol_harness.analysis.describe import natural_list
from netpol_harness.analysis.edits.draft import Candidate
from netpol_harness.analysis.edits.object_edit import ObjectEdit
from netpol_harness.analysis.edits.selectors import missing_labels
from netpol_harness.analysis.edits.task import RefusedRule, Task
from netpol_harness.model.labels import Labels
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import PodPeer
from netpol_harness.oracle.mismatch import OtherNamespace
from netpol_harness.paths.names import ObjectName
from netpol_harness.scenario.scenario import Manifest


def labellings(task: Task, refused: RefusedRule) -> Iterator[Candidate]:
    """Yield the labels with which a peer of the rule would select the other end; none that it has would change."""
    end, refusal = task.peer, refused.refusal
    if not isinstance(end, Pod) or refusal is None or refusal.ports:
        return
    for peer, reasons in zip(refused.rule.peers or (), refusal.peers, strict=False):
        spaces, pods = unmet_requirements(reasons)
        if not isinstance(peer, PodPeer) or any(isinstance(reason, OtherNamespace) for reason in reasons):
            continue
        name = task.rule_name(refused.policy, refused.index)
        if spaces and not pods:
            namespace = NamespacedName("", end.ref.namespace)
            known = task.draft.selection.namespace_labels(namespace.name)
            labels = missing_labels(peer.namespaces, known)
            yield from label_candidate(task, manifest_of(task, namespace), labels, name, refused.distance)
        if pods and not spaces:
            labels = missing_labels(peer.pods, end.labels)
            yield from label_candidate(task, manifest_of(task, end.workload), labels, name, refused.distance)


def label_edit(task: Task, manifest: Manifest | None, labels: Labels) -> ObjectEdit | None:
    """Return the edit that adds labels to a namespace or to the pods of a workload.

    ``None`` without a manifest, or if the step sets one of these labels itself.
    """
    if manifest is None or not labels or _is_relabelled(task, manifest.name, labels):
        return None
    data = dict(manifest.data)
    path = ("metadata",) if manifest.pod is manifest.data or not manifest.pod else ("spec", "template", "metadata")
    return ObjectEdit(data, _with_labels(data, path, labels), manifest)


def label_candidate(
    task: Task, manifest: Manifest | None, labels: Labels, rule_name: str, distance: int
) -> Iterator[Candidate]:
    """Yield the edit that adds labels which a rule requires, if there is one."""
    edit = label_edit(task, manifest, labels)
    if manifest and edit:
        written = natural_list([f"{key}={value}" for key, value in labels.items()])
        kind, ref = manifest.name.kind, manifest.name.ref
        owner = (
            f"namespace {ref.name}"
            if kind == "Namespace"
            else f"pod {ref.name}"
            if kind == "Pod"
            else f"the pods of {ref.name}"
        )
        lacks = "lack" if owner.startswith("the pods") else "lacks"
        yield Candidate(f"{rule_name} requires {written}, which {owner} {lacks}: add the label", edit, distance)


def manifest_of(task: Task, ref: NamespacedName) -> Manifest | None:
    """Return the manifest of a namespace (without a namespace of its own) or of a workload."""
    kinds = (manifest for manifest in task.draft.predictor.scenario.workloads if manifest.name.ref == ref)
    return next((m for m in kinds if m.pod or m.name.kind == "Namespace"), None)


def _is_relabelled(task: Task, name: ObjectName, labels: Labels) -> bool:
    step = task.draft.predictor.step
    return any(relabel.labels.keys() & labels.keys() for relabel in step.labels if relabel.name.ref == name.ref)


def _with_labels(data: Mapping[str, Any], path: tuple[str, ...], labels: Labels) -> dict[str, Any]:
    """Return the object with more labels in the metadata at this path."""
    if not path:
        return {**data, "labels": {**(data.get("labels") or {}), **labels}}
    return {**data, path[0]: _with_labels(data.get(path[0]) or {}, path[1:], labels)}
