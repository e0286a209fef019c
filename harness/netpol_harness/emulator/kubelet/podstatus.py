"""The status that the kubelet writes: of pods, and of the one node. Pure; the real kubelet's fields (core/v1)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from netpol_harness.emulator.address_plan import NODE_ADDRESS
from netpol_harness.model.json_object import JsonObject
from netpol_harness.wellknown import DATAPLANE_KEY

NODE = "embedded"
IMAGE_ID = "netpol-harness/stand-in"


def placed(pod: JsonObject, address: str, now: str) -> JsonObject:
    """The pod once it has a node and an address, and nothing listens yet."""
    spec = {**pod["spec"], "nodeName": NODE}
    containers = [_container(c, {"waiting": {"reason": "ContainerCreating"}}, "False") for c in spec["containers"]]
    status = {
        **(pod.get("status") or {}),
        "phase": "Pending",
        "startTime": now,
        "conditions": _conditions(now, ready="False"),
        "containerStatuses": containers,
        **_addresses(address),
    }
    return {**pod, "spec": spec, "status": status}


@dataclass(frozen=True, slots=True)
class ContainerState:
    """How a container is doing: ``state`` and the ``last`` one as the API has them, and how often it was restarted."""

    state: JsonObject
    restarts: int = 0
    last: JsonObject = field(default_factory=dict)

    @property
    def exit_code(self) -> int | None:
        """With what the container has ended; ``None`` where it has not, or will be started again."""
        ended = self.state.get("terminated")
        return ended["exitCode"] if ended else None


def started(now: str, restarts: int = 0, last: JsonObject | None = None) -> ContainerState:
    """A container that runs."""
    return ContainerState({"running": {"startedAt": now}}, restarts, last or {})


def ended(
    exit_code: int, began: str, now: str, restarts: int = 0, last: JsonObject | None = None, *, problem: str = ""
) -> ContainerState:
    """A container that has run, and will not run again; ``problem``: why it could not even be started."""
    reason = "StartError" if problem else "Error" if exit_code else "Completed"
    state = {"exitCode": exit_code, "reason": reason, "startedAt": began, "finishedAt": now}
    return ContainerState({"terminated": {**state, **({"message": problem} if problem else {})}}, restarts, last or {})


def failing(restarts: int, last: JsonObject) -> ContainerState:
    """A container that has ended and waits until it is started again."""
    return ContainerState({"waiting": {"reason": "CrashLoopBackOff"}}, restarts, last)


def living(pod: JsonObject, lives: Mapping[str, ContainerState], now: str) -> JsonObject:
    """The pod while its containers come and go. ``lives`` are by container; who is not among them has not begun."""
    spec = pod["spec"]
    first, main = spec.get("initContainers") or (), spec["containers"]
    initialized = all(_is_done(c, lives) for c in first)
    ready = initialized and all("running" in lives[c["name"]].state for c in main if c["name"] in lives)
    ready = ready and all(c["name"] in lives for c in main)
    before = "ContainerCreating" if initialized else "PodInitializing"
    status = {
        **pod["status"],
        "phase": _phase(spec, lives),
        "conditions": _conditions(now, ready=str(ready), initialized=str(initialized)),
        "containerStatuses": [_alive(c, lives, before) for c in main],
    }
    if first:
        status["initContainerStatuses"] = [_alive(c, lives, "PodInitializing") for c in first]
    return {**pod, "status": status}


def running(pod: JsonObject, now: str) -> JsonObject:
    """The pod once all its containers run: ready."""
    first = pod["spec"].get("initContainers") or ()
    lives = {c["name"]: started(now) for c in (*pod["spec"]["containers"], *first)}
    lives |= {c["name"]: ended(0, now, now) for c in first if c.get("restartPolicy") != "Always"}
    return living(pod, lives, now)


def extended(pod: JsonObject, names: Collection[str], now: str) -> JsonObject:
    """The pod once these ephemeral containers run too; they never make it ready or unready."""
    known = (pod.get("status") or {}).get("ephemeralContainerStatuses") or []
    started = {"running": {"startedAt": now}}
    new = [_container(c, started, "False") for c in pod["spec"]["ephemeralContainers"] if c["name"] in names]
    return {**pod, "status": {**pod["status"], "ephemeralContainerStatuses": [*known, *new]}}


def node(now: str, capacity: int, version: Mapping[str, str]) -> JsonObject:
    """The Node object. ``capacity`` is how many pods fit; ``version`` holds kernel, system and Kubernetes versions."""
    resources = {"cpu": "64", "memory": "64Gi", "ephemeral-storage": "64Gi", "pods": str(capacity)}
    ready = {"reason": "KubeletReady", "message": "pods are network namespaces of this process"}
    labels = {
        "kubernetes.io/hostname": NODE,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": version["architecture"],
        DATAPLANE_KEY: "embedded",
        "node-role.kubernetes.io/control-plane": "",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE, "labels": labels, "annotations": {DATAPLANE_KEY: "embedded"}},
        "spec": {"podCIDR": version["podCIDR"], "podCIDRs": [version["podCIDR"]]},
        "status": {
            "capacity": resources,
            "allocatable": resources,
            "addresses": [{"type": "InternalIP", "address": NODE_ADDRESS}, {"type": "Hostname", "address": NODE}],
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


def _addresses(address: str) -> JsonObject:
    hosts = {"hostIP": NODE_ADDRESS, "hostIPs": [{"ip": NODE_ADDRESS}]}
    return {**hosts, "podIP": address, "podIPs": [{"ip": address}]}


def _phase(spec: Mapping[str, Any], lives: Mapping[str, ContainerState]) -> str:
    """core/v1 PodPhase."""
    codes = {name: life.exit_code for name, life in lives.items()}
    main = [codes[c["name"]] for c in spec["containers"] if c["name"] in lives]
    first = [codes[c["name"]] for c in spec.get("initContainers") or () if c["name"] in lives]
    if any(first) or (main and len(main) == len(spec["containers"]) and None not in main and any(main)):
        return "Failed"
    if not main:
        return "Pending"
    return "Running" if None in main or len(main) < len(spec["containers"]) else "Succeeded"


def _is_done(container: Mapping[str, Any], lives: Mapping[str, ContainerState]) -> bool:
    """Whether an init container is no longer in the way of the others."""
    life = lives.get(container["name"])
    return life is not None and (container.get("restartPolicy") == "Always" or life.exit_code == 0)


def _alive(container: Mapping[str, Any], lives: Mapping[str, ContainerState], before: str) -> JsonObject:
    life = lives.get(container["name"], ContainerState({"waiting": {"reason": before}}))
    ready = "running" in life.state or life.exit_code == 0
    shown = _container(container, life.state, str(ready))
    return {**shown, "restartCount": life.restarts, "lastState": life.last}


def _conditions(now: str, *, ready: str, initialized: str = "True") -> list[JsonObject]:
    states = {
        "PodReadyToStartContainers": "True",
        "Initialized": initialized,
        "Ready": ready,
        "ContainersReady": ready,
        "PodScheduled": "True",
    }
    return [{"type": t, "status": s, "lastProbeTime": None, "lastTransitionTime": now} for t, s in states.items()]


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
