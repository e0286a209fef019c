import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from netpol_harness.deadline import Deadline
from netpol_harness.errors import WorkloadFailed
from netpol_harness.kube.client import Client
from netpol_harness.kube.wait import wait_gone, wait_ready
from netpol_harness.model.endpoint_slices import MANAGED_BY_LABEL, SLICE_CONTROLLER
from netpol_harness.model.names import ObjectKey
from netpol_harness.wellknown import SERVICE_NAME_LABEL

Answer = tuple[int, dict[str, str], bytes]
ClientOf = Callable[[Callable[[str, str, bytes, dict[str, str]], Answer]], Client]
Objects = dict[str, list[dict[str, Any]]]


def _pod(name: str = "web", *, ready: bool = True, **more: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}, *more.pop("conditions", [])]
    address = more.pop("address", "10.0.0.1")
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": name}, **more.pop("metadata", {})},
        "spec": {"containers": []},
        "status": {"phase": "Running", "conditions": conditions, "podIPs": [{"ip": address}], **more},
    }


def _waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"containerStatuses": [{"state": {"waiting": {"reason": reason, "message": message}}, "restartCount": 2}]}


def _controller(kind: str, *, generation: int = 1, **status: int) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "shop", "generation": generation}
    return {"kind": kind, "metadata": metadata, "spec": {"replicas": 2}, "status": status}


SERVICE = {
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}


def _slice(*addresses: str, ready: bool = True) -> dict[str, Any]:
    labels = {SERVICE_NAME_LABEL: "web", MANAGED_BY_LABEL: SLICE_CONTROLLER}
    endpoint = {"addresses": list(addresses), "conditions": {"ready": ready}}
    return {"metadata": {"name": "web-1", "labels": labels}, "endpoints": [endpoint]}


BY_HAND = {
    "metadata": {"name": "more", "namespace": "shop", "labels": {SERVICE_NAME_LABEL: "web"}},
    "endpoints": [{"addresses": ["203.0.113.9"]}],
}


UNREADY = _pod(ready=False)
UNREADY["status"]["conditions"][0] |= {
    "reason": "ContainersNotReady",
    "message": "containers with unready status: [c]",
}
INITIALIZING = {
    **_pod(
        ready=False,
        phase="Pending",
        initContainerStatuses=[
            {"name": "side", "state": {"running": {}}},
            {"name": "wait", "state": {"running": {}}},
        ],
        **_waiting("PodInitializing"),
    ),
    "spec": {
        "containers": [],
        "initContainers": [
            {"name": "side", "restartPolicy": "Always"},
            {"name": "wait", "command": ["sh", "-c"], "args": ["until\n  nc db 1"]},
        ],
    },
}


