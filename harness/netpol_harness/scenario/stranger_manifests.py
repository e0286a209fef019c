"""The manifests of strangers: pods that serve their ports on every backend. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from netpol_harness.model.labels import Labels
from netpol_harness.scenario.stand_in import stand_in_spec
from netpol_harness.scenario.strangers import StrangerPod, Strangers


def stranger_manifests(strangers: Strangers) -> Iterator[Mapping[str, Any]]:
    """Yield the Namespaces that no manifest declares, and the Pods."""
    for name, labels in strangers.namespaces.items():
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **_labelled(labels)}}
    yield from map(_pod, strangers.pods)


def _pod(stranger: StrangerPod) -> Mapping[str, Any]:
    metadata = {"name": stranger.ref.name, "namespace": stranger.ref.namespace, **_labelled(stranger.labels)}
    spec = stand_in_spec(stranger.ref.name, stranger.ports)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _labelled(labels: Labels) -> Mapping[str, Any]:
    return {"labels": dict(labels)} if labels else {}
