"""Where paths lead."""

import pytest

from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.paths.path import Inventory, Path, Scheme, Target, TargetKind
from netpol_harness.paths.reach import Cell, cells, exercised

APP, DB, WEB = NamespacedName("default", "app"), NamespacedName("default", "db"), NamespacedName("default", "web")


def test_cells_are_pairs_of_different_workloads_with_pods(town: Inventory) -> None:
    found = list(cells(town))
    assert len(found) == len(set(found)) == 6 * 8
    assert not any(cell.source == cell.target for cell in found)
    assert NamespacedName("default", "idle") not in {ref for cell in found for ref in (cell.source, cell.target)}
    assert Cell(APP, WEB, Port(Protocol.UDP, 53)) in found


@pytest.mark.parametrize(
    ("scheme", "kind", "ref", "port", "cell"),
    [
        (Scheme.HTTP, TargetKind.POD, DB, 3306, Cell(APP, DB, Port(Protocol.TCP, 3306))),
        (
            Scheme.TCP,
            TargetKind.SERVICE,
            NamespacedName("default", "db-service"),
            33060,
            Cell(APP, DB, Port(Protocol.TCP, 3306)),
        ),
        (
            Scheme.TCP,
            TargetKind.FQDN,
            NamespacedName("default", "web-service"),
            8080,
            Cell(APP, WEB, Port(Protocol.TCP, 80)),
        ),
        (
            Scheme.TCP,
            TargetKind.SERVICE,
            NamespacedName("default", "api-headless"),
            8080,
            Cell(APP, NamespacedName("default", "api"), Port(Protocol.TCP, 8080)),
        ),
        (Scheme.UDP, TargetKind.CLUSTER_IP, NamespacedName("default", "web-service"), 8080, None),
        (Scheme.TCP, TargetKind.NODE_PORT, WEB, 30080, None),
        (Scheme.TCP, TargetKind.EXTERNAL, NamespacedName("", "user"), 443, None),
    ],
)
def test_a_path_exercises_the_cell_behind_its_target(
    town: Inventory, scheme: Scheme, kind: TargetKind, ref: NamespacedName, port: int, cell: Cell | None
) -> None:
    assert exercised(Path(APP, scheme, Target(kind, ref, port), ""), town) == ({cell} if cell else frozenset())
