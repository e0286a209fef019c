"""Both sides of a comparison as one scenario of two steps, so that a cluster can go from one to the other. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from netpol_harness.analysis.changes.strangers import with_strangers_of
from netpol_harness.analysis.predict import Predictor
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.names import ObjectName
from netpol_harness.paths.path import Inventory, Workload
from netpol_harness.scenario.scenario import Manifest, Scenario, Step
from netpol_harness.scenario.stranger_manifests import stranger_manifests
from netpol_harness.scenario.strangers import StrangerPod, Strangers

BEFORE, AFTER = "before", "after"
"""The names of the steps."""

_Objects = Mapping[tuple[str, ObjectName], Manifest]


def joint_scenario(before: Predictor, after: Predictor) -> Scenario:
    """Return the scenario that has the state of ``before`` as its first step, and that of ``after`` as its second.

    Both have the same strangers, as in the comparison. An object that differs is among the policies of the second
    step, since a step's policies take the place of workloads of the same name.
    """
    before, after = with_strangers_of(before, after), with_strangers_of(after, before)
    old, new = dict(_workloads(before)), dict(_workloads(after))
    changed = tuple(manifest for key, manifest in new.items() if key not in old or old[key].data != manifest.data)
    gone = tuple(name for group, name in old if (group, name) not in new)
    one, other = before.scenario, after.scenario
    return replace(
        other,
        workloads=tuple(old.values()),
        steps=(
            _step(BEFORE, before.step, before.step.policies),
            replace(_step(AFTER, after.step, (*changed, *after.step.policies)), absent=gone),
        ),
        inventory=_joined(before.step.inventory, after.step.inventory),
        exclusive=one.exclusive or other.exclusive,
        requires=tuple(dict.fromkeys([*one.requires, *other.requires])),
        timeouts={**one.timeouts, **other.timeouts},
        assumed_namespaces=one.assumed_namespaces | other.assumed_namespaces,
    )


def _step(name: str, step: Step, objects: tuple[Manifest, ...]) -> Step:
    """Return the state of a step alone: what a step does while it is entered is left out, and so are its verdicts."""
    inventory, readiness = step.inventory, step.readiness
    return Step(name, step.where, inventory, policies=objects, labels=step.labels, readiness=readiness)


def _workloads(predictor: Predictor) -> Iterator[tuple[tuple[str, ObjectName], Manifest]]:
    """Yield the objects of a step other than policies, with a pod for each of its strangers."""
    step, known = predictor.step, predictor.step.inventory.workloads
    strangers = {ref: workload for ref, workload in known.items() if workload.is_stranger}
    for manifest in predictor.scenario.workloads:
        is_stranger = bool(manifest.pod) and manifest.name.ref in strangers
        if manifest.name not in step.absent and not is_stranger:
            yield (manifest.group, manifest.name), manifest
    pods = tuple(map(_pod, strangers.values()))
    for data in stranger_manifests(Strangers({}, pods)):
        manifest = Manifest(data, step.where)
        yield (manifest.group, manifest.name), manifest


def _pod(stranger: Workload) -> StrangerPod:
    return StrangerPod(NamespacedName(stranger.ref.namespace, stranger.ref.name), stranger.labels, stranger.ports)


def _joined(one: Inventory, other: Inventory) -> Inventory:
    return replace(
        other,
        workloads={**one.workloads, **other.workloads},
        services={**one.services, **other.services},
        externals={**one.externals, **other.externals},
        endpoint_slices=tuple(dict.fromkeys([*one.endpoint_slices, *other.endpoint_slices])),
    )
