"""Pods that have only busybox's tools: probed like any other, through the real API."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.kube.config import Access
from netpol_harness.kube.exec import PodExec
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan.question import Probe
from netpol_harness.probe.prober import Prober

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(shutil.which("busybox") is None, reason="busybox is not installed"),
]

CLIENT = NamespacedName("default", "client")
PORTS = [{"containerPort": 80}, {"containerPort": 81}, {"containerPort": 5353, "protocol": "UDP"}]


def pod(name: str, **container: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "c", "image": "server", **container}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def test_probes_understand_busybox(foreground: Any, new_kubectl: Any) -> None:
    cluster = foreground("--tools", "busybox")
    cluster.wait_until_ready()
    kubectl = new_kubectl(cluster.kubeconfig)
    kubectl.run_pods(pod("client"), pod("web", ports=PORTS))
    rule = {"from": [], "ports": [{"port": 80}, {"port": 82}, {"port": 5353, "protocol": "UDP"}]}
    spec = {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [rule]}
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": spec}
    kubectl.ok("create", "-f", "-", data=json.dumps(policy))
    kubectl.ok("expose", "pod", "web", "--port=80")
    found = kubectl.ok("exec", "client", "--", "sh", "-c", "command -v nc curl python3 bash; readlink /mnt/nc")
    assert found.splitlines()[-1].endswith("busybox")
    assert "curl" not in found
    web = kubectl.address("web")
    wanted = {
        Probe(Scheme.TCP, web, 80): Outcome.CONNECTED,
        Probe(Scheme.TCP, "web", 80): Outcome.CONNECTED,
        Probe(Scheme.HTTP, web, 80): Outcome.CONNECTED,
        Probe(Scheme.TCP, web, 81): Outcome.TIMED_OUT,
        Probe(Scheme.HTTP, web, 81): Outcome.TIMED_OUT,
        Probe(Scheme.TCP, web, 82): Outcome.REFUSED,
        Probe(Scheme.TCP, "nosuch", 80): Outcome.NAME_FAILED,
    }
    prober = Prober(PodExec(Access.from_kubeconfig(Path(cluster.kubeconfig))), timeout=1.0, exec_timeout=20)
    seen = prober.observe({CLIENT: list(wanted)})
    assert {probe: seen[CLIENT, probe].outcome for probe in wanted} == wanted, seen


def test_tool_images_find_there_what_the_host_lacks(foreground: Any, new_kubectl: Any) -> None:
    cluster = foreground()
    cluster.wait_until_ready()
    kubectl = new_kubectl(cluster.kubeconfig)
    run = ("run", "x", "--rm", "-i", "--quiet", "--restart=Never", "--image=busybox:1.36", "--")
    assert "busybox" in kubectl.ok(*run, "sh", "-c", "readlink $(command -v udhcpc)")
