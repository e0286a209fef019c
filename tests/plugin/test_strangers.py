"""Strangers on the embedded cluster: what policies admit and deny of them is seen."""

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: server}
spec:
  podSelector: {matchLabels: {app: server}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress}}
      podSelector: {matchExpressions: [{key: app, operator: In, values: [router]}]}
  egress:
  - to: [{podSelector: {matchLabels: {app: db}}}]
    ports: [{port: 5432}, {port: metrics}, {port: 443}]
  - to: [{namespaceSelector: {matchLabels: {role: logging}}}]
    ports: [{port: 514, protocol: UDP}]
"""


@pytest.mark.live
def test_a_workload_alone_is_asked_from_and_to_strangers(demo: "Demo") -> None:
    folder = demo.pytester.path / "demo"
    (folder / "scenario.yaml").unlink()
    (folder / "workloads.yaml").write_text(demo.workloads.partition("---")[0])
    (folder / "deny.yaml").write_text(POLICY)
    demo.run("--derive", "--report-dir", "report", "demo").assert_outcomes(passed=1)
    (file,) = (demo.pytester.path / "report").glob("demo*derived*.json")
    step = json.loads(file.read_text())
    open_paths = {path["path"] for path in step["paths"] if path["expected"] == "allowed"}
    assert open_paths == {
        "stranger-router -> server:80",
        "server -> stranger-db:5432",
        "server -> stranger-db:9001",
        "server -> stranger-db:443",
        "server -> udp://strangers-logging/stranger:514",
    }
    denied = {path["path"] for path in step["paths"]} - open_paths
    assert {"outsider -> server:80", "server -> outsider:443", "ingress/stranger -> server:80"} <= denied
    assert {"stranger -> server:80", "server -> stranger-db:8080", "stranger-db -> server:80"} <= denied
    assert step["asked"] == {"paths": len(step["paths"]), "denials": len(denied)}
