"""Reads a dump of a cluster: the output of ``kubectl get -A -o yaml`` or ``-o json``, as people attach it to issues."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import yaml

from netpol_harness.errors import HarnessError
from netpol_harness.escape import one_line
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import ObjectKey
from netpol_harness.reproduce.capture.inputs import ClusterInput, Gap, checked
from netpol_harness.yaml_loader import safe_loader

_COMMAND = "kubectl get namespaces,pods,services,endpointslices,networkpolicies,replicasets,jobs -A -o yaml"
_LACKING = (
    ("Namespace", "labels of namespaces are not known", False),
    ("Service", "paths to Services are missing", False),
    ("NetworkPolicy", "if the cluster has policies, VERDICTS ARE WRONG", True),
)


def read_dump(text: str, source: str) -> ClusterInput:
    """Return the objects of a dump. Raises ``HarnessError`` if it is none, or has no pods.

    A kind of which it has no object is a gap: nobody knows whether the cluster has some.
    """
    try:
        documents = _documents(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise HarnessError(
            f"{source} is neither YAML nor JSON ({one_line(str(error))[:200]}); give {_COMMAND}"
        ) from error
    objects = {_key(data): data for data in checked(_items(documents, source), source)}
    kinds = {data["kind"] for data in objects.values()}
    if "Pod" not in kinds:
        raise HarnessError(f"{source} has no pods; give the output of {_COMMAND}")
    gaps = [Gap(kind, f"{source} has none", lacks, policy) for kind, lacks, policy in _LACKING if kind not in kinds]
    return ClusterInput(source, tuple(objects.values()), tuple(gaps))


def _documents(text: str) -> list[Any]:
    """Return the documents of a text; JSON is read as such, because that is a hundred times faster."""
    if text.lstrip().startswith("{"):
        with suppress(ValueError):
            return [json.loads(text)]
    return [*yaml.load_all(text, Loader=safe_loader(without={"timestamp"}))]


def _items(documents: list[Any], source: str) -> Iterator[JsonMapping]:
    """Yield the objects of documents and of the lists in them."""
    for document in documents:
        if document is None:
            continue
        if not isinstance(document, dict):
            raise HarnessError(f"{source} holds something else than API objects; give the output of {_COMMAND}")
        items, kind = document.get("items"), str(document.get("kind") or "")
        if not (isinstance(items, list) and kind.endswith("List")):
            yield document
            continue
        typed = {"apiVersion": document.get("apiVersion"), "kind": kind.removesuffix("List")}
        yield from _items([{**typed, **item} if isinstance(item, dict) else item for item in items], source)


def _key(data: JsonMapping) -> ObjectKey:
    return ObjectKey.of(data)
