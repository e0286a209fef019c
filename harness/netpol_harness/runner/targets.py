"""Resolves a path to questions: which pod probes which host and port. Pure.

Every question has its liveness checks: probes that must be answered inside the target's own pods, in the same round,
before a missing answer counts as a denial.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from netpol_harness.errors import WorkloadFailed
from netpol_harness.model.addresses import ip_version
from netpol_harness.model.names import NamespacedName, Protocol
from netpol_harness.model.objects import Pod
from netpol_harness.model.services import Service
from netpol_harness.paths.ends import (
    AddressTarget,
    ClusterIPTarget,
    DnsTarget,
    ExternalSource,
    ExternalTarget,
    FqdnTarget,
    LoadBalancerTarget,
    NameServerTarget,
    NodePortTarget,
    NodeSource,
    PodSource,
    PodTarget,
    ServiceTarget,
)
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Path, ProbeMode, Scheme
from netpol_harness.probe.plan.frames import canonical_address
from netpol_harness.probe.plan.question import LivenessCheck, Probe, Question, UdpService
from netpol_harness.runner.snapshot import ClusterSnapshot

UNUSED_PORTS = range(47, 1000)
"""The ports among which one is chosen that a target does not declare. Servers of tests and tutorials use others."""

CLUSTER_DOMAIN = "cluster.local"


@dataclass(frozen=True, slots=True)
class ResolvedProbe:
    """One question of a path, and its two ends as text.

    ``source_completed``: the source pod has probed while it started, and has exited. The question only checks whether
    the target is alive.
    """

    source: str
    target: str
    question: Question
    source_completed: bool = False


def resolve_probes(expectation: Expectation, snapshot: ClusterSnapshot) -> tuple[ResolvedProbe, ...]:
    """Return the questions of one path: every pod of the source probes every address of the target. Never empty.

    Raises ``WorkloadFailed`` if a pod, Service or address that the path needs does not exist. The name of a Service
    that does not exist is probed only if the expected verdict is UNRESOLVED or UNDEFINED.
    """
    target = expectation.path.target
    if isinstance(target, DnsTarget) and expectation.expected not in (Expected.UNRESOLVED, Expected.UNDEFINED):
        snapshot.service(target.ref)
    return tuple(
        _resolved(expectation, source, probe, snapshot)
        for source in _sources(expectation.path, snapshot)
        for probe in _probes(expectation.path, source, snapshot)
    )


def probes_from(path: Path, source: Pod, snapshot: ClusterSnapshot) -> tuple[Probe, ...]:
    """Return the probes of one pod of the path's source. Raises as ``resolve_probes`` does; Services may be missing."""
    return tuple(_probes(path, source, snapshot))


def _resolved(expectation: Expectation, source: Pod, probe: Probe, snapshot: ClusterSnapshot) -> ResolvedProbe:
    path, expected = expectation.path, expectation.expected
    target = probe.authority if probe.port else probe.host
    if isinstance(path.target, DnsTarget) and probe.by_name and path.mode is ProbeMode.NEW:
        probe = _of_one_version(probe, path.target.ref, snapshot)
    if isinstance(path.target, ExternalTarget) and probe.by_name and path.mode is ProbeMode.NEW:
        own = snapshot.external_host(path.target.host).addresses
        probe = replace(probe, addresses=frozenset(map(canonical_address, own)))
    liveness_checks = _liveness_checks(path, source, probe, expected, snapshot)
    servers = {server.ref for server in snapshot.name_servers}
    proxy_pods = _proxy_pods(snapshot) if any(pod in servers for pod, _ in liveness_checks) else ()
    if source.running:
        exists = not isinstance(path.target, DnsTarget) or snapshot.has_service(path.target.ref)
        control = _negative_control(path, source, probe, snapshot)
        is_idle = expected is Expected.REJECTED and snapshot.is_idle(path)
        question = Question(source.ref, probe, expected, liveness_checks, proxy_pods, exists, control, is_idle)
        return ResolvedProbe(str(source.ref), target, question)
    if not liveness_checks:
        raise WorkloadFailed(f"{source.ref} has ended, and no other pod can tell whether {probe} answers")
    pod, check = liveness_checks[0]
    return ResolvedProbe(
        str(source.ref), target, Question(pod, check, Expected.ALLOWED, liveness_checks), source_completed=True
    )


