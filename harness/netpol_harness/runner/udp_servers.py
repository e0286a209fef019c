"""The UDP services of a pod, as far as its manifest tells: by its images and by the arguments of its commands. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netpol_harness.probe.plan.question import UdpService

NAME_SERVERS = re.compile(
    r"(?:^|[/-])(?:core-?dns|kube-?dns|k8s-dns[\w-]*|node-?local-?dns|dnsmasq|bind9?|unbound)(?=[:@-]|$)"
)
"""Images of name servers, with or without their registry and tag."""

NETEXEC, NETEXEC_UDP_PORT = "netexec", 8081
"""The server of the test image agnhost, and its default UDP port."""


def udp_services(pod: Mapping[str, Any]) -> Mapping[int, UdpService]:
    """Return the services by UDP port. The service of a port that is not among them is unknown."""
    containers = pod["spec"].get("containers") or ()
    return {port: udp_service for container in containers for port, udp_service in _of(container)}


def _of(container: Mapping[str, Any]) -> Iterator[tuple[int, UdpService]]:
    args = [*(container.get("command") or ()), *(container.get("args") or ())]
    if NETEXEC in args:
        yield _netexec_port(args), UdpService.ECHO
    elif NAME_SERVERS.search(container.get("image") or ""):
        declared = [port["containerPort"] for port in container.get("ports") or () if port.get("protocol") == "UDP"]
        yield from ((int(port), UdpService.DNS) for port in declared or [53])


def _netexec_port(args: Sequence[str]) -> int:
    """Return the value of ``--udp-port``, which may be one argument or two."""
    match = re.search(r"(?<!\S)--?udp-port[= ](\d{1,5})(?!\S)", " ".join(args))
    return int(match[1]) if match else NETEXEC_UDP_PORT
