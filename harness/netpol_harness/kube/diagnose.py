"""Explain why pods, controllers or namespaces are not ready, from their status and events. PURE.

Messages are one line each: what is wrong and what to do. A problem is *permanent* if waiting does not fix it.
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
"""Reasons of a waiting container that waiting does not fix."""

_NOT_STARTED = (PERMANENT_REASONS - {"CrashLoopBackOff"}) | {"ContainerCreating"}

RESTARTS = 2
"""Restarts after which CrashLoopBackOff is permanent: a container that needed another pod has found it by then."""

REMEDIES = {
    "ErrImagePull": "check the image's name, and that the nodes can reach its registry",
    "ImagePullBackOff": "check the image's name, and that the nodes can reach its registry",
    "ErrImageNeverPull": "load the image onto the nodes, or change imagePullPolicy",
    "InvalidImageName": "fix the image's name",
    "CrashLoopBackOff": "`kubectl logs --previous` says why the container ends",
    "CreateContainerConfigError": "a ConfigMap or Secret that the container names is missing",
    "Init": "does something answer that it waits for, and do the policies let the pod reach it?",
    "Unschedulable": "make room, or relax the pod's requests, selectors and tolerations",
}

_LONGEST_COMMAND = 200
"""Characters of a container's command in a message."""

POD_SECURITY = "pod-security.kubernetes.io/enforce"

PERMANENT_REFUSALS = {
    "violates PodSecurity": f"fix the pod's securityContext, or relax the namespace's label {POD_SECURITY}",
    "exceeded quota": "make room in the namespace's ResourceQuota",
    "admission webhook": "the webhook says what it wants of pods",
}
"""Phrases of refusals that stay the same however often the pod is created -> what to do."""


def condition(data: JsonMapping, name: str) -> JsonMapping:
    """Return the status condition of this type; empty if there is none."""
    conditions = (data.get("status") or {}).get("conditions") or ()
    return next((entry for entry in conditions if entry.get("type") == name), {})


def is_terminating(pod: JsonMapping) -> bool:
    """Return whether the pod is being deleted, or is a failed one that its controller has replaced."""
    failed = (pod.get("status") or {}).get("phase") == "Failed"
    return "deletionTimestamp" in pod["metadata"] or (failed and bool(pod["metadata"].get("ownerReferences")))


def is_permanent(pod: JsonMapping) -> bool:
    """Return whether waiting does not make the pod ready. Unschedulable pods do not count: nodes may join."""
    if is_terminating(pod):
        return False
    return (pod.get("status") or {}).get("phase") == "Failed" or any(map(_is_failing, _statuses(pod)))


def is_unstartable(pod: JsonMapping) -> bool:
    """Return whether something holds the pod up that no policy causes: no node, image, configuration or sandbox."""
    reasons = {_waiting(container).get("reason") for container in _statuses(pod)}
    return is_unschedulable(pod) or bool(reasons & _NOT_STARTED)


def failing_containers(pod: JsonMapping) -> dict[str, tuple[str, int]]:
    """Return the containers that wait for a permanent reason: name -> the reason and the number of restarts."""
    if is_terminating(pod):
        return {}
    return {
        str(status.get("name")): (_waiting(status)["reason"], int(status.get("restartCount") or 0))
        for status in _statuses(pod)
        if _waiting(status).get("reason") in PERMANENT_REASONS
    }


def ready_containers(pod: JsonMapping) -> frozenset[str]:
    """Return the names of the containers that are ready; for init containers, that have completed."""
    return frozenset(str(container.get("name")) for container in _statuses(pod) if container.get("ready"))


def failed_containers(pod: JsonMapping) -> dict[str, bool]:
    """Return the containers that ended with an error: name -> whether they have been restarted since."""
    return {
        str(status.get("name")): not (status.get("state") or {}).get("terminated")
        for status in _statuses(pod)
        if not status.get("ready") and _last_termination(status).get("exitCode")
    }


def is_unschedulable(pod: JsonMapping) -> bool:
    """Return whether the scheduler has not found a node so far."""
    return not is_terminating(pod) and condition(pod, "PodScheduled").get("reason") == "Unschedulable"


