"""The time to read manifests without a scenario.yaml: from files to a scenario with its notes. Needs no cluster."""

import time
from pathlib import Path

import yaml

from netpol_harness.analysis.notes.all_notes import notes_on
from netpol_harness.scenario.derive import derive
from netpol_harness.yaml_loader import SAFE_LOADER

APPLICATIONS = (30, 100, 300)
"""Each application is a file of three objects: a Deployment, its Service and its NetworkPolicy."""

_NAMESPACES = 10
_APPLICATION = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app-{n}, namespace: team-{team}, labels: {{app: app-{n}}}}}
spec:
  selector: {{matchLabels: {{app: app-{n}}}}}
  template:
    metadata: {{labels: {{app: app-{n}, tier: tier-{tier}}}}}
    spec:
      containers:
        - name: main
          image: registry.k8s.io/e2e-test-images/agnhost:2.53
          ports: [{{name: http, containerPort: 8080}}]
---
apiVersion: v1
kind: Service
metadata: {{name: app-{n}, namespace: team-{team}}}
spec:
  selector: {{app: app-{n}}}
  ports: [{{port: 80, targetPort: http}}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: app-{n}, namespace: team-{team}}}
spec:
  podSelector: {{matchLabels: {{app: app-{n}}}}}
  policyTypes: [Ingress, Egress]
  ingress:
    - from: [{{podSelector: {{matchLabels: {{app: app-{caller}}}}}}}]
      ports: [{{port: http}}]
  egress:
    - to: [{{namespaceSelector: {{}}, podSelector: {{matchLabels: {{k8s-app: kube-dns}}}}}}]
      ports: [{{protocol: UDP, port: 53}}]
"""


def write(directory: Path, count: int) -> None:
    """Write so many applications, a file each."""
    for n in range(count):
        text = _APPLICATION.format(n=n, team=n % _NAMESPACES, tier=n % 3, caller=(n + _NAMESPACES) % count)
        (directory / f"app-{n}.yaml").write_text(text)


def loading(directory: Path) -> tuple[float, float]:
    """Return the processor seconds to read the files and find their notes, and those of PyYAML alone."""
    start = time.process_time()
    notes_on(derive(directory))
    read = time.process_time()
    for file in directory.glob("*.yaml"):
        list(yaml.load_all(file.read_text(), SAFE_LOADER))
    return read - start, time.process_time() - read
