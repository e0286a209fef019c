"""Where the ports of Services lead: to addresses of pods, and to those of EndpointSlices that are written by hand.

Implements core/v1 Service and discovery.k8s.io/v1 EndpointSlice as kube-proxy reads them: of an endpoint's addresses
the first counts, endpoints that end serve only if no other does, and a traffic policy Local leaves those of this
cluster's nodes. Pure.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from ipaddress import ip_address

from netpol_harness.emulator.dataplane.rules import IpVersion
from netpol_harness.emulator.dataplane.selection import PodIndex
from netpol_harness.model.endpoint_slices import EndpointSlice, SliceEndpoint
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import World
from netpol_harness.model.services import Service, ServicePort, TrafficPolicy


@dataclass(frozen=True, slots=True, order=True)
class PodSocket:
    """One address of a pod behind one port of a Service, with the number of the target port there."""

    address: str
    number: int
    pod: NamespacedName


Socket = tuple[str, int]
"""An address in canonical text, and a port."""


def pod_sockets(service: Service, port: ServicePort, pods: PodIndex) -> tuple[PodSocket, ...]:
    """Return the sockets of one port among these pods, sorted by address."""
    backing = backing_pods(service, pods)
    if isinstance(port.target, int):
        targets = {(pod, port.target) for pod in backing}
    else:
        declaring = pods.first_declaring(port.target, port.port.protocol)
        targets = {(pod, number) for pod, number in declaring.items() if pod in backing}
    return tuple(sorted(PodSocket(a, number, pod) for pod, number in targets for a in pods.addresses({pod})))


def backing_pods(service: Service, pods: PodIndex) -> frozenset[NamespacedName]:
    """Return the pods that the Service selects; none if it has no selector."""
    if service.selector is None:
        return frozenset()
    return pods.within(service.ref.namespace, LabelSelector.equal(service.selector))


class ServiceEndpoints:
    """The endpoints of the Services of one world. Pods in ``unready`` count only where a Service publishes them.

    Under a traffic policy Local, those on ``node`` serve; if that is empty, all nodes of the cluster are one.
    """

    def __init__(self, world: World, unready: Set[NamespacedName], node: str = "") -> None:
        self.node = node
        running = [pod for pod in world.pods.values() if pod.running]
        self._all = PodIndex(world, running)
        self._ready = PodIndex(world, [pod for pod in running if pod.ref not in unready])
        self._near = frozenset({node} if node else (pod.node for pod in running if pod.node))
        self._slices: dict[NamespacedName, list[EndpointSlice]] = {}
        for part in world.endpoint_slices:
            self._slices.setdefault(part.service, []).append(part)

    def sockets(
        self, service: Service, port: ServicePort, family: IpVersion, policy: TrafficPolicy
    ) -> tuple[Socket, ...]:
        """Return where connections of one family to this port may go under a traffic policy, sorted."""
        pods = pod_sockets(service, port, self._all if service.publish_not_ready else self._ready)
        pods = tuple(socket for socket in pods if IpVersion.of(socket.address) is family)
        is_anywhere = policy is TrafficPolicy.CLUSTER or not self.node
        sockets = {(s.address, s.number) for s in pods if is_anywhere or self._all.pods[s.pod].node == self.node}
        written = [
            (end, number) for end, number in self._written(service, port) if IpVersion.of(end.addresses[0]) is family
        ]
        is_served = bool(pods) or any(end.ready for end, _ in written)
        for end, number in written:
            is_near = policy is TrafficPolicy.CLUSTER or end.node in self._near
            if is_near and (end.ready if is_served else end.draining):
                sockets.add((str(ip_address(end.addresses[0])), number))
        return tuple(sorted(sockets))

    def _written(self, service: Service, port: ServicePort) -> Iterator[tuple[SliceEndpoint, int]]:
        """Yield the endpoints of written slices that serve a port, which they name as the Service does."""
        for part in self._slices.get(service.ref, ()):
            for own in part.ports:
                if (own.name, own.protocol) == (port.name, port.port.protocol):
                    yield from ((end, own.number) for end in part.endpoints)