def _of_one_version(probe: Probe, service: NamespacedName, snapshot: ClusterSnapshot) -> Probe:
    """Return the probe of a name, with its addresses, and of two IP versions the one that the Service has first."""
    addresses = snapshot.addresses_of_name(service)
    has_both = len(set(map(ip_version, addresses))) > 1
    return replace(probe, addresses=addresses, ip_version=snapshot.first_version_of_name(service) if has_both else 0)


def _sources(path: Path, snapshot: ClusterSnapshot) -> tuple[Pod, ...]:
    match path.source:
        case ExternalSource(host):
            return (snapshot.external_host(host),)
        case NodeSource(ref, replica):
            return snapshot.nodes_of(ref, replica)
        case PodSource(ref) if path.mode is ProbeMode.FIRST_PACKET:
            return snapshot.pods_ever_of(ref)
        case PodSource(ref, _, replica):
            return _other_than_target(snapshot.pods_of(ref, replica), path, snapshot)


def _other_than_target(pods: tuple[Pod, ...], path: Path, snapshot: ClusterSnapshot) -> tuple[Pod, ...]:
    """Return the pods without the one replica that is probed, if there are others."""
    target = path.target
    if not isinstance(target, PodTarget) or target.replica is None:
        return pods
    probed = snapshot.pods_of(target.ref, target.replica)
    return tuple(pod for pod in pods if pod not in probed) or pods


def _probes(path: Path, source: Pod, snapshot: ClusterSnapshot) -> Iterable[Probe]:
    """Yield the path's probes. Those over UDP send what the target's server understands, as far as it is known."""
    for probe in _plain_probes(path, source, snapshot):
        listeners = _listeners(path, source, probe, snapshot) if path.scheme is Scheme.UDP else ()
        known = (_udp_service(pod, number, snapshot) for pod, number in listeners)
        yield replace(probe, udp_service=next(filter(None, known), None))


def _udp_service(pod: Pod, number: int, snapshot: ClusterSnapshot) -> UdpService | None:
    return snapshot.udp_services.get(pod.ref, {}).get(number)


def _plain_probes(path: Path, source: Pod, snapshot: ClusterSnapshot) -> Iterable[Probe]:
    if isinstance(path.target, DnsTarget) and not isinstance(path.source, PodSource):
        virtual = _virtual_addresses(path.target, snapshot) if isinstance(path.source, NodeSource) else ()
        if not virtual:
            return _load_balanced(path, path.target, snapshot)
        return (Probe(path.scheme, virtual[0], path.target.port, path.source_port),)
    return (
        Probe(
            path.scheme,
            host,
            path.target.port,
            path.source_port,
            path.text if path.mode is ProbeMode.PERSISTENT else "",
            container=path.source.container if isinstance(path.source, PodSource) else "",
        )
        for host in _hosts(path, source, snapshot)
    )


def _virtual_addresses(target: DnsTarget, snapshot: ClusterSnapshot) -> tuple[str, ...]:
    """Return the ClusterIPs of a Service, by which nodes reach it: they do not use the cluster's name server."""
    return snapshot.endpoints.addresses_of(snapshot.service(target.ref))


def _load_balanced(path: Path, target: DnsTarget, snapshot: ClusterSnapshot) -> tuple[Probe, ...]:
    """Return probes of the Service's pods, as a load balancer would connect to them: they see the host's own address.

    With the ClusterIP they would not: kube-proxy replaces it by a node's address, and nodes reach their own pods.
    """
    probes = tuple(Probe(path.scheme, _address(pod), number) for pod, number in snapshot.listeners(path))
    if not probes:
        raise WorkloadFailed(f"Service {target.ref} has no pods behind port {target.port}")
    return probes


def _hosts(path: Path, source: Pod, snapshot: ClusterSnapshot) -> tuple[str, ...]:
    match path.target:
        case AddressTarget(address):
            return (address,)
        case NameServerTarget():
            return (snapshot.name_server_address(source),)
        case ExternalTarget(_, _, name) if name:
            return (name,)
        case ExternalTarget(host):
            return snapshot.external_host(host).addresses[:1]
        case PodTarget(ref, _, replica):
            return tuple(map(_address, _other_pods(ref, replica, source, snapshot)))
        case NodePortTarget(ref, _, replica):
            return tuple(dict.fromkeys(pod.node_address for pod in snapshot.pods_of(ref, replica)))
        case LoadBalancerTarget(ref):
            return _outside_address(snapshot.service(ref))
        case ClusterIPTarget(ref):
            return _cluster_ip(snapshot.service(ref))
        case ServiceTarget(ref) | FqdnTarget(ref):
            return (_service_name(path.target, snapshot.real(ref), source),)


