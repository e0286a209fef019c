"""What a reader of a scenario's results must know about how its manifests were read, a line for each matter. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator

from netpol_harness.model.kinds import GroupKind, KindClass
from netpol_harness.scenario.scenario import Manifest, Scenario

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
    left_out = [manifest for manifest in scenario.workloads if manifest.kind_class is KindClass.OTHER]
    return f"without meaning for connectivity: {counted(left_out)}" if left_out else ""


def counted(manifests: Iterable[Manifest]) -> str:
    """Return ``2 kinds, 3 objects (Role 2, Ingress)``, the most frequent kinds first."""
    kinds = Counter(GroupKind.of(manifest.data) for manifest in manifests)
    names = [f"{kind} {count}" if count > 1 else str(kind) for kind, count in kinds.most_common()]
    return f"{_number(len(kinds), 'kind')}, {_number(kinds.total(), 'object')} ({_listed(names)})"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more
