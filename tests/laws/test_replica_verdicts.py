"""Law: the verdict on a path between workloads is that of all pairs of their pods, whichever of them are asked."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_harness.analysis.predict import Predictor
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.verdict import Flow
from netpol_harness.paths.ends import PodSource, PodTarget
from netpol_harness.paths.path import Path as NetworkPath
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

WORKLOADS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: broker}
spec:
  replicas: 3
  selector: {matchLabels: {app: broker}}
  template:
    metadata: {labels: {app: broker}}
    spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 80}]}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: ring}
spec:
  replicas: 3
  serviceName: ring
  selector: {matchLabels: {app: ring}}
  template:
    metadata: {labels: {app: ring}}
    spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 80}]}]}
"""
SCENARIO = "title: x\nworkloads: [workloads.yaml]\nsteps: [{name: only, others: allowed}]\n"
NAMES, INDEX = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"

Dict = dict[str, Any]
values = {"app": ("broker", "ring", "web"), NAMES: ("ring-0", "ring-2"), INDEX: ("0", "1")}


@st.composite
def selectors(draw: st.DrawFn) -> Dict:
    """Draw a selector of up to two requirements."""
    expressions = []
    for key in draw(st.lists(st.sampled_from(sorted(values)), max_size=2, unique=True)):
        operator = draw(st.sampled_from(("In", "NotIn", "Exists", "DoesNotExist")))
        listed = draw(st.lists(st.sampled_from(values[key]), min_size=1, unique=True))
        expressions.append({"key": key, "operator": operator, **({"values": listed} if "In" in operator else {})})
    return {"matchExpressions": expressions}


rules = st.lists(st.lists(selectors(), max_size=2), max_size=2)


@st.composite
def policies(draw: st.DrawFn, number: int) -> NetworkPolicy:
    """Draw a policy of one or both directions."""
    types = draw(st.lists(st.sampled_from(("Ingress", "Egress")), min_size=1, unique=True))
    spec = {
        "podSelector": draw(selectors()),
        "policyTypes": types,
        "ingress": [{"from": [{"podSelector": peer} for peer in peers]} for peers in draw(rules)],
        "egress": [{"to": [{"podSelector": peer} for peer in peers]} for peers in draw(rules)],
    }
    return NetworkPolicy.parse({"metadata": {"name": f"p{number}"}, "spec": spec})


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """Return a scenario with a Deployment and a StatefulSet of three pods each, and a Pod."""
    folder: Path = tmp_path_factory.mktemp("town")
    (folder / "workloads.yaml").write_text(WORKLOADS)
    (folder / "scenario.yaml").write_text(SCENARIO)
    return load(folder / "scenario.yaml")


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_the_verdict_is_that_of_all_pairs_of_pods(town: Scenario, data: st.DataObject) -> None:
    drawn = tuple(data.draw(policies(number)) for number in range(data.draw(st.integers(1, 2))))
    predictor = Predictor(town, town.steps[0]).with_policies(drawn)
    oracle = Oracle(predictor.world)
    cells = predictor.closed_world_verdicts()
    assert len(cells) == 8
    for path, verdict in cells.items():
        assert verdict == predictor.verdict(path) == _by_all_pairs(predictor, oracle, path), path


def _by_all_pairs(predictor: Predictor, oracle: Oracle, path: NetworkPath) -> str:
    """Return the one answer of all pairs of different pods, or ``undefined``."""
    assert isinstance(path.source, PodSource)
    assert isinstance(path.target, PodTarget)
    every = predictor.world.pods.values()
    sources = [pod.ref for pod in every if pod.workload == path.source.ref]
    targets = [pod.ref for pod in every if pod.workload == path.target.ref]
    flows = [Flow(one, other, path.port) for one, other in product(sources, targets) if one != other]
    answers = {oracle.judge(flow).answer for flow in flows}
    assert len(flows) == len(sources) * len(targets) - (len(sources) if path.source.ref == path.target.ref else 0)
    return str(answers.pop()) if len(answers) == 1 else "undefined"