def _other_pods(ref: NamespacedName, replica: int | None, source: Pod, snapshot: ClusterSnapshot) -> tuple[Pod, ...]:
    """Return the pods of a target other than the source: no policy applies between a pod and itself.

    A path from a Pod of its own to itself is probed as it is written.
    """
    pods = snapshot.pods_of(ref, replica)
    others = tuple(pod for pod in pods if pod.ref != source.ref)
    if not others and source.controller:
        raise WorkloadFailed(f"{ref} has one running pod, and a path to itself is probed between two of its pods")
    return others or pods


def _address(pod: Pod) -> str:
    if not pod.addresses:
        raise WorkloadFailed(f"pod {pod.ref} has no address yet")
    return pod.addresses[0]


def _service_name(target: DnsTarget, service: NamespacedName, source: Pod) -> str:
    """Return the name as typed in a pod: bare in its own namespace, else ``name.namespace``; or the full name."""
    if isinstance(target, FqdnTarget):
        return f"{service.name}.{service.namespace}.svc.{CLUSTER_DOMAIN}"
    return service.name if service.namespace == source.ref.namespace else f"{service.name}.{service.namespace}"


def _liveness_checks(
    path: Path, source: Pod, probe: Probe, expected: Expected, snapshot: ClusterSnapshot
) -> tuple[LivenessCheck, ...]:
    if expected is Expected.UNRESOLVED or isinstance(path.target, NameServerTarget):
        scheme = Scheme.UDP if expected is Expected.UNRESOLVED else path.scheme
        answers = UdpService.DNS if scheme is Scheme.UDP else None
        servers = snapshot.name_server_sockets(source)
        return tuple((pod.ref, Probe(scheme, host, number, udp_service=answers)) for pod, host, number in servers)
    return tuple(
        _own(pod, path.scheme, number, _udp_service(pod, number, snapshot), host=probe.host)
        for pod, number in _listeners(path, source, probe, snapshot)
    )


def _negative_control(path: Path, source: Pod, probe: Probe, snapshot: ClusterSnapshot) -> Probe | None:
    """Return the probe of a port on which nothing is known to listen, at the own address of the path's target."""
    if path.scheme.protocol not in (Protocol.TCP, Protocol.UDP):
        return None
    for pod, _ in _listeners(path, source, probe, snapshot):
        served = {port.port.number for port in pod.ports}
        unused = next(number for number in UNUSED_PORTS if number not in served)
        scheme = Scheme.UDP if path.scheme is Scheme.UDP else Scheme.TCP
        return Probe(scheme, probe.host if probe.host in pod.addresses else _address(pod), unused)
    return None


def _proxy_pods(snapshot: ClusterSnapshot) -> tuple[NamespacedName, ...]:
    """Return the pods that may probe a name server instead of its own pod.

    Its image has no shell, and not every cluster permits ephemeral containers in its pods.
    """
    return tuple(sorted(pod.ref for pod in snapshot.world.pods.values() if pod.running))


def _own(pod: Pod, scheme: Scheme, number: int, udp_service: UdpService | None, host: str = "") -> LivenessCheck:
    """Return a pod's probe of its own address, or of the address that is probed if it has several.

    The connection stays inside the pod, where no policy applies.
    """
    address = host if host in pod.addresses else _address(pod)
    return pod.ref, Probe(scheme, address, number, udp_service=udp_service if scheme is Scheme.UDP else None)


def _listeners(path: Path, source: Pod, probe: Probe, snapshot: ClusterSnapshot) -> Iterable[tuple[Pod, int]]:
    """Return the pods and port numbers that should answer this probe."""
    if isinstance(path.target, NameServerTarget):
        return [(pod, number) for pod, _, number in snapshot.name_server_sockets(source)]
    listeners = snapshot.listeners(path)
    if isinstance(path.target, PodTarget):
        return [(pod, number) for pod, number in listeners if probe.host in pod.addresses]
    return listeners


def _cluster_ip(service: Service) -> tuple[str, ...]:
    if not service.cluster_ips:
        raise WorkloadFailed(f"Service {service.ref} has no ClusterIP (is it headless?); use its name instead")
    return service.cluster_ips[:1]


def _outside_address(service: Service) -> tuple[str, ...]:
    hosts = (*service.load_balancer_ips, *service.load_balancer_proxies, *service.external_ips)
    if not hosts:
        raise WorkloadFailed(
            f"Service {service.ref} has no load balancer yet (status.loadBalancer.ingress); "
            "does the cluster have a controller that makes one, such as MetalLB or that of a cloud?"
        )
    return hosts[:1]
