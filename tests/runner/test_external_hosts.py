from collections.abc import Mapping, Sequence

from netpol_harness.deadline import Deadline
from netpol_harness.kube.exec import ExecReply, PodExec
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.path import ExternalHost
from netpol_harness.runner.external_hosts import ExternalMachines, Switchboard
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import Scenario


class Says(PodExec):
    """An exec that answers with its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(
        self, pod: NamespacedName, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        return ExecReply(0, f"{self.name}: {pod} {container}".encode())


class Recorded:
    """Machines that are only noted."""

    def __init__(self) -> None:
        self.exec = Says("machines")
        self.standing: list[str] = []

    def start(self, hosts: Sequence[ExternalHost], namespace: str) -> Mapping[str, tuple[NamespacedName, str]]:
        self.standing = [host.name for host in hosts]
        return {host.name: (NamespacedName(namespace, host.name), "192.0.2.7") for host in hosts}

    def stop(self) -> None:
        self.standing = []


def test_commands_go_where_the_reference_leads() -> None:
    switchboard = Switchboard(Says("pods"))
    switchboard.connect("hosts-1", Says("machines"))
    assert _told(switchboard, "hosts-1") == "machines: hosts-1/user c"
    assert _told(switchboard, "shop-1") == "pods: shop-1/user c"
    switchboard.disconnect("hosts-1")
    assert _told(switchboard, "hosts-1") == "pods: hosts-1/user c"


def test_machines_are_in_the_census_while_they_stand(shop: Scenario) -> None:
    hosts, switchboard = Recorded(), Switchboard(Says("pods"))
    machines = ExternalMachines(hosts, "hosts-1", switchboard)
    machines.start(shop.externals)
    snapshot = ClusterSnapshot.of(machines.standing, Placement({}))
    assert snapshot.externals["user"].addresses == ("192.0.2.7",)
    assert _told(switchboard, str(snapshot.externals["user"].ref.namespace)).startswith("machines")
    machines.stop()
    assert (hosts.standing, machines.standing) == ([], ())
    assert _told(switchboard, "hosts-1").startswith("pods")


def _told(switchboard: Switchboard, namespace: str) -> str:
    reply = switchboard(NamespacedName(namespace, "user"), ["true"], deadline=Deadline(1.0), container="c")
    return reply.stdout.decode()
