"""External hosts of a kind cluster: containers beside its nodes, on kind's network, outside of Kubernetes.

A host reaches pods and Services through the nodes with its own address: its container has routes to the cluster's
subnets. It serves its ports (TCP: a small HTTP response; UDP and SCTP: echo). If a scenario gives it an address, it has
that one in addition, and the nodes have a route to it.

There is one listener for each address, so that what answers at an address is bound to it: datagrams of a listener on
all addresses leave from the address of the return route, which may not be the one that was probed, and an association
of SCTP would have all of them. Liveness checks probe the very address that paths probe. A connection to a ClusterIP
arrives at the pod with a node's address, since kube-proxy masquerades traffic from outside; so policies about
a host's address only match connections to pod addresses.
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
_RESPONSE = r"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
_LISTENERS = {
    Protocol.TCP: ("TCP{family}-LISTEN", "EXEC:cat /tmp/response"),
    Protocol.UDP: ("UDP{family}-RECVFROM", "EXEC:cat"),
    Protocol.SCTP: ("SCTP{family}-LISTEN", "EXEC:cat"),
}
"""By protocol, socat's address for the listener, and what answers."""


@dataclass(frozen=True, slots=True)
class Site:
    """The surroundings of hosts: the cluster, the names of its nodes, its subnets, and the image of the hosts."""

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
        """Start the hosts. Return the namespaced name and the address of each, by the host's name."""
        nodes = [_address(self.site, node) for node in self.site.nodes] if hosts else []
        return {host.name: self._start(host, namespace, nodes) for host in hosts}

    def stop(self) -> None:
        """Remove the hosts and the nodes' routes to them; a host that is gone is success."""
        for address in self._routed:
            for node in self.site.nodes:
                _in(self.site, node, ["ip", *_family(address), "route", "del", address])
        if self._containers:
            remove_containers(self.site.engine, self._containers.values())
        self._containers.clear()
        self._routed.clear()

    def _start(self, host: ExternalHost, namespace: str, nodes: Sequence["_Addresses"]) -> tuple[NamespacedName, str]:
        ref = NamespacedName(namespace, host.name)
        container = f"{self.site.cluster}-{namespace}-{host.name}"
        self._containers[ref] = container
        self._run_container(container, host)
        addresses = _address(self.site, container)
        for command in _routes(self.site.subnets, nodes, host.address):
            _in(self.site, container, command).or_fail(
                f"external host {host.name} cannot be given its routes", f"the image {self.site.image} must have `ip`"
            )
        if host.address:
            self._routed.append(host.address)
            self._add_node_routes(host.address, addresses)
        self._listen(container, host, addresses)
        return ref, host.address or addresses.of(next(iter(self.site.subnets), "")) or addresses.preferred

    def _listen(self, container: str, host: ExternalHost, addresses: "_Addresses") -> None:
        """Start the listeners, now that the host has all of its addresses."""
        program = listeners(host.ports, filter(None, (host.address, addresses.ipv4, addresses.ipv6)))
        if program:
            arguments = ["exec", "--detach", container, "sh", "-c", program]
            self.site.engine(*arguments, deadline=Deadline(_SECONDS)).or_fail(
                f"external host {host.name} cannot serve its ports", f"the image {self.site.image} must have socat"
            )

    def _run_container(self, container: str, host: ExternalHost) -> None:
        arguments = ["run", "--detach", "--init", "--name", container, "--hostname", host.name]
        arguments += [
            "--label",
            f"{CLUSTER_LABEL}={self.site.cluster}",
            "--network",
            _NETWORK,
            "--cap-add",
            "NET_ADMIN",
        ]
        arguments += ["--entrypoint", "sh", self.site.image, "-c", "exec sleep infinity"]
        self.site.engine(*arguments, deadline=Deadline(_PULL_SECONDS)).or_fail(
            f"external host {host.name} cannot be started",
            f"pull the image {self.site.image}, or make its registry reachable",
        )

    def _add_node_routes(self, address: str, host: "_Addresses") -> None:
        """Add a route on every node to an address outside of the engine's network."""
        via = host.of(address)
        for node in self.site.nodes:
            _in(self.site, node, ["ip", *_family(address), "route", "replace", address, "via", via]).or_fail(
                f"node {node} cannot be given a route to {address}", "remove the host's 'address:' from the scenario"
            )


