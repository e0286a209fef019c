"""Policies that select no pod, by a mistake in their podSelector or their namespace. Pure."""

from collections.abc import Iterator

from netpol_harness.analysis.describe import describe_selector
from netpol_harness.analysis.edits.draft import Candidate
from netpol_harness.analysis.edits.object_edit import Data, ObjectEdit
from netpol_harness.analysis.edits.selectors import corrected
from netpol_harness.analysis.edits.task import Task
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import NetworkPolicy


def retargeted(task: Task) -> Iterator[Candidate]:
    """Yield the policies of the task's direction that select no pod, changed so that they select its subject."""
    pod = task.subject
    for policy in task.draft.policies.values() if pod else ():
        if task.direction in policy.directions and not task.draft.selection.subjects(policy):
            assert pod is not None
            if policy.ref.namespace == pod.ref.namespace:
                yield from _corrected(task, policy, pod)
            elif policy.subject.requirements and policy.subject.matches(pod.labels):
                yield from _moved(task, policy, pod)


def _corrected(task: Task, policy: NetworkPolicy, pod: Pod) -> Iterator[Candidate]:
    data = task.draft.data(policy.ref)
    selector = ((data or {}).get("spec") or {}).get("podSelector")
    right = corrected(selector, pod.labels, task.draft.selection.identifying_labels(pod))
    if edit := task.draft.edit(policy.ref, podSelector=right):
        written, means = describe_selector(LabelSelector.parse(right)), describe_selector(policy.subject)
        unmet = len(policy.subject.unmet(pod.labels))
        text = f"{task.draft.names.policy(policy.ref)} selects pods {means}, and there are none: select {written}"
        is_near = unmet < len(policy.subject.requirements)
        yield Candidate(text, edit, 1 if is_near else 3, _others(task, policy, right), is_mistake=is_near)


def _moved(task: Task, policy: NetworkPolicy, pod: Pod) -> Iterator[Candidate]:
    data = task.draft.data(policy.ref)
    if data is None:
        return
    space = pod.ref.namespace
    after = {**data, "metadata": {**data["metadata"], "namespace": space}}
    edit = ObjectEdit(data, after, task.draft.names.manifest(policy.ref))
    text = f"{task.draft.names.policy(policy.ref)} is in namespace {policy.ref.namespace}, where it selects no pod"
    yield Candidate(f"{text}: write namespace: {space}", edit, 1, is_mistake=True)


def _others(task: Task, policy: NetworkPolicy, selector: Data) -> int:
    """Return how many pods the selector selects beside the subject."""
    changed = NetworkPolicy(policy.ref, LabelSelector.parse(selector), frozenset(), (), ())
    return task.draft.subject_workloads(changed) - 1
