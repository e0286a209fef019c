"""The parts that can be removed from a draft, in units. Pure.

A unit is a set of places that are removed together. The stages go from coarse to fine: a large part that is not needed
takes all that is in it along.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from netpol_harness.reproduce.shrink.draft import Draft, Place

Unit = frozenset[Place]

_METADATA = ("annotations", "labels")


def steps(draft: Draft) -> Iterator[Unit]:
    """Yield the steps before the last."""
    yield from (frozenset({("steps", index)}) for index in range(len(draft.tree["steps"]) - 1))


def policies(draft: Draft) -> Iterator[Unit]:
    """Yield each policy, in all its versions."""
    versions: dict[tuple[str, str, str], set[Place]] = {}
    for identifier, data in draft.tree["policies"].items():
        name = (data["kind"], data["metadata"].get("namespace") or "", data["metadata"]["name"])
        versions.setdefault(name, set()).add(("policies", identifier))
    yield from map(frozenset, versions.values())


def namespaces(draft: Draft) -> Iterator[Unit]:
    """Yield each namespace with the objects and policies in it."""
    for index, data in enumerate(draft.tree["workloads"]):
        if data["kind"] == "Namespace":
            yield frozenset({("workloads", index), *_contents(draft, data["metadata"]["name"])})


def workloads(draft: Draft) -> Iterator[Unit]:
    """Yield each object that is no policy, a namespace only if nothing is in it."""
    for index, data in enumerate(draft.tree["workloads"]):
        if data["kind"] != "Namespace" or not any(_contents(draft, data["metadata"]["name"])):
            yield frozenset({("workloads", index)})


def changes(draft: Draft) -> Iterator[Unit]:
    """Yield what steps change: their policies, labels, and pods that they recreate or remove."""
    for index, step in enumerate(draft.tree["steps"]):
        for key, value in step.items():
            if key != "name":
                yield from _unit(("steps", index, key))
                yield from _children(("steps", index, key), value, depth=3)
    yield from _children(("scenario",), draft.tree["scenario"], depth=2)


def rules(draft: Draft) -> Iterator[Unit]:
    """Yield the rules of policies, and their lists of rules."""
    for identifier, data in draft.tree["policies"].items():
        for key, value in (data.get("spec") or {}).items():
            place = ("policies", identifier, "spec", key)
            yield from _unit(place) if key != "podSelector" else ()
            yield from _children(place, value, depth=1) if isinstance(value, list) else ()


def details(draft: Draft) -> Iterator[Unit]:
    """Yield everything inside of rules and selectors: peers, ports, exceptions, labels, requirements."""
    for identifier, data in draft.tree["policies"].items():
        spec: Place = ("policies", identifier, "spec")
        required = frozenset({(*spec, "podSelector")})
        yield from (unit for unit in _children(spec, data.get("spec"), depth=9) if unit != required)
        yield from _metadata(("policies", identifier), data)


def labels(draft: Draft) -> Iterator[Unit]:
    """Yield the labels of pods and namespaces, their containers and ports, and the ports of Services."""
    for index, data in enumerate(draft.tree["workloads"]):
        place: Place = ("workloads", index)
        yield from _metadata(place, data)
        spec = data.get("spec") or {}
        yield from _children((*place, "spec", "ports"), spec.get("ports"), depth=1)
        yield from _containers((*place, "spec"), spec)
        template = spec.get("template") or {}
        yield from _containers((*place, "spec", "template", "spec"), template.get("spec") or {})


STAGES: Sequence[Callable[[Draft], Iterator[Unit]]] = (
    namespaces,
    workloads,
    policies,
    steps,
    changes,
    rules,
    details,
    labels,
)
"""The stages of the search, from coarse to fine: pods first, of which trials take longer than of policies."""


def _containers(place: Place, spec: Any) -> Iterator[Unit]:
    for index, container in enumerate(spec.get("containers") or ()):
        at = (*place, "containers", index)
        yield from _unit(at)
        yield from (
            unit for key in ("env", "readinessProbe", "livenessProbe") if key in container for unit in _unit((*at, key))
        )
        yield from _children((*at, "ports"), container.get("ports"), depth=2)


def _metadata(place: Place, data: Any) -> Iterator[Unit]:
    metadata = data.get("metadata") or {}
    for key in _METADATA:
        if key in metadata:
            yield from _unit((*place, "metadata", key))
            yield from _children((*place, "metadata", key), metadata[key], depth=1)


def _contents(draft: Draft, namespace: str) -> Iterator[Place]:
    """Yield the places of all that is in a namespace."""
    for index, data in enumerate(draft.tree["workloads"]):
        if data["kind"] != "Namespace" and (data["metadata"].get("namespace") or "default") == namespace:
            yield ("workloads", index)
    for identifier, data in draft.tree["policies"].items():
        if (data["metadata"].get("namespace") or "default") == namespace:
            yield ("policies", identifier)


def _children(place: Place, value: Any, *, depth: int) -> Iterator[Unit]:
    """Yield the entries of a mapping or list, and theirs, down to a depth."""
    keys = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in keys if depth else ():
        yield from _unit((*place, key))
        yield from _children((*place, key), child, depth=depth - 1)


def _unit(place: Place) -> Iterator[Unit]:
    yield frozenset({place})
