"""Labels that a selector matches: the inverse of ``LabelSelector.matches``. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import count, islice, product

from netpol_harness.model.labels import Labels, LabelSelector, Operator, Requirement

MOST_CANDIDATES = 256
"""How many sets of labels are tried at most."""

ANY_VALUE = "any"
"""The value of a label whose key is required and whose value does not matter."""

_Choices = tuple[str | None, ...]
"""The values that a label may have, the best first; ``None`` for a label that is absent."""


def labels_matching(selector: LabelSelector, others: Sequence[LabelSelector] = ()) -> Labels | None:
    """Return the fewest labels that the selector matches, ``None`` if it contradicts itself.

    Among several answers, the first is taken that the fewest of ``others`` match.
    """
    candidates = list(islice(_candidates(selector), MOST_CANDIDATES))
    if len(candidates) > 1:
        return min(candidates, key=lambda labels: _matching(labels, others))
    return candidates[0] if candidates else None


def _matching(labels: Labels, others: Sequence[LabelSelector]) -> int:
    return sum(other.matches(labels) for other in others)


def _candidates(selector: LabelSelector) -> Iterator[Labels]:
    by_key: dict[str, list[Requirement]] = defaultdict(list)
    for requirement in selector.requirements:
        by_key[requirement.key].append(requirement)
    choices = [_choices(requirements) for requirements in by_key.values()]
    for values in product(*choices):
        yield {key: value for key, value in zip(by_key, values, strict=True) if value is not None}


def _choices(requirements: Sequence[Requirement]) -> _Choices:
    """Return the values of one label that meet all requirements on it."""
    listed = [r.values for r in requirements if r.operator is Operator.IN]
    excluded = frozenset[str]().union(*(r.values for r in requirements if r.operator is Operator.NOT_IN))
    if listed:
        options: _Choices = tuple(sorted(frozenset.intersection(*listed)))
    else:
        options = (None, next(value for value in _fresh_values() if value not in excluded))
    key = requirements[0].key
    return tuple(option for option in options if _meets({} if option is None else {key: option}, requirements))


def _meets(labels: Labels, requirements: Sequence[Requirement]) -> bool:
    return all(requirement.matches(labels) for requirement in requirements)


def _fresh_values() -> Iterator[str]:
    yield ANY_VALUE
    yield from (f"{ANY_VALUE}-{number}" for number in count(2))