@pytest.fixture
def holding(client_of: ClientOf) -> Callable[..., Client]:
    """A client of a cluster that holds one state after the other, a state for each list of pods."""

    def make(*states: Objects) -> Client:
        remaining = list(states)

        def answer(method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
            resource = urlsplit(path).path.rsplit("/", 1)[-1]
            if resource == "pods" and len(remaining) > 1 and holding_began:
                remaining.pop(0)
            holding_began.append(resource)
            return 200, {}, json.dumps({"items": remaining[0].get(resource, [])}).encode()

        holding_began: list[str] = []
        return client_of(answer)

    return make


def _wait(client: Client, seconds: float = 0.1) -> None:
    wait_ready(client, ["shop"], deadline=Deadline(seconds), interval=0.01)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"pods": [_pod()]},
        {"pods": [_pod(ready=False, phase="Succeeded")]},
        {"pods": [_pod(ready=False, metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})]},
        {"pods": [_pod(ready=False, phase="Failed", metadata={"ownerReferences": [{"kind": "ReplicaSet"}]})]},
        {"deployments": [_controller("Deployment", observedGeneration=1, readyReplicas=2, updatedReplicas=2)]},
        {"replicasets": [_controller("ReplicaSet", observedGeneration=1, readyReplicas=2)]},
        {"jobs": [_controller("Job", active=1), _controller("Job", failed=2)]},
        {"jobs": [{**_controller("Job"), "spec": {"suspend": True}}]},
        {
            "daemonsets": [
                _controller(
                    "DaemonSet", observedGeneration=1, desiredNumberScheduled=1, numberReady=1, updatedNumberScheduled=1
                )
            ]
        },
        {"pods": [_pod()], "services": [SERVICE], "endpointslices": [_slice("10.0.0.1")]},
        {"pods": [_pod()], "services": [SERVICE], "endpointslices": [_slice("10.0.0.1"), BY_HAND]},
        {"services": [SERVICE]},
    ],
)
def test_ready_pods_need_no_wait(holding: Callable[..., Client], state: Objects) -> None:
    _wait(holding(state), 0.0)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"pods": [_pod(ready=False)]}, "pod shop/web is not ready: Running: no event says why; `kubectl describe"),
        (
            {"pods": [INITIALIZING]},
            r"not ready: Init:1/2: init container 'wait' has not ended \(`sh -c until nc db 1`\)",
        ),
        ({"pods": [UNREADY]}, r"not ready: ContainersNotReady: containers with unready status: \[c\]"),
        (
            {
                "deployments": [
                    _controller("Deployment", observedGeneration=1, readyReplicas=3, updatedReplicas=2, replicas=3)
                ]
            },
            "Deployment shop/web: 3 of 2 pods ready, 2 up to date, 1 still to be replaced",
        ),
        (
            {"jobs": [_controller("Job")]},
            "Job shop/web: it has no pod yet",
        ),
        (
            {"replicasets": [_controller("ReplicaSet", observedGeneration=1, readyReplicas=1)]},
            "ReplicaSet shop/web: 1 of 2 pods ready; `kubectl describe` says why",
        ),
        (
            {"deployments": [_controller("Deployment", observedGeneration=1, readyReplicas=1, updatedReplicas=2)]},
            "Deployment shop/web: 1 of 2 pods ready, 2 up to date",
        ),
        (
            {"deployments": [_controller("Deployment", generation=2, observedGeneration=1)]},
            "its controller has not seen the last change",
        ),
        ({"pods": [_pod()], "services": [SERVICE]}, "Service shop/web: its EndpointSlices .*lacks pod shop/web"),
        (
            {"pods": [_pod()], "services": [SERVICE], "endpointslices": [_slice("10.0.0.1", "10.0.0.9")]},
            "still has 10.0.0.9",
        ),
        (
            {"pods": [_pod()], "services": [SERVICE], "endpointslices": [_slice("10.0.0.1", ready=False)]},
            "lacks pod shop/web",
        ),
    ],
)
def test_late_pods_are_named_with_their_problem(holding: Callable[..., Client], state: Objects, message: str) -> None:
    with pytest.raises(WorkloadFailed, match=message):
        _wait(holding(state))


def test_it_returns_as_soon_as_all_is_ready(holding: Callable[..., Client]) -> None:
    client = holding({"pods": [_pod(ready=False)]}, {"pods": [_pod(ready=False)]}, {"pods": [_pod()]})
    deadline = Deadline(30)
    wait_ready(client, ["shop"], deadline=deadline, interval=0.01)
    assert deadline.remaining > 20


@pytest.mark.parametrize(
    ("pod", "message"),
    [
        (_pod(ready=False, **_waiting("ErrImagePull", "no such host")), "ErrImagePull: no such host; check the image"),
        (_pod(ready=False, **_waiting("CrashLoopBackOff")), "CrashLoopBackOff: .*kubectl logs --previous"),
        (_pod(ready=False, **_waiting("CreateContainerConfigError", 'configmap "x" not found')), 'configmap "x"'),
        (_pod(ready=False, phase="Failed", reason="Evicted", message="low on disk"), "Evicted: low on disk"),
    ],
)
def test_a_permanent_problem_fails_at_once(holding: Callable[..., Client], pod: dict[str, Any], message: str) -> None:
    deadline = Deadline(60)
    with pytest.raises(WorkloadFailed, match=message):
        wait_ready(holding({"pods": [pod]}), ["shop"], deadline=deadline, interval=0.01)
    assert deadline.remaining > 50


