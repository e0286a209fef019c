"""Ephemeral containers of a real embedded cluster: the pod's network, and own files and programs. Real packets."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from netpol_harness.deadline import Deadline
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.kube.exec import PodExec
from netpol_harness.model.names import NamespacedName, ObjectKey
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.converge import converge
from netpol_harness.probe.ephemeral import NAME, ProbeContainers
from netpol_harness.probe.plan.question import Probe, Question
from netpol_harness.probe.pod_prober import ProbeMethod
from netpol_harness.probe.prober import Prober
from netpol_harness.results.evidence import Judgement, judge_evidence
from netpol_harness.timeouts import EMBEDDED
from netpol_harness.wellknown import HIDE_TOOLS_ANNOTATION

pytestmark = pytest.mark.live

SHELLS = "sh,dash,bash,busybox"
SERVER, BARE, POOR, TWO = (NamespacedName("default", name) for name in ("server", "bare", "poor", "two"))


def _pod(name: str, hidden: str = "", containers: tuple[str, ...] = ("app",), **spec: Any) -> dict[str, Any]:
    ports = [{"containerPort": 80}, {"containerPort": 5353, "protocol": "UDP"}]
    first, *others = [{"name": container, "image": "x"} for container in containers]
    metadata = {"name": name, "labels": {"app": name}, "annotations": {HIDE_TOOLS_ANNOTATION: hidden}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [{**first, "ports": ports}, *others], **spec},
    }


@pytest.fixture(scope="module")
def pods(kubectl: Any) -> Iterator[Any]:
    """``bare`` has no shell, ``poor`` curl alone, ``two`` two containers, ``node`` the node's network and no shell."""
    kubectl.run_pods(
        _pod("server"),
        _pod("bare", SHELLS),
        _pod("poor", "nc,ncat,netcat,python3,bash,wget,ping,agnhost"),
        _pod("two", containers=("app", "side")),
        _pod("node", SHELLS, hostNetwork=True),
    )
    yield kubectl
    kubectl.ok("delete", "pod,networkpolicy", "--all", "--wait=true")


@pytest.fixture
def access(pods: Any) -> Access:
    return Access.from_kubeconfig(pods.kubeconfig)


@pytest.fixture
def prober(access: Access) -> Prober:
    return Prober(PodExec(access), timeout=0.5, exec_timeout=20.0, containers=ProbeContainers(Client(access)))


def _probes(pods: Any, name: str = "server") -> list[Probe]:
    address = pods.address(name)
    return [Probe(Scheme.TCP, address, 80), Probe(Scheme.UDP, address, 5353), Probe(Scheme.HTTP, address, 80)]


@pytest.mark.parametrize("method", list(ProbeMethod))
def test_every_pod_can_be_probed_whatever_it_has(pods: Any, prober: Prober, method: ProbeMethod) -> None:
    probes = _probes(pods)
    node = NamespacedName("default", "node")
    replies = prober.observe(dict.fromkeys((SERVER, BARE, POOR, TWO, node), probes), method)
    assert {reply.outcome for reply in replies.values()} == {Outcome.CONNECTED}
    containers = {pod: {replies[pod, probe].container for probe in probes} for pod, _ in replies}
    assert containers[SERVER] == {""}
    assert containers[TWO] == {"app"}
    if method is ProbeMethod.CLI:
        assert containers[BARE] == containers[node] == {NAME}
        assert replies[POOR, probes[0]].tool_and_container == "curl"
        assert replies[POOR, probes[1]].tool_and_container == f"nc (container {NAME})"


def test_all_workers_find_the_same_container(pods: Any, access: Access) -> None:
    client = Client(access)
    probe = _probes(pods)[0]
    for _ in range(3):
        prober = Prober(PodExec(access), timeout=0.5, exec_timeout=20.0, containers=ProbeContainers(client))
        assert prober.observe({BARE: [probe]})[BARE, probe].container == NAME
    pod = client.get(ObjectKey("v1", "Pod", "default", "bare"))
    assert [entry["name"] for entry in pod["spec"]["ephemeralContainers"]] == [NAME]
    [status] = pod["status"]["ephemeralContainerStatuses"]
    assert "running" in status["state"]
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


