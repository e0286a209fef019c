"""Connections of a closed world through pod exec: every pod probes every other pod, as ``others:`` does."""

import time
from collections.abc import Callable, Mapping, Sequence

from netpol_harness.backends.base import Cluster
from netpol_harness.deadline import Deadline
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.kube.exec import PodExec
from netpol_harness.kube.wait import wait_ready
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.bulk import bulk_probe
from netpol_harness.probe.plan.question import Probe, Question
from netpol_harness.probe.pod_prober import ProbeMethod
from netpol_harness.probe.prober import Prober
from netpol_harness.results.evidence import Judgement, judge_evidence

NAMESPACE, PORT = "flows", 8080
CLOSED = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "closed", "namespace": NAMESPACE},
    "spec": {"podSelector": {"matchLabels": {"half": "closed"}}, "policyTypes": ["Ingress"]},
}


def flows(cluster: Cluster, count: int) -> Mapping[str, float]:
    """Return the seconds for one round and for a whole table, with all targets open and with half of them closed."""
    access = Access.from_kubeconfig(cluster.kubeconfig)
    client = Client(access)
    addresses = _pods(client, count)
    timeouts = cluster.timeouts
    prober = Prober(PodExec(access), timeout=timeouts.probe, exec_timeout=timeouts.exec)
    seconds = {}
    for state, closed in (("open", 0), ("half", count // 2)):
        if closed:
            client.create(CLOSED)
        questions = _questions(addresses, closed)
        batches = {pod: [Probe(Scheme.TCP, a, PORT) for a in addresses.values()] for pod in addresses}
        seconds[f"{state} round"] = min(_timed(lambda: prober.observe(batches, ProbeMethod.PYTHON)) for _ in range(3))  # noqa: B023
        seconds[f"{state} table"] = min(_timed(lambda: _table(prober, questions, cluster)) for _ in range(3))  # noqa: B023
    return seconds


def _table(prober: Prober, questions: Sequence[Question], cluster: Cluster) -> None:
    evidence = bulk_probe(prober, questions, cluster.timeouts)
    wrong = [str(question) for question, found in evidence.items() if judge_evidence(found) is not Judgement.AGREES]
    if wrong:
        raise SystemExit(f"{len(wrong)} flows are not as expected: {wrong[:3]}")


def _questions(addresses: Mapping[NamespacedName, str], closed: int) -> list[Question]:
    expected = {pod: Expected.BLOCKED if n < closed else Expected.ALLOWED for n, pod in enumerate(addresses)}
    return [
        Question(source, (probe := Probe(Scheme.TCP, address, PORT)), expected[target], ((target, probe),))
        for source in addresses
        for target, address in addresses.items()
        if source != target
    ]


def _pods(client: Client, count: int) -> dict[NamespacedName, str]:
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    for number in range(count):
        half = "closed" if number < count // 2 else "open"
        metadata = {"name": f"pod-{number:03}", "namespace": NAMESPACE, "labels": {"half": half}}
        container = {"name": "c", "image": "i", "ports": [{"containerPort": PORT}]}
        client.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}})
    wait_ready(client, [NAMESPACE], deadline=Deadline(60), interval=0.01)
    pods = sorted(client.list("v1", "Pod", namespace=NAMESPACE), key=lambda pod: str(pod["metadata"]["name"]))
    return {NamespacedName(NAMESPACE, pod["metadata"]["name"]): pod["status"]["podIP"] for pod in pods}


def _timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start
