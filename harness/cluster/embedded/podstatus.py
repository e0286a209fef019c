"""The status that the kubelet writes: of pods, and of the one node. Pure; the real kubelet's fields (core/v1)."""

from collections.abc import Collection, Mapping
from typing import Any

from harness.cluster.embedded.node import ADDRESS

NODE = "embedded"
IMAGE_ID = "netpol-harness/stand-in"

Object = dict[str, Any]


def placed(pod: Object, address: str, now: str) -> Object:
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


def running(pod: Object, now: str) -> Object:
    """The pod once its listeners are open: ready."""
    started = {"running": {"startedAt": now}}
    done = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}}
    spec = pod["spec"]
    status = {
        **pod["status"],
        "phase": "Running",
        "conditions": _conditions(now, ready="True"),
        "containerStatuses": [_container(c, started, "True") for c in spec["containers"]],
    }
    first = spec.get("initContainers") or ()
    if first:
        status["initContainerStatuses"] = [
            _container(c, started if c.get("restartPolicy") == "Always" else done, "True") for c in first
        ]
    return {**pod, "status": status}


def extended(pod: Object, names: Collection[str], now: str) -> Object:
    """The pod once these ephemeral containers run too; they never make it ready or unready."""
    known = (pod.get("status") or {}).get("ephemeralContainerStatuses") or []
    started = {"running": {"startedAt": now}}
    new = [_container(c, started, "False") for c in pod["spec"]["ephemeralContainers"] if c["name"] in names]
    return {**pod, "status": {**pod["status"], "ephemeralContainerStatuses": [*known, *new]}}


def node(now: str, capacity: int, version: Mapping[str, str]) -> Object:
    """The Node object. ``capacity`` is how many pods fit; ``version`` holds kernel, system and Kubernetes versions."""
    resources = {"cpu": "64", "memory": "64Gi", "ephemeral-storage": "64Gi", "pods": str(capacity)}
    ready = {"reason": "KubeletReady", "message": "pods are network namespaces of this process"}
    labels = {
        "kubernetes.io/hostname": NODE,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": version["architecture"],
        "netpol-harness/dataplane": "embedded",
        "node-role.kubernetes.io/control-plane": "",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE, "labels": labels, "annotations": {"netpol-harness/dataplane": "embedded"}},
        "spec": {"podCIDR": version["podCIDR"], "podCIDRs": [version["podCIDR"]]},
        "status": {
            "capacity": resources,
            "allocatable": resources,
            "addresses": [{"type": "InternalIP", "address": ADDRESS}, {"type": "Hostname", "address": NODE}],
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


def _addresses(address: str) -> Object:
    hosts = {"hostIP": ADDRESS, "hostIPs": [{"ip": ADDRESS}]}
    return {**hosts, "podIP": address, "podIPs": [{"ip": address}]}


def _conditions(now: str, *, ready: str) -> list[Object]:
    states = {
        "PodReadyToStartContainers": "True",
        "Initialized": "True",
        "Ready": ready,
        "ContainersReady": ready,
        "PodScheduled": "True",
    }
    return [{"type": t, "status": s, "lastProbeTime": None, "lastTransitionTime": now} for t, s in states.items()]


def _container(spec: Mapping[str, Any], state: Object, ready: str) -> Object:
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
