"""Wait until workloads are ready or deleted, under a ``Deadline``; a permanent problem fails at once.

Invariant: when ``wait_ready`` returns, every pod that should run is Ready, every controller has the pods that it wants,
and every Service that selects pods has exactly their addresses as ready endpoints: a first probe means something.
``kube.diagnose`` explains what is wrong; this module fetches what it needs for that.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ApiError, ClusterFailed, WorkloadFailed
from netpol_harness.kube import diagnose
from netpol_harness.kube.client import Client
from netpol_harness.model.endpoint_slices import EndpointSlice
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import NamespacedName, ObjectKey
from netpol_harness.model.objects import Pod
from netpol_harness.model.services import Service
from netpol_harness.wellknown import SERVICE_NAME_LABEL

UNSCHEDULABLE_PATIENCE = 20.0
"""Seconds that a pod may stay unschedulable: an autoscaler or a joining node can fix it."""

SLOWEST_POLL = 1.0
GROWTH = 1.3

LOG_LINES = 10
"""How many lines of an ended container's log are in the message."""

CONTROLLERS = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "ReplicaSet"),
    ("v1", "ReplicationController"),
    ("apps.openshift.io/v1", "DeploymentConfig"),
    ("batch/v1", "Job"),
)


def wait_ready(
    client: Client,
    namespaces: Sequence[str],
    *,
    deadline: Deadline,
    interval: float,
    unready: Collection[NamespacedName] = (),
) -> None:
    """Wait until everything in ``namespaces`` is ready. ``interval``: seconds between the first two polls.

    The pods of the workloads that are expected to be ``unready`` must exist, and nothing more.
    Raises ``WorkloadFailed`` with one line for each pod, controller or Service that is not ready, why, and what to do:
    at once if a problem is permanent, else when the deadline passes.
    """
    patience = Deadline(UNSCHEDULABLE_PATIENCE)
    for last_poll in polls(deadline, interval):
        everything = [pod for namespace in namespaces for pod in client.list("v1", "Pod", namespace=namespace)]
        pods = [pod for pod in everything if Pod.parse(pod).workload not in unready]
        permanent = [pod for pod in pods if _has_permanent_problem(pod, patience)]
        waiting = [pod for pod in pods if not _is_settled(pod)]
        others = () if waiting else tuple(_unready(client, namespaces, everything, unready))
        if not waiting and not others:
            return
        refused = [event for namespace in namespaces for event in refusals(client, namespace)]
        if permanent or last_poll or any(map(diagnose.is_permanent_refusal, refused)):
            lines = [pod_message(client, pod) for pod in permanent or waiting]
            raise WorkloadFailed("\n".join([*lines, *map(diagnose.refusal_message, refused), *others]))


def wait_gone(client: Client, keys: Iterable[ObjectKey], *, deadline: Deadline, interval: float) -> None:
    """Wait until none of the objects exists. Raises ``WorkloadFailed`` with those that still do, and why."""
    remaining = tuple(keys)
    for last_poll in polls(deadline, interval):
        existing = {key: data for key in remaining if (data := client.find(key)) is not None}
        remaining = tuple(existing)
        if not remaining:
            return
        if last_poll:
            lines = [
                f"{key} still exists{diagnose.deletion_blockers({'kind': key.kind, **data})}"
                for key, data in existing.items()
            ]
            raise WorkloadFailed("\n".join(lines))


def polls(deadline: Deadline, interval: float) -> Iterator[bool]:
    """Yield at growing intervals, each time whether this poll is the last: small clusters are ready much sooner."""
    while True:
        is_last = deadline.passed
        yield is_last
        if is_last:
            return
        deadline.pause(interval)
        interval = min(interval * GROWTH, SLOWEST_POLL)


def _is_settled(pod: JsonObject) -> bool:
    """Return whether there is nothing to wait for: the pod is Ready, has completed, or is being deleted."""
    phase = (pod.get("status") or {}).get("phase")
    ready = diagnose.condition(pod, "Ready").get("status") == "True"
    return ready or phase == "Succeeded" or diagnose.is_terminating(pod)


def _has_permanent_problem(pod: JsonObject, patience: Deadline) -> bool:
    return diagnose.is_permanent(pod) or (patience.passed and diagnose.is_unschedulable(pod))


def refusals(client: Client, namespace: str) -> Iterator[Mapping[str, Any]]:
    """Yield the last FailedCreate event of each controller that is short of pods: refusals are reported only there."""
    events: dict[str, list[JsonObject]] = {}
    for event in _events(client, namespace, "reason=FailedCreate"):
        if event.get("reason") == "FailedCreate":
            events.setdefault(str(event["involvedObject"].get("uid")), []).append(event)
    for uid, events_of_owner in events.items():
        last = diagnose.latest_event(events_of_owner)
        owner = last["involvedObject"]
        key = ObjectKey(owner.get("apiVersion", ""), owner.get("kind", ""), namespace, owner.get("name", ""))
        controller = client.find(key) if key.api_version and client.serves(key.api_version, key.kind) else None
        same = controller is not None and controller["metadata"].get("uid", uid) == uid
        if controller is not None and same and diagnose.is_short_of_pods({"kind": key.kind, **controller}):
            yield last


