"""A scenario as plain data from which parts can be removed. Pure.

A draft is a tree of mappings and lists:

    scenario   the keys of scenario.yaml beside its workloads and steps
    workloads  the objects that are no policies
    policies   each distinct version of a policy, by an identifier
    steps      a list of mappings: ``name``, ``policies`` (identifiers) and the changes that the step makes

A place in the tree is a tuple of keys and indices. The draft asks one path, in its last step.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.scenario.scenario import Manifest, Scenario, Step

Place = tuple[str | int, ...]
"""Keys and indices that lead from the root of a draft's tree to one of its parts."""

_LONGEST = 60
"""Letters of a policy's name that its identifier keeps: files are named by it, and the name of a file has an end."""
_KEPT = ("external", "names", "dns", "exclusive", "requires")


@dataclass(frozen=True, slots=True)
class Draft:
    """A tree, to be treated as immutable, and the path that its last step asks, with the expected verdict."""

    tree: JsonMapping
    path: str
    expected: str

    @property
    def pods(self) -> int:
        """The number of workloads that make pods."""
        return sum(1 for data in self.tree["workloads"] if data["kind"] not in WITHOUT_PODS)

    @property
    def policies(self) -> int:
        """The number of policies that steps have, versions of one counted once."""
        used = {name for step in self.tree["steps"] for name in step.get("policies") or ()}
        return len({_identity(data) for name, data in self.tree["policies"].items() if name in used})

    def without(self, places: Iterable[Place]) -> "Draft":
        """Return the draft without the parts at these places."""
        tree = deepcopy(dict(self.tree))
        for place in sorted(set(places), key=_order, reverse=True):
            _remove(tree, place)
        return Draft(tree, self.path, self.expected)


WITHOUT_PODS = frozenset({"Namespace", "Service", "ConfigMap", "ServiceAccount", "Endpoints", "EndpointSlice"})


def draft_of(scenario: Scenario, settings: JsonMapping, step: Step, path: str, expected: str) -> Draft:
    """Return the draft of a scenario up to a step. ``settings`` is the content of its scenario.yaml."""
    policies: dict[str, JsonMapping] = {}
    names = {each["name"]: each["names"] for each in settings.get("steps") or () if each.get("names")}
    steps = [_step(each, names.get(each.name), policies) for each in _until(scenario.steps, step)]
    tree = {
        "scenario": {key: settings[key] for key in _KEPT if settings.get(key)},
        "workloads": [deepcopy(manifest.data) for manifest in scenario.workloads],
        "policies": policies,
        "steps": steps,
    }
    return Draft(tree, path, expected)


def _until(steps: Sequence[Step], last: Step) -> Sequence[Step]:
    return steps[: [step.name for step in steps].index(last.name) + 1]


def _step(step: Step, names: JsonMapping | None, policies: dict[str, JsonMapping]) -> JsonObject:
    """Return a step's part of the tree, and add its policies to the known ones. ``names`` are as its file has them."""
    labels: dict[str, JsonObject] = {}
    for relabel in step.labels:
        of_namespace = relabel.name.kind == "Namespace"
        kind, name = ("namespaces", relabel.name.ref.name) if of_namespace else ("pods", str(relabel.name.ref))
        labels.setdefault(kind, {})[name] = dict(relabel.labels)
    data: JsonObject = {"name": step.name, "policies": [_identifier(manifest, policies) for manifest in step.policies]}
    data |= {"labels": labels} if labels else {}
    data |= {"names": dict(names)} if names else {}
    data |= {"recreate": list(map(str, step.recreate))} if step.recreate else {}
    data |= {"absent": [str(name.ref) for name in step.absent]} if step.absent else {}
    data |= {"restart": str(step.restart)} if step.restart else {}
    return data | ({"repeat": step.repeat} if step.repeat > 1 else {})


def _identifier(manifest: Manifest, policies: dict[str, JsonMapping]) -> str:
    """Return the identifier of this version of a policy."""
    for identifier, data in policies.items():
        if data == manifest.data:
            return identifier
    identifier = f"{manifest.data['metadata']['name'][:_LONGEST]}-{len(policies)}"
    policies[identifier] = deepcopy(manifest.data)
    return identifier


def _identity(data: JsonMapping) -> tuple[str, str, str]:
    return data["kind"], data["metadata"].get("namespace") or "", data["metadata"]["name"]


def _order(place: Place) -> tuple[tuple[int, int, str], ...]:
    """Sort indices of one list by number, so that the last can be removed first."""
    return tuple((0, key, "") if isinstance(key, int) else (1, 0, key) for key in place)


def _remove(tree: Any, place: Place) -> None:
    """Remove one part; nothing if a part around it is gone already."""
    *parents, last = place
    for key in parents:
        tree = _child(tree, key)
    if isinstance(tree, dict):
        tree.pop(last, None)
    elif isinstance(tree, list) and isinstance(last, int) and last < len(tree):
        del tree[last]


def _child(tree: Any, key: str | int) -> Any:
    if isinstance(tree, Mapping):
        return tree.get(key)
    return tree[key] if isinstance(tree, list) and isinstance(key, int) and key < len(tree) else None


def at(draft: Draft, place: Collection[str | int]) -> Any:
    """Return the part at a place; ``None`` if there is none."""
    value: Any = draft.tree
    for key in place:
        value = _child(value, key)
    return value
