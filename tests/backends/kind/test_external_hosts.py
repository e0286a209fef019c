"""External hosts: containers beside the nodes, and commands in them."""

from dataclasses import replace
from typing import Any, cast

import pytest

from netpol_harness.backends.kind.engine import Engine
from netpol_harness.backends.kind.external_hosts import KindHosts, Site, listeners, subnets_of
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ClusterFailed, ExecFailed
from netpol_harness.kube.exec import PodExec
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import ContainerPort
from netpol_harness.paths.ends import ExternalTarget, PodSource
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, ExternalHost, Path, Scheme
from netpol_harness.runner.external_hosts import ExecRouter, ScenarioHosts
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.runner.targets import resolve_probes
from netpol_harness.scenario.placement import Placement

ENGINE = Engine("docker", "docker", "28", cgroup=2, memory=0, local=True)
USER = "netpol-1-space-user"
PORTS = (ContainerPort(Port(Protocol.TCP, 80)), ContainerPort(Port(Protocol.UDP, 53)))


@pytest.fixture
def hosts(docker: Any) -> KindHosts:
    docker.says("docker run", "c0ffee\n")
    docker.says("docker exec", "")
    docker.says("docker inspect", "172.18.0.9 fc00::9\n")
    docker.says("docker inspect --format {{with", "172.18.0.9\n")
    site = Site(ENGINE, "netpol-1", ("n-control-plane", "n-worker"), ("10.244.0.0/16", "10.96.0.0/16"), "probe:1")
    return KindHosts(site)


def test_a_host_is_a_container_beside_the_nodes(docker: Any, hosts: KindHosts) -> None:
    started = hosts.start([ExternalHost("user", ports=PORTS)], "space")
    assert started == {"user": (NamespacedName("space", "user"), "172.18.0.9")}
    (run,) = docker.called("docker run")
    assert run[run.index("--name") + 1] == USER
    assert run[run.index("--network") + 1] == "kind"
    assert run[run.index("--label") + 1] == "netpol-harness.cluster=netpol-1"
    assert run[-3:] == ["probe:1", "-c", "exec sleep infinity"]
    routes = [call[3:] for call in docker.called(f"docker exec {USER} ip")]
    assert routes == [
        ["ip", "-4", "route", "replace", subnet, "via", "172.18.0.9"] for subnet in ("10.244.0.0/16", "10.96.0.0/16")
    ]
    hosts.stop()
    hosts.stop()
    assert [call[-1] for call in docker.called("docker rm")] == [USER]


def test_nodes_have_a_route_to_a_hosts_own_address(docker: Any, hosts: KindHosts) -> None:
    started = hosts.start([ExternalHost("user", "198.51.100.7")], "space")
    assert started["user"][1] == "198.51.100.7"
    own = docker.called(f"docker exec {USER}")
    assert own[0][3:] == ["ip", "-4", "address", "replace", "198.51.100.7", "dev", "eth0"]
    assert own[1][-2:] == ["src", "198.51.100.7"]
    assert ["ip", "-4", "route", "replace", "172.18.0.9", "dev", "eth0", "src", "198.51.100.7"] in [
        call[3:] for call in own
    ], "a node's port is asked from the host's own address too"
    assert docker.called("docker exec n-worker")[0][3:] == [
        *("ip", "-4", "route", "replace", "198.51.100.7", "via", "172.18.0.9")
    ]
    hosts.stop()
    assert docker.called("docker exec n-worker")[-1][3:] == ["ip", "-4", "route", "del", "198.51.100.7"]


def test_a_host_beside_an_ipv6_cluster_has_an_ipv6_address(docker: Any, hosts: KindHosts) -> None:
    docker.says("docker inspect --format {{with", "172.18.0.9 fc00::9\n")
    hosts.site = replace(hosts.site, subnets=("fd00:10:244::/56", "fd00:10:96::/112"))
    assert hosts.start([ExternalHost("user")], "space")["user"][1] == "fc00::9"


def test_without_hosts_no_program_is_run(docker: Any, hosts: KindHosts) -> None:
    assert hosts.start([], "space") == {}
    hosts.stop()
    assert not docker.calls


def test_a_host_that_cannot_be_started_is_removed(docker: Any, hosts: KindHosts) -> None:
    output = "docker: Error response from daemon: No such image: probe:1"
    docker.says("docker run", err=output, code=125)
    with pytest.raises(
        ClusterFailed, match=r"host user cannot be started(.|\n)*pull the image probe:1(.|\n)*No such image"
    ):
        hosts.start([ExternalHost("user")], "space")
    hosts.stop()
    assert docker.called("docker rm"), "a container may be there that could not be started"


def test_a_host_that_has_exited_has_no_address(docker: Any, hosts: KindHosts) -> None:
    docker.says("docker inspect", "\n")
    with pytest.raises(ClusterFailed, match="has it exited"):
        hosts.start([ExternalHost("user")], "space")


