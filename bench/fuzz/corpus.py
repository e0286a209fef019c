"""The files that mutations start from: the shipped scenarios, and manifests as people write them."""

from collections.abc import Mapping
from pathlib import Path

from netpol_harness.scenario import SCENARIO_FILE

Files = Mapping[str, bytes]
"""A directory: the content of each file by its path."""

_LARGEST = 8_000
"""Bytes of the largest scenario that is mutated: what a larger one could show, a small one shows sooner."""

_WORLD = """
apiVersion: v1
kind: List
items:
- &web
  apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web, labels: {app: web}, annotations: {note: "a # b"}}
  spec:
    replicas: 2
    selector: {matchLabels: {app: web}, matchExpressions: [{key: app, operator: In, values: [web, front]}]}
    template:
      metadata: {labels: {app: web}}
      spec:
        initContainers: [{name: wait, image: busybox, command: [sh, -c, "until nc -z db 5432; do sleep 1; done"]}]
        containers:
        - name: web
          image: "nginx:1.27"
          ports: [{name: http, containerPort: 8080, hostPort: 0}, {containerPort: 9090}]
---
{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
 "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": "http", "nodePort": 30080}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: postgres, ports: [{containerPort: 5432}]}], hostNetwork: false}
---
{apiVersion: v1, kind: Service, metadata: {name: db},
  spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}}
--- # a deny, and the way to the database
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [x]}, {key: tier, operator: Exists}]}
      namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: default}}
    - ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.2.0.0/16]}
    ports: [{port: 5432}, {port: 6000, endPort: 6010, protocol: UDP}, {port: metrics}]
  egress: [{}]
"""

_PATHS = """
title: Every form of a path
workloads: [workloads.yaml]
external: {user: {address: 203.0.113.7, ports: [80, 53/UDP, 9/SCTP]}, other: }
timeouts: {settle: 3.5, ready: 10}
steps:
  - name: first
    paths:
      web -> db-service:3306: allowed
      web:40000 -> tcp://pod(db):3306: allowed
      held web -> http://db:3306: allowed
      throughout web -> ip(default/db-service):3306: allowed
      web -> service(db-service):3306: undefined
      web -> db-service.default.svc.cluster.local:3306: allowed
      user -> 192.0.2.1:80: blocked
      web -> "[2001:db8::1]:80": dropped
      web -> icmp://db: rejected
      any -> udp://user:53: blocked
    others: blocked
    labels: {pods: {web: {tier: front, app: }}, namespaces: {default: {team: a}}}
  - &second
    name: second
    policies: ['*.yml', p/deny.yml]
    paths: {web -> node(db):30306: blocked, first web -> db:3306: blocked, any -> any:80: undefined}
    recreate: [web]
    absent: [Service/db-service]
    repeat: 2
  - {<<: *second, name: third, paths: {web -> db-service:3306: unresolved}, restart: agent, expect: oracle}
"""
_PODS = """
{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web}},
  spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: db, labels: {app: db}}
spec: {containers: [{name: c, image: i, ports: [{containerPort: 3306}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: db-service}
spec: {type: NodePort, selector: {app: db}, ports: [{port: 3306, nodePort: 30306}]}
"""
_DENY = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny}, spec: {podSelector: {}}}\n"


def corpus() -> tuple[Files, ...]:
    """Return the directories to mutate, always in the same order."""
    written = [
        {"all.yaml": _WORLD.encode()},
        {SCENARIO_FILE: _PATHS.encode(), "workloads.yaml": _PODS.encode(), "p/deny.yml": _DENY.encode()},
    ]
    shipped = sorted((Path(__file__).parents[2] / "scenarios").rglob(SCENARIO_FILE))
    return (*written * 8, *filter(_is_small, map(_read, shipped)))


def _read(file: Path) -> Files:
    folder = file.parent
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*.y*ml"))}


def _is_small(files: Files) -> bool:
    return sum(map(len, files.values())) <= _LARGEST
