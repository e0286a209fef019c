"""Why a selector selects nothing: the object that comes nearest, and what differs. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from netpol_harness.analysis.closeness import is_similar
from netpol_harness.analysis.describe import describe_requirement, natural_list
from netpol_harness.model.labels import Labels, LabelSelector, Requirement


@dataclass(frozen=True, slots=True)
class Labelled:
    """An object that a selector could select: its name in messages, and its labels."""

    name: str
    labels: Labels


def near_miss(selector: LabelSelector, objects: Sequence[Labelled], noun: str) -> str:
    """Say what no object has, and what the nearest one has instead. ``noun`` is what they are: ``pod of shop``."""
    wanted = natural_list([*map(describe_requirement, selector.requirements)])
    if not objects:
        return f"there is no {noun}"
    nearest = min(objects, key=lambda labelled: _misses(selector, labelled))
    unmet = selector.unmet(nearest.labels)
    together = " together" if len(selector.requirements) > 1 else ""
    head = f"no {noun} has {wanted}{together}"
    if len(unmet) < len(selector.requirements):
        return f"{head}; the nearest is {nearest.name}, which {_differences(unmet, nearest.labels)}"
    similar = _similar_label(selector, objects)
    return f"{head}; {similar}" if similar else head


def _misses(selector: LabelSelector, labelled: Labelled) -> tuple[int, int]:
    """How far an object is from being selected: unmet requirements, and those that are not nearly met."""
    unmet = selector.unmet(labelled.labels)
    return len(unmet), sum(not _is_nearly_met(requirement, labelled.labels) for requirement in unmet)


def _is_nearly_met(requirement: Requirement, labels: Labels) -> bool:
    return any(is_similar(value, labels.get(requirement.key, "")) for value in requirement.values)


def _differences(unmet: Sequence[Requirement], labels: Labels) -> str:
    """``has tier=front``, or ``has no label tier``."""
    keys = [requirement.key for requirement in unmet]
    return natural_list([f"has {key}={labels[key]}" if key in labels else f"has no label {key}" for key in keys])


def _similar_label(selector: LabelSelector, objects: Sequence[Labelled]) -> str:
    """Return the label of an object that is nearly what the selector requires: the same value under another key."""
    for requirement in selector.requirements:
        for labelled in objects:
            if near := _near_key(requirement, labelled.labels):
                return f"{labelled.name} has {near}={labelled.labels[near]}"
    return ""


def _near_key(requirement: Requirement, labels: Labels) -> str:
    """Return the key of a label with the required value, or nearly, under this key or another one."""
    same_key = [requirement.key] if _is_nearly_met(requirement, labels) else []
    same_value = [key for key, value in labels.items() if value in requirement.values]
    return next(iter([*same_key, *same_value]), "")
