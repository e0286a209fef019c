"""The ports of a pod: which responders answer on them, and which listeners are open."""

from collections.abc import Callable, Mapping
from typing import Any

from netpol_harness.emulator.kubelet import images, podspec
from netpol_harness.emulator.kubelet.listeners import Responder
from netpol_harness.emulator.kubelet.running_pod import PodOutput, RunningPod
from netpol_harness.emulator.kubelet.standin import ServedPort, StandIn, served_ports
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import Port


def pod_responders(pod: JsonMapping, output: PodOutput, servers: Mapping[str, Responder]) -> dict[Port, Responder]:
    """Return the responders of a pod's ports: those of ``servers`` for their images, stand-ins for all others.

    Each served port is noted in its container's log.
    """
    responders: dict[Port, Responder] = {}
    for container in podspec.serving_containers(pod):
        if images.may_listen(container):
            continue
        log = output.log(container["name"])
        for entry in served_ports(container, podspec.hostname(pod)):
            log.note(f"serving {entry.port}")
            server = servers.get(container.get("image", ""))
            responders.setdefault(entry.port, server or _stand_in(pod, entry, log.note))
    return responders


def adjust_listeners(pod: JsonMapping, running: RunningPod, on_refusal: Callable[[Port, OSError], None]) -> None:
    """Open and close listeners until all ports are open, except dead ones. Report each port that cannot be opened."""
    live_ports = running.responders.keys() - podspec.dead_ports(pod)
    for port in running.listeners.ports - live_ports:
        running.listeners.close(port)
    for port in live_ports - running.listeners.ports - running.refused_ports:
        try:
            running.listeners.open(port, running.responders[port])
        except OSError as problem:
            running.refused_ports.add(port)
            on_refusal(port, problem)


def _stand_in(pod: JsonMapping, entry: ServedPort, note: Callable[[str], None]) -> Responder:
    metadata: Mapping[str, Any] = pod["metadata"]
    return StandIn(metadata["name"], metadata["namespace"], entry, note)
