"""What a reader of a scenario's results must know about how its manifests were read, a line for each matter. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator

from netpol_harness.model.kinds import GroupKind, KindClass
from netpol_harness.scenario.scenario import Scenario

_NAMED = 6
"""How many names a line lists before it says how many more there are."""


def notices(scenario: Scenario) -> Iterator[str]:
    """Yield the assumptions that were made, and what was left out."""
    if assumed := sorted(scenario.assumed_namespaces):
        noun = "namespace" if len(assumed) == 1 else "namespaces"
        unknown = "assumed to exist, with labels that are not known"
        yield f"no manifest declares the {noun} {_listed(assumed)}: {unknown}"
    if scenario.not_manifests:
        yield f"not a manifest: {_listed(scenario.not_manifests)}"


def without_meaning(scenario: Scenario) -> str:
    """Return a line about the objects without meaning for connectivity; empty if there are none."""
    others = [GroupKind.of(m.data) for m in scenario.workloads if m.kind_class is KindClass.OTHER]
    return f"without meaning for connectivity: {counted(others)}" if others else ""


def counted(kinds: Iterable[GroupKind]) -> str:
    """Return ``2 kinds, 3 objects (Role 2, Ingress)`` for the kinds of objects, the most frequent first."""
    counter = Counter(kinds)
    names = [f"{kind} {count}" if count > 1 else str(kind) for kind, count in counter.most_common()]
    return f"{_number(len(counter), 'kind')}, {_number(counter.total(), 'object')} ({_listed(names)})"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more
