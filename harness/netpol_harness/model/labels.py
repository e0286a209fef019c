"""Label selectors: apimachinery ``metav1.LabelSelector``, with the four operators of ``matchExpressions``.

An empty selector matches everything. An absent selector is ``None`` at its place of use and means something else there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Labels = Mapping[str, str]


class Operator(StrEnum):
    """Operators of a label selector requirement."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement. ``values`` is empty for EXISTS and DOES_NOT_EXIST."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Labels) -> bool:
        """Return whether it holds. NotIn also matches an absent key (API text of LabelSelectorRequirement)."""
        match self.operator:
            case Operator.IN:
                return labels.get(self.key) in self.values
            case Operator.NOT_IN:
                return labels.get(self.key) not in self.values
            case Operator.EXISTS:
                return self.key in labels
            case Operator.DOES_NOT_EXIST:
                return self.key not in labels


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All requirements must hold; ``matchLabels`` entries are requirements ``In {value}``."""

    requirements: tuple[Requirement, ...] = ()

    @classmethod
    def parse(cls, data: Mapping[str, Any] | None) -> "LabelSelector":
        """Read an API object; ``None`` and ``{}`` both give the selector that matches everything."""
        data = data or {}
        equal = [Requirement(k, Operator.IN, frozenset({v})) for k, v in (data.get("matchLabels") or {}).items()]
        expressions = [
            Requirement(e["key"], Operator(e["operator"]), frozenset(e.get("values") or ()))
            for e in data.get("matchExpressions") or ()
        ]
        return cls(tuple(equal + expressions))

    @classmethod
    def equal(cls, labels: Labels) -> "LabelSelector":
        """Return the selector of a Service, or of ``matchLabels`` alone: every label is equal."""
        return cls(tuple(Requirement(k, Operator.IN, frozenset({v})) for k, v in labels.items()))

    def matches(self, labels: Labels) -> bool:
        """Return whether every requirement holds for these labels."""
        return not self.unmet(labels)

    def unmet(self, labels: Labels) -> list[Requirement]:
        """Return the requirements that do not hold for these labels."""
        return [requirement for requirement in self.requirements if not requirement.matches(labels)]
