"""External hosts of a kind cluster: containers beside its nodes, on kind's network, outside of everything Kubernetes.

A host reaches pods and Services through the nodes, with its own address: routes to the cluster's subnets are set in
the container. It serves its ports (TCP: a small HTTP answer; UDP and SCTP: echo). Where a scenario gives it an address,
it has that one as well, and the nodes are told the way to it. UDP has a listener for each address: one for all of them
answers from the address that the way back suggests, which need not be the one that was asked. What a host asks of a
ClusterIP arrives at the pod with a node's address, since kube-proxy masquerades what comes from outside: policies about
its address need the pod's.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from netpol_harness.backends.kind.engine import Engine
from netpol_harness.backends.runs.command import CommandResult
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ClusterFailed, ExecFailed
from netpol_harness.kube.exec import ExecReply
from netpol_harness.model.names import NamespacedName, Protocol
from netpol_harness.model.objects import ContainerPort
from netpol_harness.paths.path import ExternalHost

CLUSTER_LABEL = "netpol-harness.cluster"
IMAGE = "docker.io/nicolaka/netshoot:v0.14"
"""Has a shell, curl, nc, socat and ip."""

_NETWORK = "kind"
_SUBNETS = re.compile(r"""^\s*(?:podSubnet|serviceSubnet):\s*["']?([0-9a-fA-F.:/,]+)""", re.MULTILINE)
_SECONDS = 30.0
_PULL_SECONDS = 300.0
_ADDRESSES = '{{with index .NetworkSettings.Networks "kind"}}{{.IPAddress}} {{.GlobalIPv6Address}}{{end}}'
_ANSWER = r"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
_UDP_LISTENER = "UDP{family}-RECVFROM:{port},bind={address},fork,reuseaddr"
_LISTENERS = {
    Protocol.TCP: ("TCP{family}-LISTEN:{port},fork,reuseaddr", "EXEC:cat /tmp/answer"),
    Protocol.SCTP: ("SCTP{family}-LISTEN:{port},fork,reuseaddr", "EXEC:cat"),
}


@dataclass(frozen=True, slots=True)
class Site:
    """Where hosts are put: a cluster, its nodes' names, its subnets, and the image of the hosts."""

    engine: Engine
    cluster: str
    nodes: tuple[str, ...]
    subnets: tuple[str, ...]
    image: str = IMAGE


