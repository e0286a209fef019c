"""Policies that are not written yet. Pure."""

from collections.abc import Sequence
from itertools import chain, count

from netpol_harness.analysis.edits.object_edit import Data, ObjectEdit
from netpol_harness.analysis.edits.task import Task
from netpol_harness.analysis.selection import selector_of
from netpol_harness.model.names import NamespacedName


def new_policy(task: Task, rules: Sequence[Data]) -> ObjectEdit:
    """Return a policy that isolates the task's subject in its direction, and admits by these rules."""
    assert task.subject is not None
    namespace = task.subject.ref.namespace
    spec = {
        "podSelector": selector_of(task.draft.selection.identifying_labels(task.subject)),
        "policyTypes": [task.direction.value],
        **({task.way: list(rules)} if rules else {}),
    }
    metadata = {"name": _free_name(task, namespace), "namespace": namespace}
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    return ObjectEdit(None, {**kind, "metadata": metadata, "spec": spec})


def _free_name(task: Task, namespace: str) -> str:
    """Return ``web-egress``, or another name that no policy of the namespace has."""
    assert task.subject is not None
    name = f"{task.subject.workload.name}-{task.way}"
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    return next(name for name in names if NamespacedName(namespace, name) not in task.draft.policies)
