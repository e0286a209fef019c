"""The canary on networks that lie and on clusters that do not enforce: each is named for what it is."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.select import BackendChoice
from netpol_harness.errors import ClusterFailed, NotEnforcing
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.lab import Lab, Settings
from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.model.names import Protocol
from netpol_harness.results.proof import Proof
from netpol_harness.runner.canary.check import run_canary
from netpol_harness.runner.canary.examination import UNOWNED
from netpol_harness.runner.canary.report import CanaryReport
from netpol_harness.runner.canary.traffic import PLAIN, Traffic
from tests.liars.network.lies import NODE, PROXY, PROXY_UDP
from tests.liars.network.wire import ACCEPT_AND, Wire

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
UDP = Traffic(Protocol.UDP)
Tell = Callable[[Wire], AbstractContextManager[None]]
WhenCreated = Callable[[JsonMapping, Client], JsonMapping]


class WatchedClient(Client):
    """A client that shows what it creates to a function, which may change it."""

    def __init__(self, access: Access, when_created: WhenCreated) -> None:
        super().__init__(access)
        self._when_created = when_created

    def create(self, data: JsonMapping) -> JsonObject:
        return super().create(self._when_created(data, self))


@dataclass(slots=True)
class Clusters:
    """Clusters by mutant, each made when it is first asked for."""

    stack: ExitStack
    labs: dict[str, Lab] = field(default_factory=dict)

    def lab(self, mutant: str) -> Lab:
        if mutant not in self.labs:
            settings = Settings(probe_timeout=0.2, settle_deadline=0.2)
            choice = BackendChoice(EmbeddedBackend(mutant=mutant), "for a test")
            self.labs[mutant] = self.stack.enter_context(Lab(choice, settings))
        return self.labs[mutant]

    def wire(self, mutant: str = "") -> Wire:
        lab = self.lab(mutant)
        assert lab.cluster
        return Wire(int((lab.directory / "embedded.pid").read_text()))

    def canary(self, mutant: str = "", when_created: WhenCreated = lambda data, _: data) -> CanaryReport:
        context = self.lab(mutant).context
        client = WatchedClient(context.client.access, when_created)
        return run_canary(replace(context, client=client, proof=Proof.LISTENER), {}, {PLAIN, UDP})


@pytest.fixture(scope="module")
def clusters() -> Iterator[Clusters]:
    with ExitStack() as stack:
        yield Clusters(stack)


def _dropping(*rules: str) -> Tell:
    return lambda wire: wire.rules(*rules)


def _answering(answer: str, rule: str) -> Tell:
    """Have a server on the node answer in place of pods."""

    @contextmanager
    def tell(wire: Wire) -> Iterator[None]:
        family, port = ("udp", PROXY_UDP) if "udp" in rule else ("tcp", PROXY)
        with wire.serving(ACCEPT_AND, family, port, answer), wire.redirected(f"{rule} dnat to {NODE}:{port}"):
            yield

    return tell


def test_a_cluster_that_enforces_is_praised_for_every_protocol(clusters: Clusters) -> None:
    assert clusters.canary() == CanaryReport("policies have effect over TCP and UDP, on one node")


@pytest.mark.parametrize(
    ("tell", "texts"),
    [
        (_dropping("drop"), ["the network is broken", "TCP: nothing is open", "UDP: nothing is open"]),
        (_dropping("reject"), ["the network is broken", "nothing is open"]),
        (_dropping("tcp flags syn,ack / syn,ack drop", "ip protocol udp drop"), ["broken", "nothing is open"]),
    ],
    ids=["dropped", "rejected", "answers-dropped"],
)
def test_a_network_that_is_closed_is_not_called_unenforced(clusters: Clusters, tell: Tell, texts: list[str]) -> None:
    with tell(clusters.wire()), pytest.raises(ClusterFailed) as caught:
        clusters.canary()
    assert not isinstance(caught.value, NotEnforcing)
    assert all(text in str(caught.value) for text in texts), str(caught.value)


@pytest.mark.parametrize(
    ("tell", "traffic", "text"),
    [
        (_dropping("udp dport 8081 drop"), UDP, "nothing is open although the canary has applied no policy"),
        (_dropping("ip protocol tcp drop"), PLAIN, "nothing is open although the canary has applied no policy"),
        (_answering("silent", "ip protocol tcp"), PLAIN, "accepts every connection: an unused port"),
        (_answering("close", "ip protocol tcp"), PLAIN, "accepts every connection: an unused port"),
        (_answering("silent", "tcp dport 8080"), PLAIN, "answered, but a server that does not tell its name"),
        (_answering("200", "tcp dport 8080"), PLAIN, "answered, but a server that does not tell its name"),
        (_answering("echo", "udp dport != 53"), UDP, "accepts every connection: an unused port"),
        (_answering("echo", "udp dport 8081"), UDP, "answered, but hostname"),
    ],
    ids=[
        *("udp-dropped", "tcp-dropped", "tcp-intercepted", "tcp-closed", "one-port-intercepted", "one-port-answered"),
        *("udp-intercepted", "one-udp-port-intercepted"),
    ],
)
def test_a_fault_of_one_protocol_is_named_with_it(clusters: Clusters, tell: Tell, traffic: Traffic, text: str) -> None:
    with tell(clusters.wire()):
        report = clusters.canary()
    (other,) = {PLAIN, UDP} - {traffic}
    assert report.summary == f"policies have effect over {other}, on one node"
    assert report.problems.keys() == {traffic}
    assert text in report.problems[traffic]


@pytest.mark.parametrize(
    ("mutant", "texts"),
    [
        ("not-enforced", ["TCP: policies have no effect: ", "UDP: policies have no effect: "]),
        ("ingress-not-enforced", ["TCP: ingress policies have no effect: ", "UDP: ingress policies have no effect: "]),
        ("egress-not-enforced", ["TCP: egress policies have no effect: ", "UDP: egress policies have no effect: "]),
    ],
)
def test_a_cluster_that_does_not_enforce_is_told_which_direction(
    clusters: Clusters, mutant: str, texts: list[str]
) -> None:
    with pytest.raises(NotEnforcing, match=r"policies are not enforced on this cluster .*Every verdict") as caught:
        clusters.canary(mutant)
    assert all(text in str(caught.value) for text in texts), str(caught.value)


def test_a_plugin_that_loses_udp_ports_has_the_wrong_effect_over_udp(clusters: Clusters) -> None:
    report = clusters.canary("udp-port-lost")
    assert report.problems.keys() == {UDP}
    assert (
        "policies close what a rule allows: canary-closed-near -> udp://canary-friend-near:8081" in report.problems[UDP]
    )


def test_tcp_that_is_enforced_says_nothing_of_udp(clusters: Clusters) -> None:
    def opening_udp(data: JsonMapping, _: Client) -> JsonMapping:
        """Admit all UDP, as a webhook might that wants names to resolve."""
        if data["kind"] != "NetworkPolicy":
            return data
        spec = dict(data["spec"])
        for direction in spec["policyTypes"]:
            spec[direction.lower()] = [*spec.get(direction.lower(), ()), {"ports": [{"protocol": "UDP"}]}]
        return {**data, "spec": spec}

    report = clusters.canary(when_created=opening_udp)
    assert report.summary == "policies have effect over TCP, on one node"
    assert report.problems.keys() == {UDP}
    assert report.problems[UDP].startswith(
        "no verdict about UDP means anything on this cluster: policies have no effect: "
    )


def test_what_is_open_to_addresses_that_nobody_has_is_not_for_policies_to_close(clusters: Clusters) -> None:
    tell = _answering("200", f"ip daddr {UNOWNED[4]} ip protocol tcp")
    with (
        tell(clusters.wire("not-enforced")),
        pytest.raises(NotEnforcing, match=r"are intercepted .*which nobody has") as caught,
    ):
        clusters.canary("not-enforced")
    assert "UDP: policies have no effect" in str(caught.value)


def test_a_network_that_breaks_where_policies_should_close_it_is_not_believed(clusters: Clusters) -> None:
    """The plugin enforces nothing. From its first policy on, the network drops what the canary's policies close."""
    wire = clusters.wire("not-enforced")
    with ExitStack() as stack:

        def breaking(data: JsonMapping, client: Client) -> JsonMapping:
            if data["kind"] == "NetworkPolicy" and first.acquire(blocking=False):
                pods = client.list("v1", "Pod", namespace=data["metadata"]["namespace"])
                address = {pod["metadata"]["name"].split("-")[1]: pod["status"]["podIP"] for pod in pods}
                closed = [("stranger", "guarded"), ("friend", "closed"), ("closed", "stranger")]
                rules = (f"ip saddr {address[source]} ip daddr {address[target]} drop" for source, target in closed)
                stack.enter_context(wire.rules(*rules))
            return data

        first = Lock()
        with pytest.raises(ClusterFailed, match=r"the network is broken .*stays closed after they are gone") as caught:
            clusters.canary("not-enforced", breaking)
    assert first.locked()
    assert not isinstance(caught.value, NotEnforcing)