@dataclass(frozen=True, slots=True)
class HostExec:
    """``kube.exec.Exec`` through the engine's exec, for a set of containers."""

    engine: Engine
    containers: Mapping[NamespacedName, str]

    def __call__(
        self, pod: NamespacedName, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        """Run the command. Raises ``ExecFailed`` if it cannot be started."""
        name = self.containers.get(pod)
        if name is None:
            raise ExecFailed(f"exec in external host {pod} failed: there is no such host")
        result = self.engine("exec", *(["--interactive"] if stdin else []), name, *argv, deadline=deadline, input=stdin)
        if result.exit_code is None:
            return ExecReply(None, result.stdout, result.stderr, "the deadline passed before the command ended")
        if error := _start_error(result):
            raise ExecFailed(f"exec in external host {pod} failed: {error}")
        return ExecReply(result.exit_code, result.stdout, result.stderr)


def listeners(ports: Iterable[ContainerPort], addresses: Iterable[str]) -> str:
    """Return the shell program of a host's listeners, for each port and address; empty if it serves no port."""
    binds = [("6", f"[{address}]") if ":" in address else ("4", address) for address in dict.fromkeys(addresses)]
    commands = [
        f"socat '{listen.format(family=family)}:{declared.port.number},bind={address},fork,reuseaddr' '{answer}' &"
        for declared in ports
        if declared.port.protocol in _LISTENERS
        for listen, answer in [_LISTENERS[declared.port.protocol]]
        for family, address in binds
    ]
    return " ".join([f"printf '{_RESPONSE}' > /tmp/response;", *commands, "wait"]) if commands else ""


def remove_containers(engine: Engine, names: Iterable[str]) -> None:
    """Remove containers by name or id; a container that is gone is success."""
    engine("rm", "--force", "--volumes", *names, deadline=Deadline(_SECONDS), new_session=True)


def containers_of(engine: Engine, cluster: str) -> list[str]:
    """Return the ids of the containers of a cluster's external hosts."""
    label = f"label={CLUSTER_LABEL}={cluster}"
    return engine("ps", "--all", "--quiet", "--filter", label, deadline=Deadline(_SECONDS)).text.split()


def subnets_of(engine: Engine, nodes: Sequence[str]) -> tuple[str, ...]:
    """Return all pod and Service subnets of a cluster, from the kubeadm configuration of its first control plane."""
    plane = next((node for node in nodes if node.endswith("-control-plane")), "")
    result = engine("exec", plane, "cat", "/kind/kubeadm.conf", deadline=Deadline(_SECONDS))
    text = result.or_fail(f"the configuration of node {plane or '?'} cannot be read", "is the cluster running?").text
    return tuple(subnet for subnets in _SUBNETS.findall(text) for subnet in subnets.split(","))


@dataclass(frozen=True, slots=True)
class _Addresses:
    """A container's addresses on kind's network; empty if it has none of a family."""

    ipv4: str
    ipv6: str

    @property
    def preferred(self) -> str:
        return self.ipv4 or self.ipv6

    def of(self, other: str) -> str:
        """Return the address of the same family as another address or subnet."""
        return self.ipv6 if ":" in other else self.ipv4


def _address(site: Site, container: str) -> _Addresses:
    result = site.engine("inspect", "--format", _ADDRESSES, container, deadline=Deadline(_SECONDS))
    texts = result.or_fail(f"{container} cannot be inspected", "is the cluster running?").text.split()
    ipv4 = next((text for text in texts if ip_address(text).version == 4), "")
    ipv6 = next((text for text in texts if ip_address(text).version == 6), "")
    if not (ipv4 or ipv6):
        raise ClusterFailed(f"{container} has no address on the network {_NETWORK}; see `docker logs`: has it exited?")
    return _Addresses(ipv4, ipv6)


def _routes(subnets: Iterable[str], nodes: Sequence[_Addresses], own: str) -> list[list[str]]:
    """Return commands that route a host's packets to the cluster's subnets through a node, and to the nodes themselves.

    If the host has an address of its own, its packets leave from there, also those to a node port.
    """
    flags = ["nodad"] if ":" in own else []  # an address cannot be bound while it is checked for duplicates
    commands = [["ip", *_family(own), "address", "replace", own, "dev", "eth0", *flags]] if own else []
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


def _start_error(result: CommandResult) -> str:
    """Return the engine's error if it could not start the command; its own exit codes are 125 to 127."""
    stderr = result.error_text.strip()
    signs = ("OCI runtime exec failed", "Error response from daemon", "Error: no container", "Error: can only")
    if result.exit_code in (1, 125, 126, 127, 255) and any(sign in f"{stderr}{result.text}" for sign in signs):
        return stderr or result.text.strip()
    return ""
