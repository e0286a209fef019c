"""Drafts rewritten so that they need less: Pods in place of controllers, and a namespace with a name. Pure.

These make a scenario that kubectl alone can follow. Whether the fault remains is for a trial to show.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.reproduce.shrink.draft import Draft

NAMESPACE = "shop"
"""The name in place of ``default``."""

_CONTROLLERS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"})
_PATH = re.compile(r"(?P<source>[-a-z0-9./]+) -> (?P<scheme>[a-z]+://)?(?P<target>[-a-z0-9./]+):(?P<port>\d+)")


def rewrites(draft: Draft) -> Iterator[Draft]:
    """Yield the draft with both changes, then with each alone; nothing that is equal to the draft."""
    pods = with_pods(draft)
    for each in (with_named_namespace(pods), pods, with_named_namespace(draft)):
        if each != draft:
            yield each


def with_pods(draft: Draft) -> Draft:
    """Return the draft with one Pod in place of each controller, with the labels of its template."""
    workloads = [_pod(data) if data["kind"] in _CONTROLLERS else data for data in draft.tree["workloads"]]
    return Draft({**draft.tree, "workloads": workloads}, draft.path, draft.expected)


def _pod(data: JsonMapping) -> JsonObject:
    template = deepcopy(data["spec"]["template"])
    known = {key: data["metadata"][key] for key in ("name", "namespace") if key in data["metadata"]}
    labels = (template.get("metadata") or {}).get("labels")
    metadata = known | ({"labels": labels} if labels else {})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def with_named_namespace(draft: Draft) -> Draft:
    """Return the draft with everything of the namespace ``default`` in another one; itself if that cannot be done."""
    found = _PATH.fullmatch(draft.path)
    names = {data["metadata"]["name"] for data in draft.tree["workloads"] if data["kind"] == "Namespace"}
    objects = [*draft.tree["workloads"], *draft.tree["policies"].values()]
    if found is None or NAMESPACE in names or not any(_is_in_default(data) for data in objects):
        return draft
    workloads = [_moved(data) for data in draft.tree["workloads"]]
    if "default" not in names:
        workloads.insert(0, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    tree = {
        **draft.tree,
        "workloads": workloads,
        "policies": {name: _moved(data) for name, data in draft.tree["policies"].items()},
        "steps": [_step(step) for step in draft.tree["steps"]],
    }
    source, target = _reference(found["source"]), _reference(found["target"])
    return Draft(tree, f"{source} -> {found['scheme'] or ''}{target}:{found['port']}", draft.expected)


def _is_in_default(data: JsonMapping) -> bool:
    return data["kind"] != "Namespace" and (data["metadata"].get("namespace") or "default") == "default"


def _moved(data: JsonMapping) -> JsonMapping:
    if data["kind"] == "Namespace":
        is_default = data["metadata"]["name"] == "default"
        return {**data, "metadata": {**data["metadata"], "name": NAMESPACE}} if is_default else data
    return {**data, "metadata": {**data["metadata"], "namespace": NAMESPACE}} if _is_in_default(data) else data


def _reference(name: str) -> str:
    """Return a reference to a pod, which may have its namespace before it."""
    namespace, slash, rest = name.rpartition("/")
    return f"{NAMESPACE}/{rest}" if not slash or namespace == "default" else name


def _step(step: JsonMapping) -> JsonObject:
    data: dict[str, Any] = {**step}
    for key in ("recreate", "absent"):
        if key in data:
            data[key] = [_reference(name) for name in data[key]]
    if labels := data.get("labels"):
        pods = {_reference(name): value for name, value in (labels.get("pods") or {}).items()}
        spaces = {NAMESPACE if n == "default" else n: v for n, v in (labels.get("namespaces") or {}).items()}
        data["labels"] = {kind: known for kind, known in (("pods", pods), ("namespaces", spaces)) if known}
    return data
