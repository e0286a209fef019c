"""What a run's paths are made of, as far as policies tell it apart: the protocol and the IP family. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from netpol_harness.model.names import Protocol
from netpol_harness.paths.ends import AddressTarget, ExternalSource, ExternalTarget
from netpol_harness.paths.path import ExternalHost, Path, Workload

ANY_FAMILY = 0


@dataclass(frozen=True, slots=True, order=True)
class Traffic:
    """A protocol and the version of IP; ``ANY_FAMILY`` stands for that of the pods' first addresses."""

    protocol: Protocol
    family: int = ANY_FAMILY

    def __str__(self) -> str:
        return f"{self.protocol} over IPv{self.family}" if self.family else str(self.protocol)

    @classmethod
    def parse(cls, text: str) -> "Traffic":
        """Return what ``str`` has written."""
        protocol, _, family = text.partition(" over IPv")
        return cls(Protocol(protocol), int(family or ANY_FAMILY))


PLAIN = Traffic(Protocol.TCP)


def traffic_of(path: Path, externals: Mapping[str, ExternalHost]) -> Traffic | None:
    """Return the traffic of a path; ``None`` for ICMP, which NetworkPolicy does not define.

    A path that names no address has the family of the pods' first addresses.
    """
    protocol = path.scheme.protocol
    if protocol is Protocol.ICMP:
        return None
    literal = path.target.address if isinstance(path.target, AddressTarget) else ""
    hosts = (end.host for end in (path.source, path.target) if isinstance(end, ExternalSource | ExternalTarget))
    address = literal or next((externals[host].address for host in hosts if host in externals), "")
    return Traffic(protocol, ip_address(address).version if address else ANY_FAMILY)


def traffic_of_paths(paths: Iterable[Path], externals: Mapping[str, ExternalHost]) -> frozenset[Traffic]:
    """Return the traffic of all paths."""
    return frozenset(filter(None, (traffic_of(path, externals) for path in paths)))


def served_traffic(servers: Iterable[Workload | ExternalHost]) -> frozenset[Traffic]:
    """Return the traffic of paths to the ports that these serve."""
    return frozenset(Traffic(declared.port.protocol) for server in servers for declared in server.ports)
