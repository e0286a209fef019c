from collections.abc import Mapping, Sequence

from netpol_harness.deadline import Deadline
from netpol_harness.kube.exec import ExecReply, PodExec
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.path import ExternalHost
from netpol_harness.runner.external_hosts import ExecRouter, ScenarioHosts
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import EXTERNAL_NAMESPACE, Scenario


class Says(PodExec):
    """An exec that answers with its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(
        self, pod: NamespacedName, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        return ExecReply(0, f"{self.name}: {pod} {container}".encode())


class Recorded:
    """A backend whose machines are only recorded."""

    def __init__(self) -> None:
        self.exec = Says("machines")
        self.running: list[str] = []

    def start(self, hosts: Sequence[ExternalHost], namespace: str) -> Mapping[str, tuple[NamespacedName, str]]:
        self.running = [host.name for host in hosts]
        return {host.name: (NamespacedName(namespace, host.name), "192.0.2.7") for host in hosts}

    def stop(self) -> None:
        self.running = []


def test_commands_go_where_the_namespace_leads() -> None:
    router = ExecRouter(Says("pods"))
    router.connect("hosts-1", Says("machines"))
    assert _output(router, "hosts-1") == "machines: hosts-1/user c"
    assert _output(router, "shop-1") == "pods: shop-1/user c"
    router.disconnect("hosts-1")
    assert _output(router, "hosts-1") == "pods: hosts-1/user c"


def test_machines_are_in_the_snapshot_while_they_run(shop: Scenario) -> None:
    backend, router = Recorded(), ExecRouter(Says("pods"))
    hosts = ScenarioHosts(shop.externals, Placement({EXTERNAL_NAMESPACE: "hosts-1"}), router, "run")
    hosts.start(backend)
    assert hosts.pods == ()
    snapshot = ClusterSnapshot.of(hosts.machines, Placement({}))
    assert snapshot.externals["user"].addresses == ("192.0.2.7",)
    assert _output(router, str(snapshot.externals["user"].ref.namespace)).startswith("machines")
    hosts.stop()
    assert (backend.running, hosts.machines) == ([], ())
    assert _output(router, "hosts-1").startswith("pods")


def test_machines_of_scenarios_without_namespaces_of_their_own_are_kept_apart_by_the_run(shop: Scenario) -> None:
    hosts = ScenarioHosts(shop.externals, Placement.literal(shop), ExecRouter(Says("pods")), "run")
    hosts.start(Recorded())
    assert [host["metadata"]["namespace"] for host in hosts.machines] == [f"{EXTERNAL_NAMESPACE}-run"]


def test_without_machines_pods_stand_for_the_hosts(shop: Scenario) -> None:
    hosts = ScenarioHosts(shop.externals, Placement({EXTERNAL_NAMESPACE: "hosts-1"}), ExecRouter(Says("pods")), "run")
    hosts.start(None)
    assert hosts.machines == ()
    assert [(pod["metadata"]["namespace"], pod["metadata"]["name"]) for pod in hosts.pods] == [("hosts-1", "user")]
    hosts.stop()


def _output(router: ExecRouter, namespace: str) -> str:
    reply = router(NamespacedName(namespace, "user"), ["true"], deadline=Deadline(1.0), container="c")
    return reply.stdout.decode()
