"""Which cells a path exercises."""

from dataclasses import replace

import pytest

from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.paths.cells import Cell, cells, exercised
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.ends import (
    ClusterIPTarget,
    ExternalTarget,
    FqdnTarget,
    LoadBalancerTarget,
    NodePortTarget,
    PodSource,
    PodTarget,
    ServiceTarget,
    Target,
)
from netpol_harness.paths.path import Inventory, Path, Scheme

APP, DB, WEB = NamespacedName("default", "app"), NamespacedName("default", "db"), NamespacedName("default", "web")


def test_cells_are_pairs_of_workloads_with_pods(town: Inventory) -> None:
    found = list(cells(town))
    assert len(found) == len(set(found)) == 6 * 8 + 1
    idle = NamespacedName("default", "idle")
    assert not any(idle == cell.target or PodSource(idle) == cell.source for cell in found)
    assert Cell(PodSource(APP), WEB, Port(Protocol.UDP, 53)) in found


def test_only_a_workload_that_certainly_has_two_pods_has_cells_with_itself(town: Inventory) -> None:
    api = NamespacedName("default", "api")
    assert [cell.target for cell in cells(town) if cell.source == PodSource(cell.target)] == [api]
    for changed in ({"kind": "DaemonSet"}, {"replicas": 1}, {"host_network": True}):
        workloads = {**town.workloads, api: replace(town.workloads[api], **changed)}
        alone = replace(town, workloads=workloads)
        assert not any(cell.source == PodSource(cell.target) for cell in cells(alone))


@pytest.mark.parametrize(
    ("scheme", "target", "cell"),
    [
        (Scheme.HTTP, PodTarget(DB, 3306), Cell(PodSource(APP), DB, Port(Protocol.TCP, 3306))),
        (
            Scheme.TCP,
            ServiceTarget(NamespacedName("default", "db-service"), 33060),
            Cell(PodSource(APP), DB, Port(Protocol.TCP, 3306)),
        ),
        (
            Scheme.TCP,
            FqdnTarget(NamespacedName("default", "web-service"), 8080),
            Cell(PodSource(APP), WEB, Port(Protocol.TCP, 80)),
        ),
        (
            Scheme.TCP,
            ServiceTarget(NamespacedName("default", "api-headless"), 8080),
            Cell(PodSource(APP), NamespacedName("default", "api"), Port(Protocol.TCP, 8080)),
        ),
        (Scheme.UDP, ClusterIPTarget(NamespacedName("default", "web-service"), 8080), None),
        (Scheme.TCP, NodePortTarget(WEB, 30080), None),
        (Scheme.TCP, LoadBalancerTarget(NamespacedName("shop", "edge"), 443), None),
        (Scheme.TCP, ExternalTarget("user", 443), None),
    ],
)
def test_a_path_exercises_the_cell_behind_its_target(
    town: Inventory, scheme: Scheme, target: Target, cell: Cell | None
) -> None:
    path = Path(PodSource(APP), scheme, target, "app", "asked")
    assert exercised(path, EndpointResolver(town.world())) == ({cell} if cell else frozenset())