def test_commands_run_in_a_host(docker: Any, hosts: KindHosts) -> None:
    ref = hosts.start([ExternalHost("user")], "space")["user"][0]
    docker.says(f"docker exec {USER} nc", "out", err="err", code=1)
    reply = hosts.exec(ref, ["nc", "-z", "a", "80"], deadline=Deadline(5))
    assert (reply.exit_code, reply.stdout, reply.stderr, reply.broken) == (1, b"out", b"err", "")
    docker.says("docker exec --interactive", echo=True)
    assert hosts.exec(ref, ["sh"], stdin=b"echo 1", deadline=Deadline(5)).stdout == b"echo 1"


@pytest.mark.parametrize(
    ("code", "output"),
    [
        (126, 'OCI runtime exec failed: exec failed: exec: "nc": executable file not found in $PATH: unknown'),
        (1, f"Error response from daemon: No such container: {USER}"),
    ],
)
def test_commands_that_cannot_be_started(docker: Any, hosts: KindHosts, code: int, output: str) -> None:
    ref = hosts.start([ExternalHost("user")], "space")["user"][0]
    docker.says(f"docker exec {USER} nc", err=output, code=code)
    with pytest.raises(ExecFailed, match=r"exec in external host space/user failed"):
        hosts.exec(ref, ["nc"], deadline=Deadline(5))


def test_a_host_that_was_not_started(hosts: KindHosts) -> None:
    with pytest.raises(ExecFailed, match="no such host"):
        hosts.exec(NamespacedName("space", "user"), ["nc"], deadline=Deadline(5))


@pytest.mark.parametrize(
    ("protocol", "listener", "answer"),
    [
        (Protocol.TCP, "TCP{}-LISTEN", "EXEC:cat /tmp/response"),
        (Protocol.UDP, "UDP{}-RECVFROM", "EXEC:cat"),
        (Protocol.SCTP, "SCTP{}-LISTEN", "EXEC:cat"),
    ],
)
def test_every_listener_is_bound_to_an_address_of_its_own(protocol: Protocol, listener: str, answer: str) -> None:
    program = listeners([ContainerPort(Port(protocol, 53))], ["198.51.100.7", "172.18.0.9", "fc00::9", "172.18.0.9"])
    assert [part.split(" '")[1] for part in program.split("socat")[1:]] == [
        f"{listener.format(family)}:53,bind={address},fork,reuseaddr'"
        for family, address in (("4", "198.51.100.7"), ("4", "172.18.0.9"), ("6", "[fc00::9]"))
    ]
    assert program.count(f"'{answer}' &") == 3
    assert program.startswith("printf 'HTTP/1.1 200 OK")
    assert program.endswith("wait")


def test_a_host_without_ports_has_no_listeners(docker: Any, hosts: KindHosts) -> None:
    hosts.start([ExternalHost("user", "198.51.100.7")], "space")
    assert docker.called("docker exec --detach") == []


def test_a_host_listens_once_it_has_its_addresses(docker: Any, hosts: KindHosts) -> None:
    hosts.start([ExternalHost("user", "198.51.100.7", ports=PORTS)], "space")
    (listening,) = docker.called(f"docker exec --detach {USER}")
    assert listening[4:] == ["sh", "-c", listeners(PORTS, ["198.51.100.7", "172.18.0.9", "fc00::9"])]
    assert docker.calls.index(listening) > max(
        number for number, call in enumerate(docker.calls) if call[3:6] == ["ip", "-4", "address"]
    )


def test_a_path_to_a_host_and_its_liveness_check_probe_the_address_of_a_listener(docker: Any, hosts: KindHosts) -> None:
    external = ExternalHost("user", "198.51.100.7", ports=PORTS)
    scenario_hosts = ScenarioHosts([external], Placement({}), ExecRouter(cast("PodExec", hosts.exec)), "run")
    scenario_hosts.start(hosts)
    client = {"kind": "Pod", "metadata": {"name": "client", "namespace": "shop"}, "spec": {"containers": [{}]}}
    client |= {"status": {"phase": "Running", "podIPs": [{"ip": "10.244.0.5"}]}}
    snapshot = ClusterSnapshot.of([*scenario_hosts.machines, client], Placement({}))
    for scheme, number in ((Scheme.UDP, 53), (Scheme.TCP, 80)):
        source, target = PodSource(NamespacedName("shop", "client")), ExternalTarget("user", number)
        path = Path(source, scheme, target, "client", "user")
        (resolved,) = resolve_probes(Expectation(path, Expected.ALLOWED, ""), snapshot)
        ((pod, check),) = resolved.question.liveness_checks
        assert pod.name == "user"
        assert (check.host, check.port) == (resolved.question.probe.host, number) == ("198.51.100.7", number)
        assert f":{number},bind={check.host}," in docker.called("docker exec --detach")[0][6]


def test_subnets_come_from_the_control_plane(docker: Any) -> None:
    text = "apiServer: {}\nnetworking:\n  podSubnet: 10.244.0.0/16,fd00:10:244::/56\n  serviceSubnet: '10.96.0.0/16'\n"
    docker.says("docker exec n-control-plane cat", text)
    assert subnets_of(ENGINE, ["n-control-plane", "n-worker"]) == ("10.244.0.0/16", "fd00:10:244::/56", "10.96.0.0/16")
