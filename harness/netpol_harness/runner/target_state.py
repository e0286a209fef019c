"""What should exist in a step of a scenario, as plain data in the cluster's names. Pure."""

import json
from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Any

from netpol_harness.model.domain_names import DomainRecord, Records
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.kinds import is_cluster_scoped, with_pod_labels
from netpol_harness.model.names import ObjectKey
from netpol_harness.runner.state import State
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import EXTERNAL_NAMESPACE, NODE_NAMESPACE, Manifest, Scenario, Step
from netpol_harness.wellknown import DOMAIN_NAMES_LABEL, KNOWN_TO_ANNOTATION

LIFT = "netpol-harness-lift"
"""The name of the policies that admit everything while denials are proven."""


def target_state(
    scenario: Scenario, step: Step | None, placement: Placement, host_pods: Collection[JsonMapping] = ()
) -> State:
    """Return all objects of a step, with the namespaces and the pods of external hosts that no manifest names.

    Without a step, the workloads take the place of the step's objects. Given namespaces exist before the run, so their
    placement leaves out every Namespace.
    """
    objects = {ObjectKey.of(data): data for data in infrastructure_objects(scenario, placement, host_pods)}
    state = {**objects, **scenario_objects(scenario, step, placement)}
    return {key: data for key, data in state.items() if not (placement.given and key.kind == "Namespace")}


def scenario_objects(scenario: Scenario, step: Step | None, placement: Placement) -> State:
    """Return the workloads and policies of a step; without a step, the workloads that exist in the first step.

    A workload that is absent in the first step is not created before it: two pods may take turns at one address.
    """
    manifests = (*scenario.workloads, *(step.policies if step else ()))
    absent = (step or scenario.steps[0]).absent if scenario.steps else ()
    present = [manifest for manifest in manifests if manifest.name not in absent]
    objects = [placement.manifest(_relabelled(manifest, step)) for manifest in present]
    if scenario.has_domain_names:
        objects.append(domain_names_object(step or scenario.steps[0], placement))
    return {ObjectKey.of(data): data for data in objects}


def domain_names_object(step: Step, placement: Placement) -> dict[str, Any]:
    """Return the ConfigMap from which the embedded cluster's name server reads the names of a step."""
    records = [record.as_json() for record in step.inventory.domain_records.values()]
    metadata = {
        "name": "domain-names",
        "namespace": EXTERNAL_NAMESPACE,
        "labels": {DOMAIN_NAMES_LABEL: "true"},
        "annotations": {KNOWN_TO_ANNOTATION: ",".join(sorted(placement.names.values()))},
    }
    data = {"records": json.dumps(records)}
    return placement.manifest({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def domain_records(state: State) -> Records:
    """Return the names outside the cluster that the name server answers in a state."""
    written = (data for key, data in state.items() if key.kind == "ConfigMap")
    ours = [data for data in written if DOMAIN_NAMES_LABEL in (data["metadata"].get("labels") or {})]
    records = (DomainRecord.from_json(record) for data in ours for record in json.loads(data["data"]["records"]))
    return {record.name: record for record in records}


def infrastructure_objects(
    scenario: Scenario, placement: Placement, host_pods: Collection[JsonMapping] = ()
) -> Iterator[JsonMapping]:
    """Yield the namespaces that no manifest declares, the one of ``host_pods`` if there are any, and these pods."""
    real = placement.real
    made_later = (EXTERNAL_NAMESPACE, NODE_NAMESPACE)
    invented = {name for name in scenario.namespaces if real(name) != name} | scenario.assumed_namespaces
    names = {real(name) for name in invented if name not in made_later}
    if host_pods or scenario.has_domain_names:
        names.add(real(EXTERNAL_NAMESPACE))
    for name in sorted(names):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    yield from host_pods


def lift_policy(namespace: str) -> JsonMapping:
    """Return the policy that admits all traffic from and to every pod of a namespace.

    The rules say it twice: an empty rule, and every peer by its kind.
    """
    everyone = [{"namespaceSelector": {}}, {"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": LIFT, "namespace": namespace},
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{}, {"from": everyone}],
            "egress": [{}, {"to": everyone}],
        },
    }


def described(key: ObjectKey, scenario: Scenario, placement: Placement) -> str:
    """Return ``Service shop/web (shop.yaml:7)`` for an object on the cluster; its own name if no manifest has it."""
    for manifest in chain(scenario.workloads, *(step.policies for step in scenario.steps)):
        placed = ObjectKey.of(placement.manifest(manifest.data))
        if (placed.group_kind, placed.namespace, placed.name) == (key.group_kind, key.namespace, key.name):
            return f"{manifest.name} ({manifest.where})"
    return str(key)


def recreated_workloads(scenario: Scenario, step: Step, placement: Placement) -> frozenset[ObjectKey]:
    """Return the workloads that are deleted and created again on entering ``step``."""
    workloads = [m.data for m in scenario.workloads if m.pod and m.name.ref in step.recreate]
    return frozenset(ObjectKey.of(placement.manifest(data)) for data in workloads)


def created_namespaces(state: State) -> frozenset[str]:
    """Return the names of the Namespace objects in a state: deleting them deletes all that is in them."""
    return frozenset(key.name for key in state if key.kind == "Namespace")


def namespaces_of(state: State) -> tuple[str, ...]:
    """Return the names of all namespaces that hold objects of a state, sorted."""
    return tuple(sorted({key.namespace or "default" for key in state if not is_cluster_scoped(key.group_kind)}))


def _relabelled(manifest: Manifest, step: Step | None) -> JsonMapping:
    """Return the manifest with the step's labels; ``None`` removes a label."""
    overrides = [relabel.labels for relabel in (step.labels if step else ()) if relabel.name == manifest.name]
    if not overrides:
        return manifest.data
    metadata: Mapping[str, JsonMapping] = (manifest.pod or manifest.data).get("metadata") or {}
    labels: dict[str, str | None] = dict(metadata.get("labels") or {})
    for override in overrides:
        labels.update(override)
    remaining = {key: value for key, value in labels.items() if value is not None}
    if manifest.pod:
        return with_pod_labels(manifest.data, remaining)
    return {**manifest.data, "metadata": {**metadata, "labels": remaining}}