def test_the_last_warning_explains_a_pod_that_says_nothing(holding: Callable[..., Client]) -> None:
    events = [
        {"type": "Warning", "message": "old news", "lastTimestamp": "2026-01-01T00:00:00Z"},
        {"type": "Warning", "message": "FailedMount: no such volume", "lastTimestamp": "2026-01-02T00:00:00Z"},
        {"type": "Normal", "message": "Scheduled", "lastTimestamp": "2026-01-03T00:00:00Z"},
    ]
    with pytest.raises(WorkloadFailed, match="FailedMount: no such volume"):
        _wait(holding({"pods": [_pod(ready=False, phase="Pending")], "events": events}))


def test_an_unschedulable_pod_gets_some_time(holding: Callable[..., Client]) -> None:
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
    pod = _pod(ready=False, phase="Pending", conditions=[scheduled])
    _wait(holding({"pods": [pod]}, {"pods": [_pod()]}), 10)
    with pytest.raises(WorkloadFailed, match="Unschedulable: 0/1 nodes; make room"):
        _wait(holding({"pods": [pod]}))


def test_deletion_is_awaited_and_remaining_objects_are_named(client_of: ClientOf) -> None:
    key = ObjectKey("v1", "Namespace", "", "shop")
    left: Iterator[Answer] = iter([(200, {}, b'{"metadata": {"name": "shop"}}'), (404, {}, b"{}")])
    wait_gone(client_of(lambda *_: next(left)), [key], deadline=Deadline(10), interval=0.01)

    stuck = client_of(lambda *_: (200, {}, b'{"metadata": {"name": "shop", "finalizers": ["example.test/x"]}}'))
    with pytest.raises(WorkloadFailed, match=r"Namespace shop still exists, held by finalizers example\.test/x"):
        wait_gone(stuck, [key], deadline=Deadline(0.05), interval=0.01)


def _refused(message: str, uid: str = "1", time: str = "2026-01-01T00:00:00Z") -> dict[str, Any]:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "namespace": "shop", "name": "web-5d4f", "uid": uid}
    return {
        "involvedObject": owner,
        "type": "Warning",
        "reason": "FailedCreate",
        "message": f'Error creating: pods "web-5d4f-" is forbidden: {message}',
        "lastTimestamp": time,
    }


def _replica_set(replicas: int = 0, uid: str = "1") -> dict[str, Any]:
    return {
        "metadata": {"name": "web-5d4f", "namespace": "shop", "uid": uid},
        "spec": {"replicas": 2},
        "status": {"replicas": replicas},
    }


def _cluster(client_of: ClientOf, replica_set: dict[str, Any], events: list[dict[str, Any]], code: int = 200) -> Client:
    """A cluster with a Deployment that has no pods, its ReplicaSet, and events."""
    deployment = _controller("Deployment", observedGeneration=1)

    def answer(method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        name = urlsplit(path).path.rsplit("/", 1)[-1]
        if name == "web-5d4f":
            return 200, {}, json.dumps(replica_set).encode()
        items = {"deployments": [deployment], "events": events}.get(name, [])
        return (code if name == "events" else 200), {}, json.dumps({"items": items, "message": "no"}).encode()

    return client_of(answer)


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        (
            'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
            "fix the pod's securityContext",
        ),
        ("exceeded quota: compute, requested: pods=1, used: pods=4, limited: pods=4", "ResourceQuota"),
        ('admission webhook "policy.example.test" denied the request: no', "the webhook says what it wants"),
    ],
)
def test_pods_that_their_controller_may_not_make_end_the_wait_at_once(
    client_of: ClientOf, message: str, remedy: str
) -> None:
    deadline = Deadline(30)
    client = _cluster(client_of, _replica_set(), [_refused("old", time="2025-01-01T00:00:00Z"), _refused(message)])
    with pytest.raises(WorkloadFailed, match=remedy) as raised:
        wait_ready(client, ["shop"], deadline=deadline, interval=0.01)
    assert f"ReplicaSet shop/web-5d4f cannot create its pods: {_refused(message)['message']}" in str(raised.value)
    assert "Deployment shop/web: 0 of 2 pods ready" in str(raised.value)
    assert deadline.remaining > 20


