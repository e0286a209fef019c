"""Laws: every edit that an explanation shows, made in the files, gives the path the verdict that is promised.

The files are written again and read from the start, so that the edit is that of the text that is shown.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from netpol_harness.analysis.explain import explain_path
from netpol_harness.analysis.paths import every_path
from netpol_harness.analysis.predict import Predictor
from netpol_harness.oracle.points import SPECIFICATION
from netpol_harness.oracle.profiles import PROFILES
from netpol_harness.paths.outcome import Expected
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario
from tests.laws.cluster_policies import cluster_policy
from tests.laws.dense_clusters import from_seed, labels, policy
from tests.laws.small_clusters import NAMESPACES, PORT_NAMES, PORTS

Dict = dict[str, Any]
WANTED = (Expected.ALLOWED, Expected.BLOCKED, Expected.UNRESOLVED)
STATES = {"allowed": Expected.ALLOWED, "blocked": Expected.BLOCKED, "unresolved": Expected.UNRESOLVED}
SCENARIO = {
    "title": "random",
    "workloads": ["workloads.yaml"],
    "exclusive": True,
    "external": {"near": {"address": "203.0.113.1", "ports": [80]}, "far": {"ports": [80]}},
    "names": {"www.example.com": ["near"], "a.b.example.com": {"alias": "www.example.com"}},
    "steps": [{"name": "s", "policies": ["policies.yaml"], "others": "blocked"}],
}
COUNTS: dict[str, int] = {}
"""How many edits were proven, by what they promise."""


def objects(random: Random) -> tuple[list[Dict], list[Dict]]:
    """Draw workloads, Services among them, and policies."""
    pods = [(namespace, f"p{number}") for namespace in NAMESPACES for number in range(2)]
    workloads = [
        *({"kind": "Namespace", "metadata": {"name": n, "labels": labels(random)}} for n in NAMESPACES),
        *(pod(random, *name) for name in pods),
        *(service(random, namespace, f"s{number}") for number, namespace in enumerate(NAMESPACES)),
    ]
    rules = [usual_policy(random, number) for number in range(random.choice((0, 1, 3, 6)))]
    for item in workloads:
        item.setdefault("apiVersion", "v1")
    tiers = [valid(cluster_policy(random, f"cluster-{number}")) for number in range(random.choice((0, 1, 2, 4)))]
    own = [{"apiVersion": "networking.k8s.io/v1", **item} for item in rules]
    return workloads, [*own, *({"apiVersion": "policy.networking.k8s.io/v1alpha2", **item} for item in tiers)]


def valid(drawn: Dict) -> Dict:
    """Return a ClusterNetworkPolicy without parts that its schema refuses: unknown peers and ports, empty lists."""
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        rules = drawn["spec"].get(direction) or []
        for rule in rules:
            rule[peers] = [peer for peer in rule[peers] if peer and "serviceAccounts" not in peer]
            for peer in (peer for peer in rule[peers] if "domainNames" in peer):
                peer["domainNames"] = [name.replace("*.test", "*.cluster.test") for name in peer["domainNames"]]
            if "protocols" in rule:
                rule["protocols"] = [port for port in rule["protocols"] if port]
        kept = [rule for rule in rules if rule[peers] and rule.get("protocols") != []]
        drawn["spec"] = {key: value for key, value in drawn["spec"].items() if key != direction}
        drawn["spec"] |= {direction: kept} if kept else {}
    return drawn


def usual_policy(random: Random, number: int) -> Dict:
    """Draw a policy; of some, the types follow from the rules, and some of its peers point at one pod by its name."""
    drawn = policy(random, number)
    if random.random() < 0.3:
        del drawn["spec"]["policyTypes"]
    rules = [*drawn["spec"].get("ingress", ()), *drawn["spec"].get("egress", ())]
    for peer in (peer for rule in rules for peer in (*rule.get("from", ()), *rule.get("to", ()))):
        if "podSelector" in peer and random.random() < 0.5:
            equal = {**peer["podSelector"].get("matchLabels", {}), "name": f"p{random.randint(0, 2)}"}
            peer["podSelector"] = {**peer["podSelector"], "matchLabels": equal}
    return drawn


def pod(random: Random, namespace: str, name: str) -> Dict:
    """Draw a Pod, or a Deployment of two."""
    named = [(n, port_name) for n, port_name in zip(PORTS, PORT_NAMES, strict=True) if random.random() < 0.8]
    ports = [{"containerPort": n, "name": port_name} for n, port_name in named]
    on_node = {"hostNetwork": True} if random.random() < 0.1 else {}
    spec = {"containers": [{"name": "c", "image": "stand-in", "ports": ports}], **on_node}
    own, metadata = {**labels(random), "name": name}, {"namespace": namespace, "name": name}
    if random.random() < 0.7:
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "labels": own}, "spec": spec}
    template = {"metadata": {"labels": own}, "spec": spec}
    content = {"replicas": 2, "selector": {"matchLabels": {"name": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": content}


def service(random: Random, namespace: str, name: str) -> Dict:
    target = random.choice((*PORTS, *PORT_NAMES))
    spec = {"selector": {"name": f"p{random.randint(0, 1)}"}, "ports": [{"port": 8080, "targetPort": target}]}
    if random.random() < 0.2:
        spec["clusterIP"] = "None"
    return {"kind": "Service", "metadata": {"namespace": namespace, "name": name}, "spec": spec}


def written(directory: Path, workloads: list[Dict], policies: list[Dict]) -> Scenario:
    """Write the files of a scenario and read them."""
    (directory / "workloads.yaml").write_text(yaml.safe_dump_all(workloads))
    (directory / "policies.yaml").write_text(yaml.safe_dump_all(policies))
    (directory / "scenario.yaml").write_text(yaml.safe_dump(SCENARIO))
    return load(directory / "scenario.yaml")


def edited(items: list[Dict], changes: Mapping[tuple[str, str, str], Dict]) -> list[Dict]:
    """Return the objects with these changes, by kind, namespace and name."""
    return [changes.get(key(item), item) for item in items]


def key(item: Mapping[str, Any]) -> tuple[str, str, str]:
    return item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]


def promises(state: str, verdict: Expected) -> bool:
    """Whether a verdict keeps what an edit promises in words."""
    return verdict is STATES[state] if state in STATES else verdict is not Expected.UNRESOLVED


def broken_promises(directory: Path, random: Random) -> Iterator[str]:
    """Yield every edit that does not do what the explanation says, for a few paths and wanted verdicts."""
    workloads, policies = objects(random)
    scenario = written(directory, workloads, policies)
    profile = random.choice((SPECIFICATION, SPECIFICATION, *PROFILES.values()))
    predictor = Predictor(scenario, scenario.steps[0], profile)
    for path in random.sample(every_path(scenario.steps[0]), 4):
        expected = random.choice([wanted for wanted in WANTED if wanted is not predictor.verdict(path)])
        for solution in explain_path(predictor, path, (), expected).solutions:
            changes = {key(edit.before or edit.after): dict(edit.after) for edit in solution.plan.edits}
            new = [dict(edit.after) for edit in solution.plan.edits if edit.before is None]
            again = written(directory, edited(workloads, changes), [*edited(policies, changes), *new])
            verdict = Predictor(again, again.steps[0], profile).verdict(path)
            COUNTS[solution.state] = COUNTS.get(solution.state, 0) + 1
            if not promises(solution.state, verdict):
                yield f"{path}: {verdict}, not {solution.state}, by\n{yaml.safe_dump_all([*changes.values(), *new])}"


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        yield Path(name)


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(random=from_seed(lambda random: random))
def test_every_edit_that_is_shown_gives_the_promised_verdict(directory: Path, random: Random) -> None:
    assert [*broken_promises(directory, random)] == []