@dataclass(slots=True)
class KindHosts:
    """The external hosts of one scenario (``backends.base.ExternalHosts``)."""

    site: Site
    _containers: dict[NamespacedName, str] = field(default_factory=dict)
    _routed: list[str] = field(default_factory=list)

    @property
    def exec(self) -> "HostExec":
        """Runs commands in these hosts."""
        return HostExec(self.site.engine, self._containers)

    def start(self, hosts: Sequence[ExternalHost], namespace: str) -> Mapping[str, tuple[NamespacedName, str]]:
        """Start the hosts; their names with the reference and the address of each."""
        nodes = [_address(self.site, node) for node in self.site.nodes] if hosts else []
        return {host.name: self._started(host, namespace, nodes) for host in hosts}

    def stop(self) -> None:
        """Remove the hosts and the nodes' routes to them; what is gone already is success."""
        for address in self._routed:
            for node in self.site.nodes:
                _in(self.site, node, ["ip", *_family(address), "route", "del", address])
        if self._containers:
            remove_containers(self.site.engine, self._containers.values())
        self._containers.clear()
        self._routed.clear()

    def _started(self, host: ExternalHost, namespace: str, nodes: Sequence["_Addresses"]) -> tuple[NamespacedName, str]:
        ref = NamespacedName(namespace, host.name)
        container = f"{self.site.cluster}-{namespace}-{host.name}"
        self._containers[ref] = container
        self._make(container, host)
        given = _address(self.site, container)
        for command in _routes(self.site.subnets, nodes, host.address):
            _in(self.site, container, command).or_fail(
                f"external host {host.name} cannot be given its routes", f"the image {self.site.image} must have `ip`"
            )
        if host.address:
            self._routed.append(host.address)
            self._announce(host.address, given)
        self._answer_datagrams(container, host, given)
        return ref, host.address or given.of(next(iter(self.site.subnets), "")) or given.preferred

    def _answer_datagrams(self, container: str, host: ExternalHost, given: "_Addresses") -> None:
        """Listen for UDP, now that the host has all its addresses."""
        program = answering(host.ports, filter(None, (host.address, given.ipv4, given.ipv6)))
        if program:
            arguments = ["exec", "--detach", container, "sh", "-c", program]
            self.site.engine(*arguments, deadline=Deadline(_SECONDS)).or_fail(
                f"external host {host.name} cannot listen for UDP", f"the image {self.site.image} must have socat"
            )

    def _make(self, container: str, host: ExternalHost) -> None:
        arguments = ["run", "--detach", "--init", "--name", container, "--hostname", host.name]
        arguments += [
            "--label",
            f"{CLUSTER_LABEL}={self.site.cluster}",
            "--network",
            _NETWORK,
            "--cap-add",
            "NET_ADMIN",
        ]
        arguments += ["--entrypoint", "sh", self.site.image, "-c", serving(host.ports, self.site.subnets)]
        self.site.engine(*arguments, deadline=Deadline(_PULL_SECONDS)).or_fail(
            f"external host {host.name} cannot be started",
            f"the image {self.site.image} must be here, or its registry in reach",
        )

    def _announce(self, address: str, given: "_Addresses") -> None:
        """Tell every node the way to an address that is not of the engine's network."""
        via = given.of(address)
        for node in self.site.nodes:
            _in(self.site, node, ["ip", *_family(address), "route", "replace", address, "via", via]).or_fail(
                f"node {node} cannot be told the way to {address}", "leave the host's 'address:' out of the scenario"
            )


