"""Pods of a service mesh, whose connections policies see as those of a proxy. Pure.

Sources: "Ambient and Kubernetes NetworkPolicy" of Istio's documentation, and the pages on injection of Istio, Linkerd,
Kuma and Consul.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netpol_harness.analysis.describe import natural_list
from netpol_harness.analysis.notes.note import Note
from netpol_harness.scenario.scenario import Manifest, Scenario, network_policies

_AMBIENT = (
    "connections between pods of the mesh arrive at 15008/TCP (HBONE), which is the port that policies see: admit it"
    " beside the ports of the application"
)
_SIDECAR = (
    "a proxy opens and accepts the connections of these pods, and policies see those of the proxy: admit its ports and"
    " its control plane"
)
_ON = frozenset({"true", "enabled", "ingress"})


@dataclass(frozen=True, slots=True)
class _Mark:
    """A label or annotation, of a pod or of its namespace, and what it means. ``values`` is empty for any value."""

    key: str
    values: frozenset[str]
    meaning: str


_MARKS = (
    _Mark("istio.io/dataplane-mode", frozenset({"ambient"}), _AMBIENT),
    _Mark("sidecar.istio.io/inject", _ON, _SIDECAR),
    _Mark("istio-injection", _ON, _SIDECAR),
    _Mark("istio.io/rev", frozenset(), _SIDECAR),
    _Mark("linkerd.io/inject", _ON, _SIDECAR),
    _Mark("kuma.io/sidecar-injection", _ON, _SIDECAR),
    _Mark("consul.hashicorp.com/connect-inject", _ON, _SIDECAR),
)


def meshed_pods(scenario: Scenario) -> Iterator[Note]:
    """Yield a note for each mark of a mesh that pods in the namespaces of policies have, or these namespaces."""
    policed = {policy.name.ref.namespace for step in scenario.steps for policy in network_policies(step)}
    marked: dict[tuple[_Mark, str], list[Manifest]] = defaultdict(list)
    for manifest in scenario.workloads:
        if _namespace(manifest) in policed:
            for mark, value in _marks(manifest):
                marked[mark, value].append(manifest)
    for (mark, value), manifests in marked.items():
        names = natural_list([str(manifest.name) for manifest in manifests])
        text = f"{names} in a mesh ({mark.key}: {value}): {mark.meaning}"
        yield Note(manifests[0].where, text, frozenset(map(_namespace, manifests)))


def _namespace(manifest: Manifest) -> str:
    ref = manifest.name.ref
    return ref.name if manifest.name.kind == "Namespace" else ref.namespace


def _marks(manifest: Manifest) -> Iterator[tuple[_Mark, str]]:
    """Yield the marks of a namespace, of a pod, or of a controller's pods, with their values."""
    holders = [manifest.pod] if manifest.pod else [manifest.data] if manifest.name.kind == "Namespace" else []
    for holder in holders:
        metadata: Mapping[str, Any] = holder.get("metadata") or {}
        present = {**(metadata.get("annotations") or {}), **(metadata.get("labels") or {})}
        for mark in _MARKS:
            value = present.get(mark.key)
            if isinstance(value, str) and (value in mark.values or not mark.values):
                yield mark, value
