"""Law: the predicted and the probed connections of a path are the same, in shipped scenarios and in small ones."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_harness.analysis.paths import every_path
from netpol_harness.analysis.router import Router
from netpol_harness.analysis.world import world_of
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import World
from netpol_harness.oracle.verdict import Flow, Host
from netpol_harness.paths.ends import (
    AddressTarget,
    ExternalSource,
    NodePortTarget,
    NodeSource,
    PodSource,
    PodTarget,
    ServiceTarget,
    Source,
)
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Scheme
from netpol_harness.paths.path import Path as NetworkPath
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.runner.targets import resolve_probes
from netpol_harness.scenario.load import load
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import Scenario, Step
from netpol_harness.wellknown import SERVICE_NAME_LABEL
from tests.laws.live_objects import live_objects

SHIPPED = sorted((Path(__file__).parents[2] / "scenarios").rglob("scenario.yaml"))

Dict = dict[str, Any]
Ends = frozenset[tuple[str, int]]
"""Workloads by name or external hosts by address, each with a port."""


@dataclass(frozen=True, slots=True)
class Views:
    """One step, as it is predicted and as it is probed."""

    step: Step
    snapshot: ClusterSnapshot
    router: Router
    world: World

    @classmethod
    def of(cls, scenario: Scenario, step: Step) -> "Views":
        placement = Placement.unique(scenario, "x1")
        snapshot = ClusterSnapshot.of(live_objects(scenario, step, placement), placement)
        world = world_of(step, scenario, snapshot.addresses)
        snapshot = replace(snapshot, world=replace(snapshot.world, domain_names=world.domain_names))
        return cls(step, snapshot, Router(scenario, step, world, snapshot.addresses), world)

    def predicted(self, path: NetworkPath) -> Ends:
        """Return the endpoints of the path's connections by its route; empty if they are not known."""
        connections = self.router.route(path).connections
        outside = {address for host in self.snapshot.externals.values() for address in host.addresses}
        ends = [flow.destination for flow in connections]
        if any(isinstance(end, Host) and end.address not in outside for end in ends):
            return frozenset()
        return frozenset(map(self._end, connections))

    def _end(self, flow: Flow) -> tuple[str, int]:
        end = flow.destination
        return end.address if isinstance(end, Host) else str(self.world.pods[end].workload), flow.port.number

    def probed(self, path: NetworkPath) -> Ends:
        """Return the endpoints whose liveness the path's probes check."""
        probes = resolve_probes(Expectation(path, Expected.BLOCKED, ""), self.snapshot)
        return frozenset(
            (self._name(ref), probe.port) for resolved in probes for ref, probe in resolved.question.liveness_checks
        )

    def _name(self, ref: NamespacedName) -> str:
        if (pod := self.snapshot.world.pods.get(ref)) is None:
            return next(host.addresses[0] for host in self.snapshot.externals.values() if host.ref == ref)
        return str(NamespacedName(self.snapshot.placement.logical(ref.namespace), pod.workload.name))

    def disagreements(self, *more: NetworkPath) -> Iterator[tuple[str, Ends, Ends] | None]:
        """Yield for every path with known endpoints ``None``, or the endpoints predicted and those probed.

        A path from a node is probed by a pod that the run starts, and that is not here.
        """
        for path in dict.fromkeys([*self.step.paths, *every_path(self.step), *more]):
            if not isinstance(path.source, NodeSource) and (predicted := self.predicted(path)):
                probed = self.probed(path)
                yield None if predicted == probed else (path.text, predicted, probed)


def test_shipped_scenarios_are_probed_where_they_are_predicted() -> None:
    scenarios = [load(file) for file in SHIPPED]
    compared = [
        (scenario.name, step.name, difference)
        for scenario in scenarios
        for step in scenario.steps
        for difference in Views.of(scenario, step).disagreements()
    ]
    assert [wrong for wrong in compared if wrong[2]] == []
    assert len(compared) > 10 * len(SHIPPED)


APPS, NAMESPACES, PORT_NAMES = ("a", "b"), ("x", "y"), ("main", "other")
NODE_PORT = 30080
"""The node port of the first Service; each has its own."""

numbers = st.sampled_from((80, 81, 8080))
ports = st.lists(numbers, max_size=2, unique=True).map(
    lambda some: [{"containerPort": number, "name": name} for number, name in zip(some, PORT_NAMES, strict=False)]
)
HOST_PORT = 18080
"""The host port of some workloads, which name it once."""
service_ports = st.lists(
    st.fixed_dictionaries({"port": numbers, "targetPort": st.one_of(numbers, st.sampled_from(PORT_NAMES))}),
    min_size=1,
    max_size=2,
    unique_by=lambda port: port["port"],
).map(lambda some: [{**port, "name": f"port-{number}"} for number, port in enumerate(some)])


