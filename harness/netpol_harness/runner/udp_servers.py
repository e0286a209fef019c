"""What a pod's servers of datagrams understand, by its manifest: its image and the words of its command. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netpol_harness.probe.question import UdpService

NAME_SERVERS = re.compile(
    r"(?:^|[/-])(?:core-?dns|kube-?dns|k8s-dns[\w-]*|node-?local-?dns|dnsmasq|bind9?|unbound)(?=[:@-]|$)"
)
"""Images of name servers, with or without their registry and tag."""

NETEXEC, NETEXEC_UDP_PORT = "netexec", 8081
"""The server of the test image agnhost, and where it listens for datagrams unless told otherwise."""


def udp_services(pod: Mapping[str, Any]) -> Mapping[int, UdpService]:
    """By UDP port; what is not there is unknown."""
    return {
        port: udp_service for container in pod["spec"].get("containers") or () for port, udp_service in _of(container)
    }


def _of(container: Mapping[str, Any]) -> Iterator[tuple[int, UdpService]]:
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    if NETEXEC in words:
        yield _port(words), UdpService.ECHO
    elif NAME_SERVERS.search(container.get("image") or ""):
        declared = [port["containerPort"] for port in container.get("ports") or () if port.get("protocol") == "UDP"]
        yield from ((int(port), UdpService.DNS) for port in declared or [53])


def _port(words: Sequence[str]) -> int:
    """The value of ``--udp-port``, in one word or two."""
    found = re.search(r"(?<!\S)--?udp-port[= ](\d{1,5})(?!\S)", " ".join(words))
    return int(found[1]) if found else NETEXEC_UDP_PORT
