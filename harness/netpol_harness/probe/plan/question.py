"""``Probe``, one connection to try from inside a pod, and ``Question``, a probe with an expectation.

Invariant: the constructors accept only valid hosts and ports, so that nothing in a scenario or in a cluster's response
can become shell syntax or an option of a tool.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from netpol_harness.model.addresses import is_address
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Scheme


class UdpService(StrEnum):
    """The protocol of a UDP server: ``echo WORD``, as of agnhost's netexec or any echo server, or DNS queries."""

    ECHO = "echo"
    DNS = "DNS"


LABEL = r"[A-Za-z0-9](?:[-A-Za-z0-9_]{0,61}[A-Za-z0-9])?"
NAME = re.compile(rf"(?=.{{1,253}}\Z){LABEL}(?:\.{LABEL})*\.?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Probe:
    """One connection to try: ``host`` is a DNS name or a literal address, as a user types it; ``port`` is 0 for ICMP.

    ``source_port``: bound before anything is sent; 0 for any. ``connection``: the name of the persistent connection to
    use, which stays open from one round to the next; empty for a new connection each time. ``udp_service``: the
    protocol of a UDP target, if known; if not, port 53 means a name server. ``addresses``: those that the host's name
    must resolve to, in their standard form; empty if they are not known. ``container``: the one to run in; empty for
    the first that has a tool. ``ip_version``: the one to use of those that the host's name has, if the tool can choose;
    0 for the tool's own choice.
    Raises ``ValueError`` for an invalid field.
    """

    scheme: Scheme
    host: str
    port: int
    source_port: int = 0
    connection: str = ""
    udp_service: UdpService | None = None
    asks_name: bool = False
    addresses: frozenset[str] = frozenset()
    container: str = ""
    ip_version: int = 0

    def __post_init__(self) -> None:
        if not (is_address(self.host) or NAME.fullmatch(self.host)):
            raise ValueError(f"not a host name or an address: {self.host!r}")
        lowest, highest = (0, 0) if self.scheme is Scheme.ICMP else (1, 65535)
        if not lowest <= self.port <= highest:
            raise ValueError(f"port {self.port} of {self.scheme}://{self.host} is not within {lowest} to {highest}")
        if not 0 <= self.source_port <= 65535:
            raise ValueError(f"source port {self.source_port} is not within 1 to 65535")

    @property
    def by_name(self) -> bool:
        """Whether a name must be resolved first."""
        return not is_address(self.host)

    @property
    def asks_dns(self) -> bool:
        """Whether datagrams to the target are DNS queries."""
        return self.udp_service is UdpService.DNS or (self.udp_service is None and self.port == 53)

    @property
    def authority(self) -> str:
        """``host:port`` as in URLs, with IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


PodProbe = tuple[NamespacedName, Probe]
"""A probe and the pod that it runs in."""

LivenessCheck = PodProbe
"""A pod of the target and the probe that shows, from inside that pod, that its listener is alive."""


@dataclass(frozen=True, slots=True)
class Question:
    """One probe from one pod, and the outcome that is expected of it. Names are real ones, as in the cluster.

    Without ``liveness_checks`` a denial cannot be proven. ``proxy_pods`` may run the probe of a liveness check whose
    own pod cannot run it: any response from a listener shows that it is alive.

    ``negative_control`` asks a port of the target on which nothing listens.
    Without ``target_exists``, the API has no Service of the name that is asked: then that is why it does not resolve.
    ``is_idle``: the target is a Service without ready endpoints, and a refusal is expected: that is why it refuses.
    """

    source: NamespacedName
    probe: Probe
    expected: Expected
    liveness_checks: tuple[LivenessCheck, ...] = ()
    proxy_pods: tuple[NamespacedName, ...] = ()
    target_exists: bool = True
    negative_control: Probe | None = None
    is_idle: bool = False

    @property
    def pods(self) -> tuple[NamespacedName, ...]:
        """The source and the pods of all liveness checks."""
        return (self.source, *(pod for pod, _ in self.liveness_checks))

    @property
    def only_policies_close_it(self) -> bool:
        """Whether the path must be open where no policy closes it, and closed again where one does.

        A held connection was open when it was opened, and no lift opens it again. Datagrams from a fixed port are one
        flow for conntrack: once it is admitted, network plugins go on admitting it.
        """
        is_one_flow = self.probe.scheme is Scheme.UDP and self.probe.source_port != 0
        return self.target_exists and not self.is_idle and not self.probe.connection and not is_one_flow

    def __str__(self) -> str:
        return f"{self.source} -> {self.probe}"
