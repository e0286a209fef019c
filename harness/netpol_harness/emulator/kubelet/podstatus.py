"""The status that the kubelet writes: of pods, and of nodes. Pure; the real kubelet's fields (core/v1)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netpol_harness.emulator.address_plan import NODE_NAME, NodePlan
from netpol_harness.model.json_object import JsonObject
from netpol_harness.wellknown import DATAPLANE_KEY

IMAGE_ID = "netpol-harness/stand-in"


def has_ended(pod: Mapping[str, Any]) -> bool:
    """Return whether all containers of the pod have ended for good."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def scheduled(pod: JsonObject, node: NodePlan, addresses: Sequence[str], now: str) -> JsonObject:
    """Return the pod with its node and its addresses, before anything listens."""
    bound = {
        **pod,
        "spec": {**pod["spec"], "nodeName": node.name},
        "status": {**(pod.get("status") or {}), "startTime": now},
    }
    bound["status"] |= _addresses(node, addresses)
    return with_container_states(bound, {}, now)


def unschedulable(pod: JsonObject, reason: str, now: str) -> JsonObject:
    """Return the pod as pending, because no node can run it."""
    status = pod.get("status") or {}
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": reason}
    others = [entry for entry in status.get("conditions") or () if entry["type"] != "PodScheduled"]
    timed = {**condition, "lastProbeTime": None, "lastTransitionTime": now}
    return {**pod, "status": {**status, "phase": "Pending", "conditions": [*others, timed]}}


@dataclass(frozen=True, slots=True)
class ContainerState:
    """The ``state`` and ``last`` state of a container as in the API, and the number of its restarts.

    A running container may not have ``started`` yet, or not be ``ready``, if its probes say so.
    """

    state: JsonObject
    restarts: int = 0
    last: JsonObject = field(default_factory=dict)
    started: bool = True
    ready: bool = True

    @property
    def exit_code(self) -> int | None:
        """The exit code of a container that has ended for good; otherwise ``None``."""
        terminated = self.state.get("terminated")
        return terminated["exitCode"] if terminated else None

    @property
    def is_ready(self) -> bool:
        """Whether the container runs and is ready."""
        return "running" in self.state and self.ready


def running_container(now: str, restarts: int = 0, last: JsonObject | None = None) -> ContainerState:
    """Return the state of a running container."""
    return ContainerState({"running": {"startedAt": now}}, restarts, last or {})


def terminated_container(
    exit_code: int, started_at: str, now: str, restarts: int = 0, last: JsonObject | None = None, *, problem: str = ""
) -> ContainerState:
    """Return the state of a container that has ended for good. ``problem`` is the reason if it could not be started."""
    reason = "StartError" if problem else "Error" if exit_code else "Completed"
    state = {"exitCode": exit_code, "reason": reason, "startedAt": started_at, "finishedAt": now}
    return ContainerState({"terminated": {**state, **({"message": problem} if problem else {})}}, restarts, last or {})


def waiting_container(restarts: int, last: JsonObject) -> ContainerState:
    """Return the state of a container that has ended and waits for its restart."""
    return ContainerState({"waiting": {"reason": "CrashLoopBackOff"}}, restarts, last)


def with_container_states(pod: JsonObject, states: Mapping[str, ContainerState], now: str) -> JsonObject:
    """Return the pod with the states of its containers, by name. Containers without a state have not started."""
    spec = pod["spec"]
    init, main = spec.get("initContainers") or (), spec["containers"]
    incomplete = [c["name"] for c in init if not _is_initialized(c, states)]
    serving = (*main, *(c for c in init if c.get("restartPolicy") == "Always"))
    unready = [c["name"] for c in serving if c["name"] not in states or not states[c["name"]].is_ready]
    waiting_reason = "PodInitializing" if incomplete else "ContainerCreating"
    known, phase = pod["status"].get("conditions") or (), _phase(spec, states)
    status = {
        **pod["status"],
        "phase": phase,
        "conditions": _with_times(known, _conditions(incomplete, unready, phase), now),
        "containerStatuses": [_container_status(c, states, waiting_reason) for c in main],
    }
    if init:
        status["initContainerStatuses"] = [_container_status(c, states, "PodInitializing") for c in init]
    return {**pod, "status": status}


def with_all_running(pod: JsonObject, now: str) -> JsonObject:
    """Return the pod with all its containers running: it is ready."""
    init = pod["spec"].get("initContainers") or ()
    states = {c["name"]: running_container(now) for c in (*pod["spec"]["containers"], *init)}
    states |= {c["name"]: terminated_container(0, now, now) for c in init if c.get("restartPolicy") != "Always"}
    return with_container_states(pod, states, now)


def with_ephemeral_containers(pod: JsonObject, names: Collection[str], now: str) -> JsonObject:
    """Return the pod with these ephemeral containers running. They never affect its readiness."""
    known = (pod.get("status") or {}).get("ephemeralContainerStatuses") or []
    state = {"running": {"startedAt": now}}
    new = [_container(c, state, "False") for c in pod["spec"]["ephemeralContainers"] if c["name"] in names]
    return {**pod, "status": {**pod["status"], "ephemeralContainerStatuses": [*known, *new]}}


