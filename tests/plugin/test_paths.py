"""Every kind of path of the grammar, asked for real on the embedded cluster: open without policies, shut with them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

pytestmark = pytest.mark.live

WORKLOADS = """\
{apiVersion: v1, kind: Namespace, metadata: {name: other}}
---
{apiVersion: v1, kind: Pod, metadata: {name: client}, spec: {containers: [{name: c, image: i}, {name: s, image: i}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: stranger, namespace: other}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: server}
spec:
  replicas: 3
  selector: {matchLabels: {app: server}}
  template:
    metadata: {labels: {app: server}}
    spec:
      containers:
        - name: c
          image: i
          ports:
            - {name: web, containerPort: 8080}
            - {name: echo, containerPort: 7, protocol: UDP}
---
apiVersion: v1
kind: Service
metadata: {name: front}
spec:
  type: NodePort
  selector: {app: server}
  ports:
    - {name: web, port: 80, targetPort: web, nodePort: 30080}
    - {name: echo, port: 7, targetPort: echo, protocol: UDP}
---
apiVersion: v1
kind: Service
metadata: {name: direct}
spec: {clusterIP: None, selector: {app: server}, ports: [{port: 8080}]}
"""
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {matchLabels: {app: server}}, policyTypes: [Ingress]}
"""
PATHS = [
    "client -> front:80",
    "client -> http://front:web",
    "client[s] -> http://front:web",
    "client[s] -> server:8080",
    "client -> https://front:80",
    "client -> udp://front:7",
    "client -> front.default.svc.cluster.local:80",
    "client -> ip(front):80",
    "client -> udp://ip(front):7",
    "client -> direct:8080",
    "client -> server:8080",
    "client -> udp://server:7",
    "client -> https://server:8080",
    "client -> icmp://server",
    "client -> node(server):30080",
    "other/stranger -> default/front:{80}",
    "other/any -> icmp://default/server",
    "other/stranger -> default/server:8080",
    "user -> front:80",
    "user -> server:8080",
    "server/0 -> server/1:8080",
    "client -> icmp://server/2",
    "user -> udp://default/app=server:echo",
    "user -> node(server):30080",
]
ALWAYS = [
    "node(server) -> server:8080",
    "node(client) -> http://front",
    "client -> user:443",
    "client -> udp://user:53",
    "server -> user:443",
    "client -> 203.0.113.200:443",
]


def steps(word: str) -> str:
    """The lines of a step's paths, all with one word."""
    return "".join(f"      {path}: {word}\n" for path in PATHS)


def test_every_kind_of_path_is_open_and_shut(demo: "Demo", green: Callable[..., pytest.RunResult]) -> None:
    always = "".join(f"      {path}: {'undefined' if '200' in path else 'allowed'}\n" for path in ALWAYS)
    scenario = (
        "title: all paths\nworkloads: [workloads.yaml]\nexternal: {user: {ports: [443, 53/UDP]}}\nsteps:\n"
        f"  - name: open\n    others: allowed\n    paths:\n{steps('allowed')}{always}"
        f"  - name: shut\n    policies: [deny.yaml]\n    others: blocked\n    paths:\n{steps('blocked')}{always}"
    )
    demo.write(scenario, WORKLOADS)
    (demo.pytester.path / "demo" / "deny.yaml").write_text(POLICY)
    green("demo").assert_outcomes(passed=2 * (len(PATHS) + len(ALWAYS) + 1))