def test_it_has_the_network_and_name_of_the_pod_and_its_own_files(pods: Any, access: Access) -> None:
    ProbeContainers(Client(access)).ensure_probe_container(BARE)
    inside = ("exec", "bare", "-c", NAME, "--")
    assert pods.address("bare") in pods.ok(*inside, "sh", "-c", "cat /etc/hosts; cat /proc/net/fib_trie")
    assert pods.ok(*inside, "hostname") == "bare\n"
    assert pods.ok(*inside, "curl", "-s", "127.0.0.1").startswith("bare.default")
    assert "nameserver 10.96.0.10" in pods.ok(*inside, "cat", "/etc/resolv.conf")
    pods.ok(*inside, "touch", "/tmp/mine")
    assert pods.ok("exec", "bare", "--", "ls", "/tmp") == ""
    assert "executable file not found" in pods("exec", "bare", "--", "sh").stderr


def test_its_processes_end_with_the_pod(pods: Any, access: Access) -> None:
    pods.run_pods(_pod("short", SHELLS))
    ProbeContainers(Client(access)).ensure_probe_container(NamespacedName("default", "short"))
    pods.ok("exec", "short", "-c", NAME, "--", "sh", "-c", "setsid sleep 7654 </dev/null >/dev/null 2>&1 &")
    pods.ok("delete", "pod", "short")
    for _ in Deadline(3).ticks(0.02):
        if "sleep 7654" not in pods.ok("exec", "server", "--", "ps", "-eo", "args"):
            return
    pytest.fail("it lives on")


def test_a_recreated_pod_gets_a_new_one(pods: Any, prober: Prober) -> None:
    pods.run_pods(_pod("again", SHELLS))
    again, probe = NamespacedName("default", "again"), _probes(pods)[0]
    for _ in range(2):
        assert prober.observe({again: [probe]})[again, probe].outcome is Outcome.CONNECTED
        pods.ok("delete", "pod", "again")
        pods.run_pods(_pod("again", SHELLS))
    pods.ok("delete", "pod", "again")


def test_policies_apply_to_it_as_to_the_pod(pods: Any, prober: Prober) -> None:
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny"}}
    deny = {**kind, "spec": {"podSelector": {"matchLabels": {"app": "bare"}}, "policyTypes": ["Egress"]}}
    pods.ok("create", "-f", "-", data=json.dumps(deny))
    probe = _probes(pods)[0]
    question = Question(BARE, probe, Expected.DROPPED, ((SERVER, probe),))
    evidence = converge(prober, [question], EMBEDDED)[question]
    pods.ok("delete", "networkpolicy", "deny")
    assert judge_evidence(evidence) is Judgement.AGREES
    assert evidence.decisive.reply.container == NAME


def test_a_name_server_without_a_shell_can_be_checked_for_liveness(pods: Any, access: Access) -> None:
    """As on a real cluster: by an ephemeral container, or, if none may be added, by a pod that it answers."""
    pods.run_pods({**_pod("coredns", SHELLS)})
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny"}}
    deny = {**kind, "spec": {"podSelector": {"matchLabels": {"app": "two"}}, "policyTypes": ["Egress"]}}
    pods.ok("create", "-f", "-", data=json.dumps(deny))
    liveness = (NamespacedName("default", "coredns"), _probes(pods, "coredns")[1])
    question = Question(TWO, Probe(Scheme.TCP, "server", 80), Expected.UNRESOLVED, (liveness,), (TWO, SERVER))
    proofs = {}
    for untouchable in ((), ("default",)):
        containers = ProbeContainers(Client(access), untouchable=untouchable)
        prober = Prober(PodExec(access), timeout=0.3, exec_timeout=20.0, containers=containers)
        evidence = converge(prober, [question], EMBEDDED)[question]
        assert judge_evidence(evidence) is Judgement.AGREES
        proofs[untouchable] = evidence.decisive.checked_from
    pods.ok("delete", "networkpolicy/deny", "pod/coredns")
    assert proofs == {(): "", ("default",): "default/server"}


def test_kubectl_debug_adds_one_too(pods: Any) -> None:
    pods.ok("debug", "server", "--image=busybox", "-c", "debugger", "--", "sleep", "1")
    text = pods.ok("describe", "pod", "server")
    assert "Ephemeral Containers:" in text
    assert "debugger:" in text
    assert pods.ok("exec", "server", "-c", "debugger", "--", "echo", "hello") == "hello\n"
