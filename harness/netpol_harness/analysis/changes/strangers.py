"""The same strangers on both sides of a comparison. Pure.

The strangers of a snapshot depend on its policies. A rule that one side lacks has a representative there only if the
other side lends it: without it, nothing would show what the rule opens.
"""

from collections.abc import Iterator
from dataclasses import replace

from netpol_harness.analysis.predict import Predictor
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import ContainerPort
from netpol_harness.paths.path import ExternalHost, Inventory, Workload
from netpol_harness.scenario.scenario import Manifest, Scenario


def with_strangers_of(own: Predictor, other: Predictor) -> Predictor:
    """Return the predictor of the same step, with the other step's strangers and the ports that they serve there."""
    inventory, theirs = own.step.inventory, other.step.inventory
    workloads = {**inventory.workloads, **dict(_workloads(inventory, theirs))}
    externals = {**inventory.externals, **dict(_hosts(inventory, theirs))}
    step = replace(own.step, inventory=replace(inventory, workloads=workloads, externals=externals))
    namespaces = tuple(_lent_namespaces(own.scenario, other))
    scenario = replace(own.scenario, workloads=(*own.scenario.workloads, *namespaces))
    return Predictor(scenario, step, own.profile, own.addresses)


def _workloads(inventory: Inventory, theirs: Inventory) -> Iterator[tuple[NamespacedName, Workload]]:
    """Yield the strangers to add or to replace. Two of one name and of different labels are different pods."""
    for ref, stranger in theirs.workloads.items():
        mine = inventory.workloads.get(ref, stranger)
        if stranger.is_stranger and mine.is_stranger and mine.labels == stranger.labels:
            yield ref, replace(mine, ports=_united(mine.ports, stranger.ports))


def _hosts(inventory: Inventory, theirs: Inventory) -> Iterator[tuple[str, ExternalHost]]:
    for name, stranger in theirs.externals.items():
        mine = inventory.externals.get(name, stranger)
        if stranger.is_stranger and mine.is_stranger:
            yield name, replace(mine, ports=_united(mine.ports, stranger.ports))


def _united(one: tuple[ContainerPort, ...], other: tuple[ContainerPort, ...]) -> tuple[ContainerPort, ...]:
    return tuple(dict.fromkeys([*one, *other]))


def _lent_namespaces(own: Scenario, other: Predictor) -> Iterator[Manifest]:
    """Yield the namespaces that only the other side has, and there only for strangers."""
    declared = {manifest.name.ref.name for manifest in own.workloads if manifest.name.kind == "Namespace"}
    used = {workload.ref.namespace for workload in other.step.inventory.workloads.values() if not workload.is_stranger}
    strange = {workload.ref.namespace for workload in other.step.inventory.workloads.values() if workload.is_stranger}
    for manifest in other.scenario.workloads:
        name = manifest.name.ref.name
        if manifest.name.kind == "Namespace" and name in strange - used - declared:
            yield manifest