@st.composite
def workloads(draw: st.DrawFn, number: int) -> Dict:
    """Draw a Pod, or a Deployment of up to three pods, some on the network of their node."""
    labels, name = {"app": draw(st.sampled_from(APPS))}, f"w{number}"
    container: Dict = {"name": "c", "image": "i", "ports": draw(ports)}
    spec = {"hostNetwork": draw(st.integers(0, 5)) == 0, "containers": [container]}
    if container["ports"] and not spec["hostNetwork"] and draw(st.booleans()):
        container["ports"][0]["hostPort"] = HOST_PORT
    metadata = {"name": name, "namespace": draw(st.sampled_from(NAMESPACES))}
    if draw(st.booleans()):
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "labels": labels}, "spec": spec}
    template = {"metadata": {"labels": {**labels, "own": name}}, "spec": spec}
    more = {"replicas": draw(st.integers(0, 3)), "selector": {"matchLabels": {"own": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": more}


@st.composite
def services(draw: st.DrawFn, number: int) -> Dict:
    """Draw a Service with a ClusterIP, a headless one, or one with a node port; with and without a selector."""
    spec: Dict = {"ports": draw(service_ports)}
    if draw(st.integers(0, 3)):
        spec["selector"] = {"app": draw(st.sampled_from(APPS))}
    if draw(st.integers(0, 3)) == 0:
        spec["externalIPs"] = [f"192.0.2.{130 + number}"]
    if draw(st.booleans()):
        spec["ports"][0]["nodePort"] = NODE_PORT + number
        spec |= {"type": "NodePort", "externalTrafficPolicy": draw(st.sampled_from(("Cluster", "Local")))}
    else:
        spec |= draw(st.sampled_from(({}, {"clusterIP": "None"}, {"clusterIP": f"10.96.1.{number}"})))
    metadata = {"name": f"s{number}", "namespace": draw(st.sampled_from(NAMESPACES))}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


@st.composite
def aliases(draw: st.DrawFn, number: int) -> Dict:
    """Draw an ExternalName that may name another Service, itself, or nothing."""
    name = f"s{draw(st.integers(0, 3))}.{draw(st.sampled_from(NAMESPACES))}.svc.cluster.local"
    spec = {"type": "ExternalName", "externalName": name}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"s{number}", "namespace": "x"}, "spec": spec}


@st.composite
def slices(draw: st.DrawFn, service: Dict) -> Dict:
    """Draw an EndpointSlice of a Service: a host outside, the first pods, an address of which nothing is known."""
    known = st.sampled_from(("203.0.113.7", "10.244.0.2", "10.244.0.3", "198.51.100.9"))
    endpoints = st.lists(st.fixed_dictionaries({"addresses": st.tuples(known).map(list)}), min_size=1, max_size=2)
    port = st.fixed_dictionaries({"port": numbers, "name": st.sampled_from(("port-0", "port-1"))})
    labels = {SERVICE_NAME_LABEL: service["metadata"]["name"]}
    metadata = {"name": f"{labels[SERVICE_NAME_LABEL]}-1", "namespace": service["metadata"]["namespace"]}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**metadata, "labels": labels},
        "addressType": "IPv4",
        "endpoints": draw(endpoints),
        "ports": draw(st.lists(port, min_size=1, max_size=2, unique_by=lambda port: port["name"])),
    }


@st.composite
def manifests(draw: st.DrawFn) -> list[Dict]:
    """Draw all objects of a small scenario."""
    spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in NAMESPACES]
    own = [draw(workloads(number)) for number in range(draw(st.integers(1, 4)))]
    offered = [draw(services(number)) for number in range(draw(st.integers(1, 3)))]
    written = [draw(slices(service)) for service in offered if draw(st.integers(0, 2)) == 0]
    return [*spaces, *own, *offered, *written, *(draw(aliases(3)) for _ in range(draw(st.integers(0, 1))))]


SCENARIO = """
title: Any
workloads: [workloads.yaml]
external: {far: {address: 203.0.113.7, ports: [80]}, near: {ports: [80]}}
steps: [{name: all, others: allowed}]
"""


def _unwritten(views: Views) -> Iterator[NetworkPath]:
    """Yield paths to node ports, to every address in use, and to pods at ports that they may not declare."""
    pods = views.snapshot.world.pods.values()
    owned = [*pods, *views.snapshot.externals.values()]
    addresses = {address for pod in owned for address in pod.addresses}
    services = views.step.inventory.services.values()
    addresses |= {address for service in services for address in service.addresses}
    refs = [workload.ref for workload in views.step.inventory.workloads.values() if workload.replicas]
    sources: list[Source] = [ExternalSource("far"), *map(PodSource, refs)]
    for source in sources:
        for ref, number in product(refs, (HOST_PORT, *range(NODE_PORT, NODE_PORT + 3))):
            yield NetworkPath(source, Scheme.TCP, NodePortTarget(ref, number), "s", f"node({ref})")
        for service, number in product(services, (80, 8080)):
            yield NetworkPath(source, Scheme.TCP, ServiceTarget(service.ref, number), "s", f"{service.ref}:{number}")
        for number in (80, 81):
            for address in sorted(addresses):
                yield NetworkPath(source, Scheme.TCP, AddressTarget(address, number), "s", f"{address}:{number}")
            for ref in refs:
                yield NetworkPath(source, Scheme.TCP, PodTarget(ref, number), "s", f"{ref}:{number}")


@given(manifests())
@settings(max_examples=60, deadline=None)
def test_any_scenario_is_probed_where_it_is_predicted(objects: list[Dict]) -> None:
    with TemporaryDirectory() as directory:
        Path(directory, "workloads.yaml").write_text(yaml.safe_dump_all(objects))
        Path(directory, "scenario.yaml").write_text(SCENARIO)
        scenario = load(Path(directory, "scenario.yaml"))
    views = Views.of(scenario, scenario.steps[0])
    compared = list(views.disagreements(*_unwritten(views)))
    assert [difference for difference in compared if difference] == []
    assert compared
