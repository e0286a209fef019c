"""What the cluster itself says of something that does not come about: pods, their controllers, namespaces. PURE.

Everything here reads API objects: conditions, container states, events; and says in one line what is wrong and what to
do. ``hopeless`` is what time alone does not mend, so that nobody waits for it.
Specification: kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle; kubelet's and controllers' event reasons.
"""

from collections.abc import Sequence

from netpol_harness.model.json_object import JsonMapping

PERMANENT_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)
"""Reasons of a waiting container that time alone does not mend."""

RESTARTS = 2
"""Restarts after which a container in CrashLoopBackOff is given up: one that waited for another pod has it by then."""

REMEDIES = {
    "ErrImagePull": "check the image's name, and that the nodes can reach its registry",
    "ImagePullBackOff": "check the image's name, and that the nodes can reach its registry",
    "ErrImageNeverPull": "load the image onto the nodes, or change imagePullPolicy",
    "InvalidImageName": "mend the image's name",
    "CrashLoopBackOff": "`kubectl logs --previous` says why the container ends",
    "CreateContainerConfigError": "a ConfigMap or Secret that the container names is missing",
    "Unschedulable": "make room, or relax the pod's requests, selectors and tolerations",
}

POD_SECURITY = "pod-security.kubernetes.io/enforce"

PERMANENT_REFUSALS = {
    "violates PodSecurity": f"mend the pod's securityContext, or relax the namespace's label {POD_SECURITY}",
    "exceeded quota": "make room in the namespace's ResourceQuota",
    "admission webhook": "the webhook says what it wants of pods",
}
"""Words of a refused pod that stay true, and what to do."""


def condition(data: JsonMapping, name: str) -> JsonMapping:
    """The status condition of this type; empty where there is none."""
    conditions = (data.get("status") or {}).get("conditions") or ()
    return next((entry for entry in conditions if entry.get("type") == name), {})


def is_terminating(pod: JsonMapping) -> bool:
    """Whether the pod is being deleted, or is what remains of an attempt that its controller has replaced."""
    failed = (pod.get("status") or {}).get("phase") == "Failed"
    return "deletionTimestamp" in pod["metadata"] or (failed and bool(pod["metadata"].get("ownerReferences")))


def is_permanent(pod: JsonMapping) -> bool:
    """Whether the pod will not become ready by waiting; ``is_unschedulable`` is for the caller's patience."""
    if is_terminating(pod):
        return False
    return (pod.get("status") or {}).get("phase") == "Failed" or any(map(_is_stuck, _statuses(pod)))


def failing_containers(pod: JsonMapping) -> dict[str, tuple[str, int]]:
    """The containers that wait for a reason that time rarely mends: name -> that reason, and the restarts so far."""
    if is_terminating(pod):
        return {}
    waiting = {str(one.get("name")): one for one in _statuses(pod) if _waiting(one).get("reason") in PERMANENT_REASONS}
    return {name: (_waiting(one)["reason"], int(one.get("restartCount") or 0)) for name, one in waiting.items()}


def ready_containers(pod: JsonMapping) -> frozenset[str]:
    """The containers that are ready; of init containers, those that have done their work."""
    return frozenset(str(container.get("name")) for container in _statuses(pod) if container.get("ready"))


def failed_containers(pod: JsonMapping) -> dict[str, bool]:
    """The containers that ended though they should not: name -> whether a later life of theirs is there already."""
    return {
        str(one.get("name")): not (one.get("state") or {}).get("terminated")
        for one in _statuses(pod)
        if not one.get("ready") and _last_end(one).get("exitCode")
    }


def is_unschedulable(pod: JsonMapping) -> bool:
    """Whether the scheduler has found no node so far."""
    return not is_terminating(pod) and condition(pod, "PodScheduled").get("reason") == "Unschedulable"