def test_a_temporary_refusal_is_reported_at_the_deadline(client_of: ClientOf) -> None:
    event = _refused('error looking up service account shop/default: serviceaccount "default" not found')
    with pytest.raises(WorkloadFailed, match="serviceaccount"):
        _wait(_cluster(client_of, _replica_set(), [event]))


@pytest.mark.parametrize("replica_set", [_replica_set(replicas=2), _replica_set(uid="2")])
def test_a_refusal_that_is_over_or_of_another_owner_is_not_reported(
    client_of: ClientOf, replica_set: dict[str, Any]
) -> None:
    with pytest.raises(WorkloadFailed, match="Deployment shop/web: 0 of 2") as raised:
        _wait(_cluster(client_of, replica_set, [_refused("exceeded quota: x")]))
    assert "quota" not in str(raised.value)


def test_messages_do_without_events_that_cannot_be_read(client_of: ClientOf) -> None:
    with pytest.raises(WorkloadFailed, match="Deployment shop/web: 0 of 2"):
        _wait(_cluster(client_of, _replica_set(), [], code=403))


def test_a_container_that_crashed_once_gets_another_chance(holding: Callable[..., Client]) -> None:
    crashing = _waiting("CrashLoopBackOff", "back-off 10s restarting failed container")
    crashing["containerStatuses"][0] |= {"restartCount": 1}
    _wait(holding({"pods": [_pod(ready=False, **crashing)]}, {"pods": [_pod()]}), 10)
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    crashing["containerStatuses"][0] |= {"restartCount": 2, "lastState": ended}
    with pytest.raises(WorkloadFailed, match=r"back-off 10s .*; it ended with exit code 137 \(OOMKilled\); `kubectl"):
        _wait(holding({"pods": [_pod(ready=False, **crashing)]}), 10)


def test_an_event_explains_an_image_pull_back_off(holding: Callable[..., Client]) -> None:
    pod = _pod(ready=False, **_waiting("ImagePullBackOff", 'Back-off pulling image "nginx:nope"'))
    message = 'Failed to pull image "nginx:nope": rpc error: code = NotFound desc = manifest unknown'
    events = [{"type": "Warning", "reason": "Failed", "message": message}]
    with pytest.raises(WorkloadFailed, match=r'Back-off pulling image "nginx:nope"; Failed to pull .*manifest unknown'):
        _wait(holding({"pods": [pod], "events": events}), 10)


def test_a_namespace_that_is_not_deleted_names_its_remaining_contents(client_of: ClientOf) -> None:
    conditions = [
        {"type": "NamespaceDeletionDiscoveryFailure", "status": "True", "message": "unable: metrics.k8s.io/v1beta1"},
        {"type": "NamespaceContentRemaining", "status": "True", "message": "widgets.x has 1 resource instances"},
        {"type": "NamespaceDeletionContentFailure", "status": "False", "message": "All content successfully deleted"},
    ]
    shop = {"metadata": {"name": "shop"}, "spec": {"finalizers": ["kubernetes"]}, "status": {"conditions": conditions}}
    stuck = client_of(lambda *_: (200, {}, json.dumps(shop).encode()))
    with pytest.raises(
        WorkloadFailed, match=r"still exists: unable: metrics\.k8s\.io/v1beta1; widgets\.x has 1"
    ) as raised:
        wait_gone(stuck, [ObjectKey("v1", "Namespace", "", "shop")], deadline=Deadline(0.05), interval=0.01)
    assert "successfully" not in str(raised.value)