def _unready(
    client: Client, namespaces: Sequence[str], pods: Sequence[JsonObject], exempt: Collection[NamespacedName]
) -> Iterator[str]:
    served = [kind for kind in CONTROLLERS if client.serves(*kind)]
    for namespace in namespaces:
        for api_version, kind in served:
            for controller in _visible(client, api_version, kind, namespace):
                problem = diagnose.rollout_problem(controller)
                if problem and _owner(controller) not in exempt:
                    yield problem
        yield from _stale_services(client, namespace, pods, exempt)


def _owner(controller: JsonObject) -> NamespacedName:
    """Return the name of the controller, or of the Deployment whose ReplicaSet it is."""
    metadata = controller["metadata"]
    owner = next((o["name"] for o in metadata.get("ownerReferences") or () if o.get("controller")), metadata["name"])
    return NamespacedName(metadata["namespace"], owner)


def _listed(
    client: Client, api_version: str, kind: str, namespace: str, *, fields: str = "", optional: Collection[int] = (404,)
) -> list[JsonObject]:
    """Return all objects of a kind; none if the server responds with one of the ``optional`` codes."""
    try:
        return client.list(api_version, kind, namespace=namespace, fields=fields)
    except ApiError as error:
        if error.code in optional:
            return []
        raise


def _visible(client: Client, api_version: str, kind: str, namespace: str) -> list[JsonObject]:
    """Return all objects of a kind; none if we may not list them: then they are not ours."""
    return _listed(client, api_version, kind, namespace, optional=(403, 404))


def _events(client: Client, namespace: str, fields: str) -> list[JsonObject]:
    """Return events, if we may read them: they are for messages only."""
    return _listed(client, "v1", "Event", namespace, fields=fields, optional=(403, 404))


def _stale_services(
    client: Client, namespace: str, pods: Sequence[JsonObject], exempt: Collection[NamespacedName]
) -> Iterator[str]:
    """Yield a message for each Service whose ready endpoints are not exactly the pods that it selects."""
    services = [Service.parse(data) for data in _visible(client, "v1", "Service", namespace)]
    if not any(service.selector for service in services):
        return
    listed = _listed(client, "discovery.k8s.io/v1", "EndpointSlice", namespace)
    slices = [data for data in listed if EndpointSlice.parse(data) is None]
    parsed = [Pod.parse(pod) for pod in pods if not diagnose.is_terminating(pod)]
    for service in services:
        backends = [pod for pod in parsed if pod.running and service.selects(pod.ref.namespace, pod.labels)]
        ready = _ready_addresses(slices, service.ref.name)
        stale = ready - {address for pod in backends for address in pod.addresses}
        missing = [p for p in backends if p.workload not in exempt and not ready.intersection(p.addresses)]
        if service.selector and (stale or missing):
            problems = [*(f"lacks pod {pod.ref}" for pod in missing), *(f"still has {a}" for a in sorted(stale))]
            what = f"its EndpointSlices are out of date ({', '.join(problems)})"
            yield f"Service {service.ref}: {what}; does their controller run?"


def _ready_addresses(slices: Sequence[JsonObject], service: str) -> frozenset[str]:
    return frozenset(
        address
        for endpoint_slice in slices
        if (endpoint_slice["metadata"].get("labels") or {}).get(SERVICE_NAME_LABEL) == service
        for endpoint in endpoint_slice.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready", True) is not False
        for address in endpoint.get("addresses") or ()
    )


def pod_message(client: Client, pod: Mapping[str, Any]) -> str:
    """Return why the pod is not ready: its state and last event, and below that the logs of ended containers and of
    the init container that the others wait for.
    """
    metadata = pod["metadata"]
    field, value = ("uid", metadata["uid"]) if "uid" in metadata else ("name", metadata["name"])
    selector = f"involvedObject.{field}={value}"
    warnings = [event for event in _events(client, metadata["namespace"], selector) if event.get("type") == "Warning"]
    line = diagnose.pod_message(pod, str(diagnose.latest_event(warnings).get("message") or ""))
    return "\n".join([line, *_log_lines(client, pod)])


def _log_lines(client: Client, pod: Mapping[str, Any]) -> Iterator[str]:
    key = ObjectKey("v1", "Pod", pod["metadata"]["namespace"], pod["metadata"]["name"])
    running = diagnose.running_init_container(pod)
    containers = {**diagnose.failed_containers(pod), **({running: False} if running else {})}
    for container, restarted in containers.items():
        with suppress(ApiError, ClusterFailed):  # logs are for messages only
            log = client.log(key, container=container, previous=restarted, lines=LOG_LINES)
            lines = log.decode("utf-8", "replace").rstrip().splitlines()[-LOG_LINES:]
            yield from (f"    {container}: {line}" for line in lines)
