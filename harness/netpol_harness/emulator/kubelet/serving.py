"""The ports of a pod: which responders answer on them, and which listeners are open."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from netpol_harness.emulator.kubelet import images, podspec
from netpol_harness.emulator.kubelet.listeners import Responder
from netpol_harness.emulator.kubelet.running_pod import RunningPod
from netpol_harness.emulator.kubelet.standin import ServedPort, StandIn, served_ports
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import Port
from netpol_harness.model.objects import Pod, with_target_ports
from netpol_harness.model.services import Service


def add_responders(pod: JsonMapping, running: RunningPod, servers: Mapping[str, Responder]) -> None:
    """Add the responders of a pod's ports: those of ``servers`` for their images, stand-ins for all others.

    Each served port is noted in its container's log.
    """
    for container in podspec.serving_containers(pod):
        if images.may_listen(container):
            continue
        log = running.output.log(container["name"])
        for entry in served_ports(container, podspec.hostname(pod)):
            log.note(f"serving {entry.port}")
            server = servers.get(container.get("image", ""))
            if entry.port not in running.responders:
                running.responders[entry.port] = server or _stand_in(pod, entry, log.note)
                running.owners[entry.port] = container["name"]


def add_target_ports(pod: JsonMapping, running: RunningPod, services: Iterable[JsonMapping]) -> None:
    """Add stand-ins for the ports to which the Services that select the pod send.

    They stay until the pod ends, whatever becomes of the Services: a process goes on listening. There are none if a
    program of the pod may open ports itself.
    """
    containers = podspec.serving_containers(pod)
    if not running.is_serving or any(map(images.may_listen, containers)):
        return
    log = running.output.log(containers[0]["name"])
    known = with_target_ports(Pod.parse(pod), map(Service.parse, services)).ports
    for port in (entry.port for entry in known if entry.port not in running.responders):
        log.note(f"serving {port}")
        running.responders[port] = _stand_in(pod, ServedPort(port), log.note)
        running.owners[port] = containers[0]["name"]


def adjust_listeners(pod: JsonMapping, running: RunningPod, on_refusal: Callable[[Port, OSError], None]) -> None:
    """Open and close listeners until all ports are open, except dead ones and those of stopped containers.

    Report each port that cannot be opened.
    """
    served = {port for port in running.responders if running.owners[port] not in running.stopped}
    live_ports = served - podspec.dead_ports(pod)
    for port in running.listeners.ports - live_ports:
        running.listeners.close(port)
    for port in live_ports - running.listeners.ports - running.refused_ports:
        try:
            running.listeners.open(port, running.responders[port])
        except OSError as problem:
            running.refused_ports.add(port)
            on_refusal(port, problem)


def stop_listeners(running: RunningPod, container: str) -> None:
    """Close the listeners of a container until it is started again."""
    running.stopped.add(container)
    for port, owner in running.owners.items():
        if owner == container:
            running.listeners.close(port)


def _stand_in(pod: JsonMapping, entry: ServedPort, note: Callable[[str], None]) -> Responder:
    metadata: Mapping[str, Any] = pod["metadata"]
    return StandIn(metadata["name"], metadata["namespace"], entry, note)