def pod_message(pod: JsonMapping, warning: str) -> str:
    """One pod that is not ready: the reason, what the cluster said (``warning``: its last event), and the remedy."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    reason, said = _reason(pod)
    words = _together([*said, status.get("message") or "", warning]) or "no event says why"
    remedy = REMEDIES.get(reason, f"`kubectl describe pod -n {metadata['namespace']} {metadata['name']}` says more")
    return f"pod {metadata['namespace']}/{metadata['name']} is not ready: {reason}: {words}; {remedy}"


def rollout_problem(controller: JsonMapping) -> str:
    """What a Deployment, StatefulSet or DaemonSet still lacks, in words; empty when it has what it wants."""
    spec, status = controller.get("spec") or {}, controller.get("status") or {}
    name = f"{controller['kind']} {controller['metadata']['namespace']}/{controller['metadata']['name']}"
    if int(status.get("observedGeneration") or 0) < int(controller["metadata"].get("generation") or 0):
        return f"{name}: its controller has not seen the last change; is the controller manager running?"
    daemon = controller["kind"] == "DaemonSet"
    wanted = int((status.get("desiredNumberScheduled") if daemon else spec.get("replicas", 1)) or 0)
    ready = int(status.get("numberReady" if daemon else "readyReplicas") or 0)
    updated = int(status.get("updatedNumberScheduled" if daemon else "updatedReplicas") or 0)
    if ready >= wanted and updated >= wanted:
        return ""
    return f"{name}: {ready} of {wanted} pods ready, {updated} up to date; `kubectl describe` says what holds it"


def is_short_of_pods(controller: JsonMapping) -> bool:
    """Whether a controller of pods has made fewer than it wants."""
    spec, status = controller.get("spec") or {}, controller.get("status") or {}
    if controller["kind"] == "DaemonSet":
        return int(status.get("currentNumberScheduled") or 0) < int(status.get("desiredNumberScheduled") or 0)
    return int(status.get("replicas") or 0) < int(spec.get("replicas", 1))


def refusal_message(event: JsonMapping) -> str:
    """What keeps a controller from making its pods, by a FailedCreate event, and the remedy."""
    owner, said = event["involvedObject"], str(event.get("message") or "it does not say why")
    remedies = (remedy for words, remedy in PERMANENT_REFUSALS.items() if words in said)
    name = f"{owner.get('kind')} {owner.get('namespace')}/{owner.get('name')}"
    return f"{name} cannot make its pods: {said}; {next(remedies, '`kubectl get events` says more')}"


def is_permanent_refusal(event: JsonMapping) -> bool:
    """Whether a FailedCreate event tells of a refusal that will be repeated: not of a webhook that is starting, say."""
    said = str(event.get("message") or "")
    return any(words in said for words in PERMANENT_REFUSALS) and "failed calling webhook" not in said


def latest_event(events: Sequence[JsonMapping]) -> JsonMapping:
    """The event that happened last; empty where there is none. Series of events carry their time elsewhere."""
    return max(events, key=_when, default={})


def deletion_blockers(data: JsonMapping) -> str:
    """Why an object that is being deleted is still there, as far as it says so, and the remedy."""
    told = [
        str(entry.get("message"))
        for entry in (data.get("status") or {}).get("conditions") or ()
        if data.get("kind") == "Namespace" and entry.get("status") == "True" and entry.get("message")
    ]
    if told:
        return f": {'; '.join(told)}; see whether what answers for these is running (`kubectl get apiservices`)"
    finalizers = data["metadata"].get("finalizers") or (data.get("spec") or {}).get("finalizers") or ()
    if not finalizers:
        return "; `kubectl describe` says what holds it"
    return f", held by {', '.join(finalizers)}; see whether what answers for them is running"


def _statuses(pod: JsonMapping) -> list[JsonMapping]:
    """The status of every container, init containers first."""
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _waiting(container: JsonMapping) -> JsonMapping:
    return (container.get("state") or {}).get("waiting") or {}


def _is_stuck(container: JsonMapping) -> bool:
    reason = _waiting(container).get("reason")
    if reason == "CrashLoopBackOff":
        return int(container.get("restartCount") or 0) >= RESTARTS
    return reason in PERMANENT_REASONS


def _reason(pod: JsonMapping) -> tuple[str, list[str]]:
    """The first thing that is wrong with the pod, in a word and in sentences."""
    status = pod.get("status") or {}
    waiting = [container for container in _statuses(pod) if _waiting(container).get("reason")]
    worst = next(iter(sorted(waiting, key=lambda container: not _is_stuck(container))), None)
    if worst is not None:
        state = _waiting(worst)
        return str(state["reason"]), [state.get("message") or "", _ended(worst)]
    if is_unschedulable(pod):
        return "Unschedulable", [condition(pod, "PodScheduled").get("message") or ""]
    return status.get("reason") or status.get("phase") or "Pending", []


def _ended(container: JsonMapping) -> str:
    """How the container's last life ended; empty where it had none."""
    end = _last_end(container)
    if not end:
        return ""
    said = ", ".join(filter(None, [end.get("reason"), (end.get("message") or "").strip()]))
    return f"it ended with exit code {end.get('exitCode')}" + (f" ({said})" if said else "")


def _last_end(container: JsonMapping) -> JsonMapping:
    """How the container ended last, now or before its present life; empty where it never has."""
    now = (container.get("state") or {}).get("terminated")
    return now or (container.get("lastState") or {}).get("terminated") or {}


def _together(sentences: Sequence[str]) -> str:
    """All that is said, without what another sentence says too."""
    distinct = dict.fromkeys(sentence.strip() for sentence in sentences if sentence)
    return "; ".join(one for one in distinct if not any(one != other and one in other for other in distinct))


def _when(event: JsonMapping) -> str:
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or "")
