"""What a connection finally reaches: a pod, an external host, or an address of which nothing more is known."""

from dataclasses import dataclass

from netpol_harness.model.names import NamespacedName, Port
from netpol_harness.model.objects import Pod


@dataclass(frozen=True, slots=True)
class PodEndpoint:
    """A pod, and its own port at which a connection arrives; port 0 for ICMP."""

    pod: Pod
    port: Port

    @property
    def name(self) -> NamespacedName:
        """The name of the pod."""
        return self.pod.ref


@dataclass(frozen=True, slots=True)
class HostEndpoint:
    """An external host by its name, and the port at which a connection arrives; port 0 for ICMP.

    ``address`` is the one that is connected to, empty if it is not known.
    """

    host: str
    port: Port
    address: str = ""

    @property
    def name(self) -> str:
        """The name of the host."""
        return self.host


@dataclass(frozen=True, slots=True)
class AddressEndpoint:
    """An address of which nothing more is known, and the port at which a connection arrives."""

    address: str
    port: Port

    @property
    def name(self) -> str:
        """The address, in place of a name."""
        return self.address


Endpoint = PodEndpoint | HostEndpoint | AddressEndpoint