def node(plan: NodePlan, now: str, capacity: int, version: Mapping[str, str]) -> JsonObject:
    """Return the Node object. The first node has the role of a control plane, and runs pods like the others.

    ``capacity`` is the number of pods that fit. ``version`` has the versions of kernel, system and Kubernetes.
    """
    ranges = [str(network) for network in plan.pod_ranges]
    addresses = [{"type": "InternalIP", "address": address} for address in plan.addresses]
    resources = {"cpu": "64", "memory": "64Gi", "ephemeral-storage": "64Gi", "pods": str(capacity)}
    ready = {"reason": "KubeletReady", "message": "pods are network namespaces of this process"}
    labels = {
        "kubernetes.io/hostname": plan.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": version["architecture"],
        DATAPLANE_KEY: "embedded",
        **({"node-role.kubernetes.io/control-plane": ""} if plan.name == NODE_NAME else {}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": plan.name, "labels": labels, "annotations": {DATAPLANE_KEY: version["dataplane"]}},
        "spec": {"podCIDR": ranges[0], "podCIDRs": ranges},
        "status": {
            "capacity": resources,
            "allocatable": resources,
            "addresses": [*addresses, {"type": "Hostname", "address": plan.name}],
            "conditions": [
                {"type": "Ready", "status": "True", "lastHeartbeatTime": now, "lastTransitionTime": now, **ready}
            ],
            "nodeInfo": {
                "architecture": version["architecture"],
                "operatingSystem": "linux",
                "kernelVersion": version["kernel"],
                "osImage": version["system"],
                "kubeletVersion": version["kubernetes"],
                "kubeProxyVersion": "",
                "containerRuntimeVersion": "netpol-harness://stand-ins",
                "bootID": "",
                "machineID": "",
                "systemUUID": "",
            },
        },
    }


def _addresses(node: NodePlan, addresses: Sequence[str]) -> JsonObject:
    host = {"hostIP": node.address, "hostIPs": [{"ip": address} for address in node.addresses]}
    return {**host, "podIP": addresses[0], "podIPs": [{"ip": address} for address in addresses]}


def _phase(spec: Mapping[str, Any], states: Mapping[str, ContainerState]) -> str:
    """Return the phase (core/v1 PodPhase)."""
    codes = {name: state.exit_code for name, state in states.items()}
    main = [codes[c["name"]] for c in spec["containers"] if c["name"] in states]
    init = [codes[c["name"]] for c in spec.get("initContainers") or () if c["name"] in states]
    if any(init) or (main and len(main) == len(spec["containers"]) and None not in main and any(main)):
        return "Failed"
    if not main:
        return "Pending"
    return "Running" if None in main or len(main) < len(spec["containers"]) else "Succeeded"


def _is_initialized(container: Mapping[str, Any], states: Mapping[str, ContainerState]) -> bool:
    """Return whether an init container no longer blocks the containers after it."""
    state = states.get(container["name"])
    return state is not None and (container.get("restartPolicy") == "Always" or state.exit_code == 0)


def _container_status(container: Mapping[str, Any], states: Mapping[str, ContainerState], reason: str) -> JsonObject:
    state = states.get(container["name"], ContainerState({"waiting": {"reason": reason}}))
    status = _container(container, state.state, str(state.is_ready or state.exit_code == 0))
    started = "running" in state.state and state.started
    return {**status, "restartCount": state.restarts, "lastState": state.last, "started": started}


def _conditions(incomplete: Sequence[str], unready: Sequence[str], phase: str) -> list[JsonObject]:
    """Return the pod's conditions; ``incomplete`` and ``unready`` are the containers that stand in their way."""
    initialized = _condition(incomplete, "ContainersNotInitialized", "incomplete")
    ready = _condition(unready, "ContainersNotReady", "unready")
    if phase == "Succeeded":
        initialized["reason"] = ready["reason"] = "PodCompleted"
        ready.pop("message", None)
    return [
        {"type": "PodReadyToStartContainers", "status": "True"},
        {"type": "Initialized", **initialized},
        {"type": "Ready", **ready},
        {"type": "ContainersReady", **ready},
        {"type": "PodScheduled", "status": "True"},
    ]


def _condition(names: Sequence[str], reason: str, word: str) -> JsonObject:
    if not names:
        return {"status": "True"}
    return {"status": "False", "reason": reason, "message": f"containers with {word} status: [{' '.join(names)}]"}


def _with_times(known: Sequence[JsonObject], conditions: Sequence[JsonObject], now: str) -> list[JsonObject]:
    """Return the conditions, and those of other types that are known. Statuses that stay keep their time."""
    before, own = {entry["type"]: entry for entry in known}, {entry["type"] for entry in conditions}
    timed = [
        {**entry, "lastProbeTime": None, "lastTransitionTime": _transition(before.get(entry["type"]), entry, now)}
        for entry in conditions
    ]
    return [*timed, *(entry for entry in known if entry["type"] not in own)]


def _transition(before: JsonObject | None, after: JsonObject, now: str) -> str:
    same = before is not None and before["status"] == after["status"]
    return str(before["lastTransitionTime"]) if before is not None and same else now


def _container(spec: Mapping[str, Any], state: JsonObject, ready: str) -> JsonObject:
    return {
        "name": spec["name"],
        "image": spec.get("image", ""),
        "imageID": IMAGE_ID,
        "containerID": f"netpol-harness://{spec['name']}",
        "restartCount": 0,
        "ready": ready == "True",
        "started": ready == "True",
        "state": state,
        "lastState": {},
    }
