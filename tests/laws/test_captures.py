"""Law: what is captured of a cluster has the verdicts of the cluster, cell by cell."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings

from netpol_harness.analysis.predict import Predictor
from netpol_harness.model.names import Port, Protocol
from netpol_harness.model.objects import World
from netpol_harness.oracle.judge import Oracle
from netpol_harness.reproduce.capture.capture import Capture, capture
from netpol_harness.reproduce.capture.inputs import ClusterInput
from netpol_harness.reproduce.capture.redact import redacted
from netpol_harness.reproduce.capture.write import scenario_files, write
from netpol_harness.scenario.load import load
from tests.laws.dense_clusters import from_seed, is_pod, usual
from tests.laws.small_clusters import VALUES
from tests.laws.small_services import worlds

Dict = dict[str, Any]

PORTS = [Port(protocol, number) for protocol in (Protocol.TCP, Protocol.UDP, Protocol.SCTP) for number in (80, 81)]
VERSIONS = {
    "NetworkPolicy": "networking.k8s.io/v1",
    "EndpointSlice": "discovery.k8s.io/v1",
}


def listed(objects: Iterable[Dict]) -> ClusterInput:
    return ClusterInput("a law", tuple({"apiVersion": VERSIONS.get(o["kind"], "v1"), **o} for o in objects))


def replicated(random: Random) -> list[Dict]:
    """A cluster in which the pods of some namespaces are replicas of a Deployment or a StatefulSet."""
    objects = [*usual(random)]
    for namespace in ("x", "y"):
        pods = [o for o in objects if is_pod(o) and o["metadata"]["namespace"] == namespace]
        kind, name = random.choice((("ReplicaSet", "web-5d4f"), ("StatefulSet", "web"), ("DaemonSet", "web")))
        labels = {"a": random.choice(VALUES)}
        for number, pod in enumerate(pods):
            own = {
                "ReplicaSet": {"pod-template-hash": "5d4f"},
                "StatefulSet": {"apps.kubernetes.io/pod-index": f"{number}"},
            }
            odd = {"b": "1"} if random.random() < 0.2 else {}
            owners = [{"kind": kind, "name": name, "controller": True}]
            pod["metadata"] = {
                **pod["metadata"],
                "labels": {**labels, **own.get(kind, {}), **odd},
                "ownerReferences": owners,
            }
            pod["spec"] = {**pod["spec"], "containers": pods[0]["spec"]["containers"]}
    return objects


def same_verdicts(objects: list[Dict], *, key: bytes = b"") -> None:
    """Assert that every pair of pods has the verdict of the cluster, with a key also if the capture is redacted."""
    captured = capture(listed(objects))
    captured = redacted(captured, key) if key else captured
    live, world = Oracle(World.parse(objects)).table(PORTS), reloaded(captured)
    written = Oracle(world).table(PORTS)
    made = {
        workload: [pod.ref for pod in world.pods.values() if pod.workload == workload]
        for workload in captured.stand_ins.values()
    }
    for (source, one), (target, other) in product(captured.stand_ins.items(), repeat=2):
        for port in PORTS if made[one][0] != made[other][-1] and source != target else ():
            expected = live.answer(source, target, port)
            assert written.answer(made[one][0], made[other][-1], port) is expected, (source, target, port)


def reloaded(captured: Capture) -> World:
    """Write the capture, read it as a user's scenario, and return its world."""
    with TemporaryDirectory() as folder:
        directory = Path(folder) / "captured"
        write(scenario_files(captured, "a law"), directory, force=False)
        scenario = load(directory / "scenario.yaml")
        return Predictor(scenario, scenario.steps[-1]).world


@given(worlds())
@settings(max_examples=40)
def test_a_cluster_with_services(objects: list[Dict]) -> None:
    same_verdicts(objects)


@given(worlds())
@settings(max_examples=20)
def test_a_redacted_capture(objects: list[Dict]) -> None:
    same_verdicts(objects, key=b"secret")


@given(from_seed(replicated))
@settings(max_examples=40)
def test_a_cluster_with_replicas(objects: list[Dict]) -> None:
    same_verdicts(objects)