def pod_message(pod: JsonMapping, warning: str) -> str:
    """Return why a pod is not ready: reason, messages of the cluster (``warning``: its last event), and remedy."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    reason, messages = _reason(pod)
    explanation = _joined([*messages, status.get("message") or "", warning]) or "no event says why"
    kind = "Init" if reason.startswith("Init:") else reason
    remedy = REMEDIES.get(kind, f"`kubectl describe pod -n {metadata['namespace']} {metadata['name']}` says more")
    return f"pod {metadata['namespace']}/{metadata['name']} is not ready: {reason}: {explanation}; {remedy}"


def rollout_problem(controller: JsonMapping) -> str:
    """Return what a controller of pods is waiting for; empty if all its pods are ready, and made by its last change."""
    spec, status, kind = controller.get("spec") or {}, controller.get("status") or {}, controller["kind"]
    name = f"{kind} {controller['metadata']['namespace']}/{controller['metadata']['name']}"
    if kind == "Job":
        return "" if _has_begun(spec, status) else f"{name}: it has no pod yet; is the controller manager running?"
    if int(status.get("observedGeneration") or 0) < int(controller["metadata"].get("generation") or 0):
        return f"{name}: its controller has not seen the last change; is the controller manager running?"
    daemon = kind == "DaemonSet"
    wanted = int((status.get("desiredNumberScheduled") if daemon else spec.get("replicas", 1)) or 0)
    ready = int(status.get("numberReady" if daemon else "readyReplicas") or 0)
    if kind in _NEVER_REPLACING:
        return "" if ready >= wanted else f"{name}: {ready} of {wanted} pods ready; `kubectl describe` says why"
    updated = int(status.get("updatedNumberScheduled" if daemon else "updatedReplicas") or 0)
    old = max(0, int(status.get("replicas") or 0) - updated)
    if ready >= wanted and updated >= wanted and not old:
        return ""
    rest = f", {old} still to be replaced" if old else ""
    return f"{name}: {ready} of {wanted} pods ready, {updated} up to date{rest}; `kubectl describe` says why"


def _has_begun(spec: JsonMapping, status: JsonMapping) -> bool:
    """Return whether a Job has a pod, has had one, or wants none."""
    wants_none = spec.get("suspend") or spec.get("parallelism") == 0 or spec.get("completions") == 0
    return bool(wants_none or any(status.get(count) for count in ("active", "succeeded", "failed", "conditions")))


_NEVER_REPLACING = ("ReplicaSet", "ReplicationController")
"""Kinds that keep their pods when their pod template is changed."""


def is_short_of_pods(controller: JsonMapping) -> bool:
    """Return whether a controller has created fewer pods than it wants."""
    spec, status = controller.get("spec") or {}, controller.get("status") or {}
    if controller["kind"] == "DaemonSet":
        return int(status.get("currentNumberScheduled") or 0) < int(status.get("desiredNumberScheduled") or 0)
    return int(status.get("replicas") or 0) < int(spec.get("replicas", 1))


def refusal_message(event: JsonMapping) -> str:
    """Return why a controller cannot create its pods, from a FailedCreate event, and the remedy."""
    owner, message = event["involvedObject"], str(event.get("message") or "the event does not say why")
    remedies = (remedy for phrase, remedy in PERMANENT_REFUSALS.items() if phrase in message)
    name = f"{owner.get('kind')} {owner.get('namespace')}/{owner.get('name')}"
    return f"{name} cannot create its pods: {message}; {next(remedies, '`kubectl get events` says more')}"


def is_permanent_refusal(event: JsonMapping) -> bool:
    """Return whether a FailedCreate event is about a refusal that will repeat; a webhook may only be starting."""
    message = str(event.get("message") or "")
    return any(phrase in message for phrase in PERMANENT_REFUSALS) and "failed calling webhook" not in message


def latest_event(events: Sequence[JsonMapping]) -> JsonMapping:
    """Return the most recent event; empty if there is none. Series of events carry their time elsewhere."""
    return max(events, key=_when, default={})


def deletion_blockers(data: JsonMapping) -> str:
    """Return why an object that is being deleted still exists, as far as its status shows, and the remedy."""
    messages = [
        str(entry.get("message"))
        for entry in (data.get("status") or {}).get("conditions") or ()
        if data.get("kind") == "Namespace" and entry.get("status") == "True" and entry.get("message")
    ]
    if messages:
        return f": {'; '.join(messages)}; check that the API services for these run (`kubectl get apiservices`)"
    finalizers = data["metadata"].get("finalizers") or (data.get("spec") or {}).get("finalizers") or ()
    if not finalizers:
        return "; `kubectl describe` says why"
    return f", held by finalizers {', '.join(finalizers)}; check that their controllers run"


def _statuses(pod: JsonMapping) -> list[JsonMapping]:
    """Return the status of every container, init containers first."""
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _waiting(container: JsonMapping) -> JsonMapping:
    return (container.get("state") or {}).get("waiting") or {}


def _is_failing(container: JsonMapping) -> bool:
    reason = _waiting(container).get("reason")
    if reason == "CrashLoopBackOff":
        return int(container.get("restartCount") or 0) >= RESTARTS
    return reason in PERMANENT_REASONS


def running_init_container(pod: JsonMapping) -> str:
    """Return the name of the init container that the others wait for; empty if none runs. Sidecars do not count."""
    statuses = (pod.get("status") or {}).get("initContainerStatuses") or ()
    running = (str(status.get("name")) for status in statuses if "running" in (status.get("state") or {}))
    return next((name for name in running if _init_container(pod, name).get("restartPolicy") != "Always"), "")


def _init_container(pod: JsonMapping, name: str) -> JsonMapping:
    containers: Sequence[JsonMapping] = pod["spec"].get("initContainers") or ()
    return next((container for container in containers if container.get("name") == name), {})


def _init_reason(pod: JsonMapping, name: str) -> tuple[str, list[str]]:
    """Return the progress of the init containers as kubectl writes it, and what the running one does."""
    statuses = (pod.get("status") or {}).get("initContainerStatuses") or ()
    position = [status.get("name") for status in statuses].index(name)
    container = _init_container(pod, name)
    command = " ".join(" ".join([*(container.get("command") or ()), *(container.get("args") or ())]).split())
    does = f" (`{command[:_LONGEST_COMMAND]}`)" if command else ""
    return f"Init:{position}/{len(statuses)}", [f"init container '{name}' has not ended{does}"]


def _reason(pod: JsonMapping) -> tuple[str, list[str]]:
    """Return the most important problem of the pod: its reason, and messages about it."""
    status = pod.get("status") or {}
    waiting = [container for container in _statuses(pod) if _waiting(container).get("reason")]
    worst = next(iter(sorted(waiting, key=lambda container: not _is_failing(container))), None)
    running = running_init_container(pod)
    if running and (worst is None or not _is_failing(worst)):
        return _init_reason(pod, running)
    if worst is not None:
        state = _waiting(worst)
        return str(state["reason"]), [state.get("message") or "", _termination_message(worst)]
    if is_unschedulable(pod):
        return "Unschedulable", [condition(pod, "PodScheduled").get("message") or ""]
    ready = condition(pod, "Ready")
    if ready.get("reason"):
        return str(ready["reason"]), [ready.get("message") or ""]
    return status.get("reason") or status.get("phase") or "Pending", []


def _termination_message(container: JsonMapping) -> str:
    """Return how the container last ended; empty if it never has."""
    termination = _last_termination(container)
    if not termination:
        return ""
    details = ", ".join(filter(None, [termination.get("reason"), (termination.get("message") or "").strip()]))
    return f"it ended with exit code {termination.get('exitCode')}" + (f" ({details})" if details else "")


def _last_termination(container: JsonMapping) -> JsonMapping:
    """Return the terminated state of the container, now or before its last restart; empty if it never ended."""
    current = (container.get("state") or {}).get("terminated")
    return current or (container.get("lastState") or {}).get("terminated") or {}


def _joined(messages: Sequence[str]) -> str:
    """Join the messages, without those that another message contains."""
    distinct = dict.fromkeys(message.strip() for message in messages if message)
    return "; ".join(text for text in distinct if not any(text != other and text in other for other in distinct))


def _when(event: JsonMapping) -> str:
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or "")
