"""Law: a comparison that leaves equal paths between pods out is that of every path."""

import json
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, reject, settings

from netpol_harness.analysis.changes.change import Comparison, compare, compare_the_rest
from netpol_harness.analysis.changes.equal_cells import EqualCells
from netpol_harness.analysis.changes.strangers import with_strangers_of
from netpol_harness.analysis.predict import Predictor
from netpol_harness.errors import ScenarioInvalid
from netpol_harness.scenario.derive import derive
from tests.laws.cluster_policies import tiered_complete
from tests.laws.dense_clusters import complete, from_seed, is_pod, labels, policy
from tests.laws.small_clusters import NAMESPACES

Dict = dict[str, Any]
Sides = tuple[list[Dict], list[Dict]]
VERSIONS = {
    "NetworkPolicy": "networking.k8s.io/v1",
    "ClusterNetworkPolicy": "policy.networking.k8s.io/v1alpha2",
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "CiliumNetworkPolicy": "cilium.io/v2",
}


def changed(random: Random) -> Sides:
    """Draw a cluster of pods and controllers, and the same with some objects changed, gone or new."""
    objects = [controlled(random, item) for item in random.choice((complete, tiered_complete))(random)]
    objects = [item for item in objects if is_readable(item)]
    for n in range(random.randint(0, 1)):
        objects.append(service(random, f"service-{n}"))
    if random.random() < 0.2:
        objects.append(foreign(random))
    before = [item for item in objects if is_kept(random, item)]
    after = [altered(random, item) for item in objects if is_kept(random, item)]
    return before, after


def is_readable(item: Dict) -> bool:
    """Whether the policy has only peers and protocols that are known."""
    rules = [rule for key in ("ingress", "egress") for rule in item.get("spec", {}).get(key, ())]
    peers = [peer for rule in rules for key in ("from", "to", "protocols") for peer in rule.get(key, ())]
    return item["kind"] != "ClusterNetworkPolicy" or all(peer and "serviceAccounts" not in peer for peer in peers)


def is_kept(random: Random, item: Dict) -> bool:
    return item["kind"] in ("Namespace", "Node") or random.random() < 0.95


def altered(random: Random, item: Dict) -> Dict:
    if random.random() < 0.75 or item["kind"] not in ("Pod", "NetworkPolicy", "Namespace"):
        return item
    if item["kind"] == "NetworkPolicy":
        other = policy(random, 0)
        return {**item, "spec": other["spec"]}
    return {**item, "metadata": {**item["metadata"], "labels": {**item["metadata"]["labels"], **labels(random)}}}


def controlled(random: Random, item: Dict) -> Dict:
    """Return an object as a user writes it; a pod may become a controller of two."""
    if not is_pod(item):
        return item
    containers = [{"image": "stand-in", **container} for container in item["spec"]["containers"]]
    item = {"kind": "Pod", "metadata": item["metadata"], "spec": {**item["spec"], "containers": containers}}
    if random.random() < 0.8:
        return item
    kind, own = random.choice(("Deployment", "StatefulSet")), item["metadata"]["labels"]
    template = {"metadata": {"labels": own}, "spec": item["spec"]}
    spec = {"replicas": random.randint(0, 2), "selector": {"matchLabels": own}, "template": template}
    return {"kind": kind, "metadata": item["metadata"], "spec": {**spec, "serviceName": "x"}}


def service(random: Random, name: str) -> Dict:
    metadata = {"name": name, "namespace": random.choice(NAMESPACES)}
    return {"kind": "Service", "metadata": metadata, "spec": {"selector": labels(random), "ports": [{"port": 80}]}}


def foreign(random: Random) -> Dict:
    metadata = {"name": "foreign", "namespace": random.choice(NAMESPACES)}
    return {"kind": "CiliumNetworkPolicy", "metadata": metadata, "spec": {"endpointSelector": {}}}


def predicted(objects: list[Dict]) -> Predictor:
    with TemporaryDirectory() as folder:
        items = [{"apiVersion": VERSIONS.get(item["kind"], "v1"), **item} for item in objects]
        Path(folder, "all.yaml").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        scenario = derive(Path(folder))
    return Predictor(scenario, scenario.steps[-1])


def path_by_path(before: Predictor, after: Predictor) -> Comparison:
    one, other = with_strangers_of(before, after), with_strangers_of(after, before)
    return compare_the_rest(one, other, EqualCells())


@given(from_seed(changed))
@settings(max_examples=25)
def test_equal_cells_change_nothing(sides: Sides) -> None:
    try:
        before, after = map(predicted, sides)
    except ScenarioInvalid:  # a policy that its CRD refuses
        reject()
    found, expected = compare(before, after), path_by_path(before, after)
    assert found == expected
    assert [change.path.text for change in found.changes] == [change.path.text for change in expected.changes]
