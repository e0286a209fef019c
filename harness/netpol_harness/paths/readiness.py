"""Expectations about pods that are no paths: ``ready(NAMES): true | false``, whether pods are Ready in a step. Pure."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.diagnostics import Place, Problem, ProblemWithoutPlace
from netpol_harness.paths.path import Workload
from netpol_harness.paths.terms import Term, pod_term

PREFIX = "ready("
"""How the key of such an expectation begins; no path begins so."""

_SHAPE = re.compile(r"ready\((?P<pods>[^()]*)\)")


@dataclass(frozen=True, slots=True)
class ReadyLine:
    """One line of a step's ``paths`` about readiness, parsed but not resolved."""

    place: Place
    pods: Term
    ready: bool
    text: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the pods of a workload, or one ``replica`` of them, must be Ready in a step, and where that is written.

    ``text`` is the author's spelling, which is also the name of the test.
    """

    ref: NamespacedName
    replica: int | None
    ready: bool
    text: str
    where: str


def parse_ready(text: str, word: str, place: Place) -> ReadyLine | Problem:
    """Read one line; ``word`` is its value. Never raises."""
    match = _SHAPE.fullmatch(text.strip())
    try:
        if match is None:
            raise ProblemWithoutPlace(f"'{text}' does not name pods", "write ready(POD), such as ready(shop/app)")
        if word not in ("true", "false"):
            raise ProblemWithoutPlace(f"'{text}' must be true or false, not '{word}'", "write true or false")
        pods = pod_term(match["pods"].strip(), "a pod")
        return ReadyLine(place, pods, word == "true", f"ready({pods})")
    except ProblemWithoutPlace as problem:
        return problem.at(place)


def resolve_ready(
    lines: Sequence[ReadyLine], pods_of: Callable[[Term], tuple[Workload, int | None]]
) -> tuple[tuple[Readiness, ...], tuple[Problem, ...]]:
    """Return the expectations of one step, and the problems of its lines. ``pods_of`` looks names up."""
    found: dict[ReadyLine, Readiness] = {}
    problems: list[Problem] = []
    for line in lines:
        try:
            workload, replica = pods_of(line.pods)
        except ProblemWithoutPlace as problem:
            problems.append(problem.at(line.place))
        else:
            found[line] = Readiness(workload.ref, replica, line.ready, line.text, line.place.where)
    return tuple(found.values()), (*problems, *_repeated(found))


def _repeated(found: dict[ReadyLine, Readiness]) -> Iterator[Problem]:
    first: dict[tuple[NamespacedName, int | None], ReadyLine] = {}
    for line, readiness in found.items():
        earlier = first.setdefault((readiness.ref, readiness.replica), line)
        if earlier is not line:
            what = f"'{line.text}' is about the same pods as '{earlier.text}' on line {earlier.place.line}"
            yield Problem(line.place, what, "remove one of them")
