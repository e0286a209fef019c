"""Waiting until workloads are ready or gone, under a ``Deadline``; what cannot become ready fails at once.

Invariant: when ``wait_ready`` returns, every pod that should run is Ready, every controller has the pods that it wants,
and every Service that selects pods has exactly their addresses as ready endpoints: a first probe means something.
What is wrong is read by ``kube.diagnose``; here it is fetched.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ApiError, ClusterFailed, WorkloadFailed
from netpol_harness.kube import diagnose
from netpol_harness.kube.client import Client
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import ObjectKey
from netpol_harness.model.objects import Pod, Service
from netpol_harness.wellknown import SERVICE_NAME_LABEL

UNSCHEDULABLE_PATIENCE = 20.0
"""Seconds that a pod may stay unschedulable: an autoscaler or a node that is joining can mend it."""

SLOWEST_POLL = 1.0
GROWTH = 1.3

LOG_LINES = 10
"""Of the log of a container that ended, what is told."""

CONTROLLERS = (("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"), ("apps/v1", "DaemonSet"))


def wait_ready(client: Client, namespaces: Sequence[str], *, deadline: Deadline, interval: float) -> None:
    """Return once everything in ``namespaces`` is ready. ``interval``: seconds between the first two looks.

    Raises ``WorkloadFailed`` with one line for each pod, controller or Service that is not, why, and what to do: at
    once where it is hopeless, else when the deadline passes.
    """
    patience = Deadline(UNSCHEDULABLE_PATIENCE)
    for last_look in polls(deadline, interval):
        pods = [pod for namespace in namespaces for pod in client.list("v1", "Pod", namespace=namespace)]
        hopeless = [pod for pod in pods if _is_hopeless(pod, patience)]
        late = [pod for pod in pods if not _settled(pod)]
        others = () if late else tuple(_unready(client, namespaces, pods))
        if not late and not others:
            return
        refused = [event for namespace in namespaces for event in refusals(client, namespace)]
        if hopeless or last_look or any(map(diagnose.is_permanent_refusal, refused)):
            lines = [pod_message(client, pod) for pod in hopeless or late]
            raise WorkloadFailed("\n".join([*lines, *map(diagnose.refusal_message, refused), *others]))


def wait_gone(client: Client, keys: Iterable[ObjectKey], *, deadline: Deadline, interval: float) -> None:
    """Return once none of the objects is there. Raises ``WorkloadFailed`` naming what is left and what holds it."""
    left = tuple(keys)
    for last_look in polls(deadline, interval):
        found = {key: data for key in left if (data := client.find(key)) is not None}
        left = tuple(found)
        if not left:
            return
        if last_look:
            lines = [
                f"{key} is still there{diagnose.deletion_blockers({'kind': key.kind, **data})}"
                for key, data in found.items()
            ]
            raise WorkloadFailed("\n".join(lines))


def polls(deadline: Deadline, interval: float) -> Iterator[bool]:
    """Whether this look is the last, at growing intervals: a small cluster is ready in a blink, a real one is not."""
    while True:
        late = deadline.passed
        yield late
        if late:
            return
        deadline.pause(interval)
        interval = min(interval * GROWTH, SLOWEST_POLL)


def _settled(pod: JsonObject) -> bool:
    """Whether nothing more is expected of the pod: it is Ready, has done its work, or is on its way out."""
    phase = (pod.get("status") or {}).get("phase")
    ready = diagnose.condition(pod, "Ready").get("status") == "True"
    return ready or phase == "Succeeded" or diagnose.is_terminating(pod)


def _is_hopeless(pod: JsonObject, patience: Deadline) -> bool:
    return diagnose.is_permanent(pod) or (patience.passed and diagnose.is_unschedulable(pod))


def refusals(client: Client, namespace: str) -> Iterator[Mapping[str, Any]]:
    """The last FailedCreate event of each controller that still lacks pods: what refuses them says it there alone."""
    events: dict[str, list[JsonObject]] = {}
    for event in _events(client, namespace, "reason=FailedCreate"):
        if event.get("reason") == "FailedCreate":
            events.setdefault(str(event["involvedObject"].get("uid")), []).append(event)
    for uid, several in events.items():
        last = diagnose.latest_event(several)
        owner = last["involvedObject"]
        key = ObjectKey(owner.get("apiVersion", ""), owner.get("kind", ""), namespace, owner.get("name", ""))
        controller = client.find(key) if key.api_version and client.serves(key.api_version, key.kind) else None
        same = controller is not None and controller["metadata"].get("uid", uid) == uid
        if controller is not None and same and diagnose.is_short_of_pods({"kind": key.kind, **controller}):
            yield last


def _unready(client: Client, namespaces: Sequence[str], pods: Sequence[JsonObject]) -> Iterator[str]:
    served = [kind for kind in CONTROLLERS if client.serves(*kind)]
    for namespace in namespaces:
        for api_version, kind in served:
            controllers = _listed(client, api_version, kind, namespace)
            yield from (why for controller in controllers if (why := diagnose.rollout_problem(controller)))
        yield from _unserved(client, namespace, pods)


def _listed(
    client: Client, api_version: str, kind: str, namespace: str, *, fields: str = "", optional: Collection[int] = (404,)
) -> list[JsonObject]:
    """All objects of a kind; none where the server answers with one of the ``optional`` codes."""
    try:
        return client.list(api_version, kind, namespace=namespace, fields=fields)
    except ApiError as error:
        if error.code in optional:
            return []
        raise


def _events(client: Client, namespace: str, fields: str) -> list[JsonObject]:
    """Events, where we may read them: they explain and decide nothing."""
    return _listed(client, "v1", "Event", namespace, fields=fields, optional=(403, 404))


def _unserved(client: Client, namespace: str, pods: Sequence[JsonObject]) -> Iterator[str]:
    """Services whose ready endpoints are not just the pods that they select."""
    services = [Service.parse(data) for data in client.list("v1", "Service", namespace=namespace)]
    if not any(service.selector for service in services):
        return
    slices = _listed(client, "discovery.k8s.io/v1", "EndpointSlice", namespace)
    parsed = [Pod.parse(pod) for pod in pods if not diagnose.is_terminating(pod)]
    for service in services:
        backends = [pod for pod in parsed if pod.running and service.backs(pod)]
        ready = _ready_addresses(slices, service.ref.name)
        stale = ready - {address for pod in backends for address in pod.addresses}
        missing = [pod for pod in backends if not ready.intersection(pod.addresses)]
        if service.selector and (stale or missing):
            what = ", ".join([*(f"lacks pod {pod.ref}" for pod in missing), *(f"still has {a}" for a in sorted(stale))])
            yield f"Service {service.ref}: its EndpointSlices are out of date ({what}); does their controller run?"


def _ready_addresses(slices: Sequence[JsonObject], service: str) -> frozenset[str]:
    return frozenset(
        address
        for piece in slices
        if (piece["metadata"].get("labels") or {}).get(SERVICE_NAME_LABEL) == service
        for endpoint in piece.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready", True) is not False
        for address in endpoint.get("addresses") or ()
    )


def pod_message(client: Client, pod: Mapping[str, Any]) -> str:
    """Why the pod is not ready: its state and last event, and below it the end of the log of what has ended."""
    metadata = pod["metadata"]
    mine = f"involvedObject.uid={metadata['uid']}" if "uid" in metadata else f"involvedObject.name={metadata['name']}"
    warnings = [event for event in _events(client, metadata["namespace"], mine) if event.get("type") == "Warning"]
    line = diagnose.pod_message(pod, str(diagnose.latest_event(warnings).get("message") or ""))
    return "\n".join([line, *_last_words(client, pod)])


def _last_words(client: Client, pod: Mapping[str, Any]) -> Iterator[str]:
    key = ObjectKey("v1", "Pod", pod["metadata"]["namespace"], pod["metadata"]["name"])
    for container, restarted in diagnose.failed_containers(pod).items():
        with suppress(ApiError, ClusterFailed):  # a log explains and decides nothing
            log = client.log(key, container=container, previous=restarted, lines=LOG_LINES)
            said = log.decode("utf-8", "replace").rstrip().splitlines()[-LOG_LINES:]
            yield from (f"    {container}: {line}" for line in said)
