"""The comparison of two directories of manifests, as ``netpol diff`` makes it. Needs no cluster."""

import time
from pathlib import Path

from netpol_harness.analysis.changes.change import compare
from netpol_harness.analysis.predict import Predictor
from netpol_harness.cli.garbage import collecting_rarely
from netpol_harness.scenario.derive import derive

SIZES = (300, 1000)
"""As many pods as policies."""

_NAMESPACES, _APPS, _CHANGED = 10, 50, 10
_NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata: {{name: ns{n}, labels: {{team: t{team}}}}}
"""
_POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: pod-{n}, namespace: ns{space}, labels: {{app: a{app}}}}}
spec: {{containers: [{{name: main, image: stand-in, ports: [{{name: http, containerPort: 8080}}]}}]}}
"""
_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: policy-{n}, namespace: ns{space}}}
spec:
  podSelector: {{matchLabels: {{app: a{app}}}}}
  ingress:
    - from: [{{namespaceSelector: {{matchLabels: {{team: t{team}}}}}, podSelector: {{matchLabels: {{app: a{peer}}}}}}}]
      ports: [{{port: http}}]
"""


def write(directory: Path, count: int, *, changed: bool) -> None:
    """Write so many pods and policies; ``changed``: some of the policies have another peer."""
    texts = [_NAMESPACE.format(n=n, team=n % 3) for n in range(_NAMESPACES)]
    for n in range(count):
        places = {"n": n, "space": n % _NAMESPACES, "app": n % _APPS, "team": n % 3}
        peer = (n + (8 if changed and n < _CHANGED else 7)) % _APPS
        texts += [_POD.format(**places), _POLICY.format(**places, peer=peer)]
    directory.mkdir()
    (directory / "all.yaml").write_text("---\n".join(texts))


def comparing(before: Path, after: Path) -> tuple[float, float]:
    """Return the processor seconds to read and compare two directories, and those of reading alone."""
    with collecting_rarely():
        start = time.process_time()
        scenarios = [derive(before), derive(after)]
        read = time.process_time()
        compare(*(Predictor(scenario, scenario.steps[-1]) for scenario in scenarios))
        return time.process_time() - start, read - start