@dataclass(frozen=True, slots=True)
class HostExec:
    """``kube.exec.Exec`` by the engine's exec, for the containers that it knows."""

    engine: Engine
    containers: Mapping[NamespacedName, str]

    def __call__(
        self, pod: NamespacedName, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        """Run the command. Raises ``ExecFailed`` where it cannot be started."""
        name = self.containers.get(pod)
        if name is None:
            raise ExecFailed(f"exec in external host {pod} failed: there is no such host")
        result = self.engine("exec", *(["--interactive"] if stdin else []), name, *argv, deadline=deadline, input=stdin)
        if result.exit_code is None:
            return ExecReply(None, result.stdout, result.stderr, "the deadline passed before the command ended")
        if why := _not_started(result):
            raise ExecFailed(f"exec in external host {pod} failed: {why}")
        return ExecReply(result.exit_code, result.stdout, result.stderr)


def serving(ports: Iterable[ContainerPort], subnets: Iterable[str]) -> str:
    """The shell program of a host: a listener for each port but UDP's, of the cluster's IP family, while it lives."""
    family = "6" if any(":" in subnet for subnet in subnets) else "4"
    commands = [f"printf '{_ANSWER}' > /tmp/answer;"]
    for declared in (one for one in ports if one.port.protocol in _LISTENERS):
        listen, answer = _LISTENERS[declared.port.protocol]
        both = ",ipv6only=0" if family == "6" else ""
        commands.append(f"socat {listen.format(family=family, port=declared.port.number)}{both} '{answer}' &")
    return " ".join([*commands, "exec sleep infinity"])


def answering(ports: Iterable[ContainerPort], addresses: Iterable[str]) -> str:
    """The shell program of a host's UDP listeners, one for each port and address; empty where it serves no UDP."""
    numbers = [declared.port.number for declared in ports if declared.port.protocol is Protocol.UDP]
    places = [("6", f"[{address}]") if ":" in address else ("4", address) for address in dict.fromkeys(addresses)]
    listeners = [
        _UDP_LISTENER.format(family=family, port=number, address=address)
        for number in numbers
        for family, address in places
    ]
    return " ".join([*(f"socat '{listen}' EXEC:cat &" for listen in listeners), "wait"]) if listeners else ""


def remove_containers(engine: Engine, names: Iterable[str]) -> None:
    """Remove containers by name or id; those that are gone already are success."""
    engine("rm", "--force", "--volumes", *names, deadline=Deadline(_SECONDS), new_session=True)


def containers_of(engine: Engine, cluster: str) -> list[str]:
    """The ids of the external hosts' containers of a cluster."""
    label = f"label={CLUSTER_LABEL}={cluster}"
    return engine("ps", "--all", "--quiet", "--filter", label, deadline=Deadline(_SECONDS)).text.split()


def subnets_of(engine: Engine, nodes: Sequence[str]) -> tuple[str, ...]:
    """Every pod and Service subnet of a cluster, as its first control plane was told."""
    plane = next((node for node in nodes if node.endswith("-control-plane")), "")
    result = engine("exec", plane, "cat", "/kind/kubeadm.conf", deadline=Deadline(_SECONDS))
    text = result.or_fail(f"the configuration of node {plane or '?'} cannot be read", "is the cluster running?").text
    return tuple(part for found in _SUBNETS.findall(text) for part in found.split(","))


@dataclass(frozen=True, slots=True)
class _Addresses:
    """A container's addresses on kind's network; empty where it has none of a family."""

    ipv4: str
    ipv6: str

    @property
    def preferred(self) -> str:
        return self.ipv4 or self.ipv6

    def of(self, other: str) -> str:
        """The address of the same family as another address or subnet."""
        return self.ipv6 if ":" in other else self.ipv4


def _address(site: Site, container: str) -> _Addresses:
    result = site.engine("inspect", "--format", _ADDRESSES, container, deadline=Deadline(_SECONDS))
    found = result.or_fail(f"{container} cannot be inspected", "is the cluster running?").text.split()
    ipv4 = next((text for text in found if ip_address(text).version == 4), "")
    ipv6 = next((text for text in found if ip_address(text).version == 6), "")
    if not (ipv4 or ipv6):
        raise ClusterFailed(f"{container} has no address on the network {_NETWORK}; did it end? see `docker logs`")
    return _Addresses(ipv4, ipv6)


def _routes(subnets: Iterable[str], nodes: Sequence[_Addresses], own: str) -> list[list[str]]:
    """Commands that lead a host's packets to the cluster: to its subnets through a node, and to the nodes themselves.

    All leave from the host's own address if it has one: a node's port shows it to policies as well.
    """
    at_once = ["nodad"] if ":" in own else []  # an address that is being checked for duplicates cannot be bound to
    commands = [["ip", *_family(own), "address", "replace", own, "dev", "eth0", *at_once]] if own else []
    for subnet in subnets:
        via = nodes[-1].of(subnet)
        source = ["src", own] if own and ip_network(subnet).version == ip_address(own).version else []
        if via:
            commands.append(["ip", *_family(subnet), "route", "replace", subnet, "via", via, *source])
    for node in nodes:
        if own and (to := node.of(own)):
            commands.append(["ip", *_family(own), "route", "replace", to, "dev", "eth0", "src", own])
    return commands


def _family(address: str) -> list[str]:
    return ["-6"] if ":" in address else ["-4"]


def _in(site: Site, container: str, command: Sequence[str]) -> CommandResult:
    return site.engine("exec", container, *command, deadline=Deadline(_SECONDS), new_session=True)


def _not_started(result: CommandResult) -> str:
    """Why the engine could not start the command, if it could not; its own exit codes are 125 to 127."""
    said = result.error_text.strip()
    signs = ("OCI runtime exec failed", "Error response from daemon", "Error: no container", "Error: can only")
    if result.exit_code in (1, 125, 126, 127, 255) and any(sign in f"{said}{result.text}" for sign in signs):
        return said or result.text.strip()
    return ""
