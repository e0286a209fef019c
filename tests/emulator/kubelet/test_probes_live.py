"""Probes of a real embedded cluster, with the real kubectl, under policies. Real packets."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from netpol_harness.wellknown import DEAD_PORTS_ANNOTATION
from tests.emulator.kubelet.live_pods import pod, shell

pytestmark = pytest.mark.live

CONNECT = {"tcpSocket": {"port": 80}, "periodSeconds": 1, "failureThreshold": 1}
GET = {"httpGet": {"port": 80, "path": "/ready"}, "periodSeconds": 1, "failureThreshold": 1}
ASK_WEB = {"exec": {"command": ["nc", "-z", "-w", "1", "web.probed", "80"]}, "timeoutSeconds": 2, "periodSeconds": 1}
ASK_DATABASE = {"exec": {"command": ["pg_isready", "-U", "postgres"]}}


def probed(name: str, **probes: Any) -> dict[str, Any]:
    made = pod(name, container=probes)
    return {**made, "metadata": {**made["metadata"], "namespace": "probed"}}


@pytest.fixture(scope="module")
def space(kubectl: Any) -> Iterator[Any]:
    """A namespace with probed pods, all Ready, under a policy that denies all ingress to ``guarded``."""
    kubectl.ok("create", "namespace", "probed")
    deny = {"podSelector": {"matchLabels": {"app": "guarded"}}, "policyTypes": ["Ingress"]}
    apply(
        kubectl,
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": named("deny"), "spec": deny},
        probed("web", readinessProbe=CONNECT),
        probed("live", livenessProbe=CONNECT, startupProbe=CONNECT),
        probed("guarded", readinessProbe=GET, livenessProbe=CONNECT),
        probed("asks", readinessProbe={**ASK_WEB, "failureThreshold": 1}),
        probed("database", readinessProbe=ASK_DATABASE),
    )
    kubectl.ok("expose", "-n", "probed", "pod", "web", "--port=80")
    kubectl.ok("wait", "-n", "probed", "--for=condition=Ready", "pod", "--all", "--timeout=20s")
    yield kubectl
    kubectl.ok("delete", "namespace", "probed")


def named(name: str) -> dict[str, str]:
    return {"name": name, "namespace": "probed"}


def apply(kubectl: Any, *objects: Mapping[str, Any]) -> None:
    kubectl.ok("apply", "-f", "-", data="\n---\n".join(map(json.dumps, objects)))


def await_ready(space: Any, name: str, *, ready: bool) -> None:
    space.ok("wait", "-n", "probed", f"--for=condition=Ready={ready}", f"pod/{name}", "--timeout=20s")


def close_port(space: Any, name: str, ports: str = "80") -> None:
    space.ok("annotate", "-n", "probed", "pod", name, f"{DEAD_PORTS_ANNOTATION}={ports}", "--overwrite")


def test_a_pod_stays_ready_under_a_policy_that_denies_all_its_ingress(space: Any) -> None:
    await_ready(space, "guarded", ready=True)
    status = json.loads(space.ok("get", "-n", "probed", "pod", "guarded", "-o", "json"))["status"]
    assert status["containerStatuses"][0]["restartCount"] == 0


def test_a_service_sends_to_ready_pods_only(space: Any) -> None:
    endpoints = ("get", "-n", "probed", "endpoints", "web", "-o", "jsonpath={.subsets[*].addresses[*].targetRef.name}")
    assert space.ok(*endpoints) == "web"
    close_port(space, "web")
    await_ready(space, "web", ready=False)
    assert space.ok(*endpoints) == ""
    refused = space("exec", "-n", "probed", "guarded", "--", "nc", "-z", "-v", "-w", "2", "web", "80")
    assert "refused" in refused.stderr
    close_port(space, "web", "")
    await_ready(space, "web", ready=True)
    space.ok("exec", "-n", "probed", "guarded", "--", "nc", "-z", "-w", "2", "web", "80")


def test_a_command_that_asks_the_network_meets_the_policies(space: Any) -> None:
    deny = {"podSelector": {"matchLabels": {"app": "asks"}}, "policyTypes": ["Egress"]}
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": named("alone"), "spec": deny}
    apply(space, policy)
    await_ready(space, "asks", ready=False)
    assert "Readiness probe failed" in space.ok("get", "events", "-n", "probed", "--field-selector=reason=Unhealthy")
    space.ok("delete", "-n", "probed", "networkpolicy", "alone")
    await_ready(space, "asks", ready=True)


def test_a_failed_liveness_probe_restarts_the_container(space: Any) -> None:
    killed = "--for=jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}=137"
    close_port(space, "live")
    space.ok("wait", "-n", "probed", killed, "pod/live", "--timeout=20s")
    close_port(space, "live", "")
    await_ready(space, "live", ready=True)
    count = "{.status.containerStatuses[0].restartCount}"
    assert int(space.ok("get", "-n", "probed", "pod", "live", "-o", f"jsonpath={count}")) >= 1


def test_an_init_container_that_waits_keeps_the_pod_pending(space: Any) -> None:
    waiting = shell("waits", "until nc -z -w 1 nowhere 80; do sleep 0.2; done")["spec"]["containers"][0]
    made = probed("late")
    apply(space, {**made, "spec": {**made["spec"], "initContainers": [{**waiting, "name": "wait"}]}})
    for _ in range(2):
        space.ok("wait", "-n", "probed", "--for=condition=Initialized=False", "pod/late", "--timeout=20s")
        running = "--for=jsonpath={.status.initContainerStatuses[0].state.running.startedAt}"
        space.ok("wait", "-n", "probed", running, "pod/late", "--timeout=20s")
    row = space.ok("get", "-n", "probed", "pod", "late", "--no-headers").split()
    assert row[1:3] == ["0/1", "Init:0/1"]
    space.ok(
        "create", "service", "externalname", "-n", "probed", "nowhere", "--external-name=web.probed.svc.cluster.local"
    )
    await_ready(space, "late", ready=True)
