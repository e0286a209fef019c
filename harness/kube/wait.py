"""Waiting until workloads are ready or gone, under a ``Deadline``; what cannot become ready fails at once.

Invariant: when ``wait_ready`` returns, every pod that should run is Ready, every controller has the pods that it wants,
and every Service that selects pods has exactly their addresses as ready endpoints: a first probe means something.
Specification: kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle (conditions, container states).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from harness.errors import ApiError, WorkloadFailed
from harness.kube.client import Client, Object, ObjectKey
from harness.model.objects import Pod, Service
from harness.settings import Deadline

HOPELESS = frozenset(
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

REMEDIES = {
    "ErrImagePull": "check the image's name, and that the nodes can reach its registry",
    "ImagePullBackOff": "check the image's name, and that the nodes can reach its registry",
    "ErrImageNeverPull": "load the image onto the nodes, or change imagePullPolicy",
    "InvalidImageName": "mend the image's name",
    "CrashLoopBackOff": "`kubectl logs --previous` says why the container ends",
    "CreateContainerConfigError": "a ConfigMap or Secret that the container names is missing",
    "Unschedulable": "make room, or relax the pod's requests, selectors and tolerations",
}

UNSCHEDULABLE_PATIENCE = 20.0
"""Seconds that a pod may stay unschedulable: an autoscaler or a node that is joining can mend it."""

SLOWEST_POLL = 1.0
GROWTH = 1.3

CONTROLLERS = (("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"), ("apps/v1", "DaemonSet"))


def wait_ready(client: Client, namespaces: Sequence[str], *, deadline: Deadline, interval: float) -> None:
    """Return once everything in ``namespaces`` is ready. ``interval``: seconds between the first two looks.

    Raises ``WorkloadFailed`` with one line for each pod, controller or Service that is not, why, and what to do: at
    once where it is hopeless, else when the deadline passes.
    """
    patience = Deadline(UNSCHEDULABLE_PATIENCE)
    for last_look in _looks(deadline, interval):
        pods = [pod for namespace in namespaces for pod in client.list("v1", "Pod", namespace=namespace)]
        hopeless = [pod for pod in pods if _hopeless(pod, patience)]
        if hopeless:
            raise WorkloadFailed(_report(client, hopeless, ()))
        late = [pod for pod in pods if not _settled(pod)]
        others = () if late else tuple(_unready(client, namespaces, pods))
        if not late and not others:
            return
        if last_look:
            raise WorkloadFailed(_report(client, late, others))


def wait_gone(client: Client, keys: Iterable[ObjectKey], *, deadline: Deadline, interval: float) -> None:
    """Return once none of the objects is there. Raises ``WorkloadFailed`` naming what is left and what holds it."""
    left = tuple(keys)
    for last_look in _looks(deadline, interval):
        found = {key: data for key in left if (data := client.find(key)) is not None}
        left = tuple(found)
        if not left:
            return
        if last_look:
            lines = [f"{key} is still there{_held(data)}" for key, data in found.items()]
            raise WorkloadFailed("\n".join(lines))


def _looks(deadline: Deadline, interval: float) -> Iterator[bool]:
    """Whether this look is the last, at growing intervals: a small cluster is ready in a blink, a real one is not."""
    while True:
        late = deadline.passed
        yield late
        if late:
            return
        deadline.pause(interval)
        interval = min(interval * GROWTH, SLOWEST_POLL)


def _condition(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    conditions = (data.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == name), {})


def _settled(pod: Object) -> bool:
    """Whether nothing more is expected of the pod: it is Ready, has done its work, or is on its way out."""
    phase = (pod.get("status") or {}).get("phase")
    return phase == "Succeeded" or _leaving(pod) or _condition(pod, "Ready").get("status") == "True"


def _leaving(pod: Object) -> bool:
    """Being deleted, or the remains of an attempt that its controller has replaced."""
    failed = (pod.get("status") or {}).get("phase") == "Failed"
    return "deletionTimestamp" in pod["metadata"] or (failed and bool(pod["metadata"].get("ownerReferences")))


def _hopeless(pod: Object, patience: Deadline) -> bool:
    if _leaving(pod):
        return False
    if (pod.get("status") or {}).get("phase") == "Failed":
        return True
    return any(reason in HOPELESS for reason, _ in _waiting(pod)) or (patience.passed and _unschedulable(pod))


def _unschedulable(pod: Object) -> bool:
    return _condition(pod, "PodScheduled").get("reason") == "Unschedulable"


def _waiting(pod: Object) -> list[tuple[str, str]]:
    """(reason, message) of every container that is waiting, init containers first."""
    status = pod.get("status") or {}
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    waiting = [(container.get("state") or {}).get("waiting") for container in containers]
    return [(state.get("reason") or "", state.get("message") or "") for state in waiting if state]


def _unready(client: Client, namespaces: Sequence[str], pods: Sequence[Object]) -> Iterator[str]:
    for namespace in namespaces:
        for api_version, kind in filter(lambda known: client.serves(*known), CONTROLLERS):
            controllers = _listed(client, api_version, kind, namespace)
            yield from (why for controller in controllers if (why := _behind(controller)))
        yield from _unserved(client, namespace, pods)


def _listed(client: Client, api_version: str, kind: str, namespace: str) -> list[Object]:
    """All objects of a kind; none where the server does not know the kind."""
    try:
        return client.list(api_version, kind, namespace=namespace)
    except ApiError as error:
        if error.code == 404:
            return []
        raise


def _behind(controller: Object) -> str:
    """What the controller still lacks, in words; empty when it has what it wants."""
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


def _unserved(client: Client, namespace: str, pods: Sequence[Object]) -> Iterator[str]:
    """Services whose ready endpoints are not just the pods that they select."""
    services = [Service.parse(data) for data in client.list("v1", "Service", namespace=namespace)]
    if not any(service.selector for service in services):
        return
    slices = _listed(client, "discovery.k8s.io/v1", "EndpointSlice", namespace)
    parsed = [Pod.parse(pod) for pod in pods if not _leaving(pod)]
    for service in services:
        backends = [pod for pod in parsed if pod.running and service.backs(pod)]
        ready = _ready_addresses(slices, service.ref.name)
        stale = ready - {address for pod in backends for address in pod.addresses}
        missing = [pod for pod in backends if not ready.intersection(pod.addresses)]
        if service.selector and (stale or missing):
            what = ", ".join([*(f"lacks pod {pod.ref}" for pod in missing), *(f"still has {a}" for a in sorted(stale))])
            yield f"Service {service.ref}: its EndpointSlices are out of date ({what}); does their controller run?"


def _ready_addresses(slices: Sequence[Object], service: str) -> frozenset[str]:
    return frozenset(
        address
        for piece in slices
        if (piece["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == service
        for endpoint in piece.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready", True) is not False
        for address in endpoint.get("addresses") or ()
    )


def _report(client: Client, pods: Sequence[Object], others: Sequence[str]) -> str:
    return "\n".join([*(_pod_line(client, pod) for pod in pods), *others])


def _pod_line(client: Client, pod: Object) -> str:
    """One pod that is not ready: the reason, what the cluster said last, and the remedy."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    reasons = [(reason, message) for reason, message in _waiting(pod) if reason]
    if _unschedulable(pod):
        reasons.append(("Unschedulable", _condition(pod, "PodScheduled").get("message") or ""))
    reason, message = reasons[0] if reasons else (status.get("reason") or status.get("phase") or "Pending", "")
    said = message or status.get("message") or _last_warning(client, metadata) or "no event says why"
    remedy = REMEDIES.get(reason, f"`kubectl describe pod -n {metadata['namespace']} {metadata['name']}` says more")
    return f"pod {metadata['namespace']}/{metadata['name']} is not ready: {reason}: {said}; {remedy}"


def _last_warning(client: Client, metadata: Mapping[str, Any]) -> str:
    fields = f"involvedObject.name={metadata['name']}"
    events = client.list("v1", "Event", namespace=metadata["namespace"], fields=fields)
    warnings = [event for event in events if event.get("type") == "Warning"]
    latest = max(warnings, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "", default={})
    return str(latest.get("message") or "")


def _held(data: Mapping[str, Any]) -> str:
    finalizers = data["metadata"].get("finalizers") or (data.get("spec") or {}).get("finalizers") or ()
    if not finalizers:
        return "; `kubectl describe` says what holds it"
    return f", held by {', '.join(finalizers)}; see whether what answers for them is running"
