"""From cases to scenarios: which steps go together, and what each of them asks. PURE.

One scenario for each direction and sort of peer, so that its steps share their pods and several scenarios run side by
side; and one for each direction with two policies on one pod, in every combination of their stances. Every step is
judged by the oracle (``expect: oracle``): every pair of pods at every port, the hosts outside, and the Service where
the case says so.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass

from netpol_harness.generate.axes import SELECTORS, Meeting, Peer, RuleCase, Way, every_case, every_meeting
from netpol_harness.generate.pairwise import pairwise
from netpol_harness.generate.policies import policies
from netpol_harness.generate.surroundings import (
    CALLERS,
    HOSTS,
    NUMBERS,
    SUBJECT,
    SUBJECT_NAMESPACE,
    hosts,
    network,
    service,
    workloads,
)
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import Direction

LONGEST = 40  # steps of a scenario, in the full product

_SORTS = {
    "anybody": (Peer.EVERYBODY, Peer.BLOCK, Peer.BLOCK_EXCEPT),
    "pods": (Peer.ALL_PODS, Peer.SOME_PODS),
    "namespaces": (Peer.ALL_NAMESPACES, Peer.SOME_NAMESPACES),
    "both_selectors": (Peer.ALL_OF_ALL, Peer.ALL_OF_SOME, Peer.SOME_OF_ALL, Peer.SOME_OF_SOME),
}
"""Which peers share a scenario; together all of them."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One scenario as plain data: its folder's name, scenario.yaml, its workloads, and its policies by file name."""

    name: str
    scenario: JsonObject
    workloads: tuple[JsonObject, ...]
    policies: dict[str, JsonObject]


def drafts(*, full: bool = False) -> tuple[Draft, ...]:
    """All scenarios of the catalogue: of few cases in which every two values meet, or of the full product."""
    cases = tuple(every_case())
    if not full:
        cases = tuple(cases[position] for position in sorted(pairwise([astuple(case) for case in cases])))
    plans = (*_by_peers(cases), *_by_meetings())
    return tuple(_draft(plan, network(number)) for number, plan in enumerate(plans))


@dataclass(frozen=True, slots=True)
class _Plan:
    name: str
    title: str
    direction: Direction
    steps: Sequence[RuleCase | Meeting]


def _by_peers(cases: Sequence[RuleCase]) -> Iterator[_Plan]:
    for direction in Direction:
        for sort, peers in _SORTS.items():
            chosen = [case for case in cases if case.direction is direction and case.peer in peers]
            name, title = f"{direction.lower()}_{sort}", f"{direction} by rules for {sort.replace('_', ' ')}"
            for number, part in enumerate(_parts(chosen), 1):
                yield _Plan(name if len(chosen) <= LONGEST else f"{name}_{number}", title, direction, part)


def _parts(cases: Sequence[RuleCase]) -> Iterator[Sequence[RuleCase]]:
    return (cases[start : start + LONGEST] for start in range(0, len(cases), LONGEST))


def _by_meetings() -> Iterator[_Plan]:
    for direction in Direction:
        meetings = [meeting for meeting in every_meeting() if meeting.direction is direction]
        yield _Plan(f"{direction.lower()}_two_policies", f"{direction} of one pod by two policies", direction, meetings)


def _draft(plan: _Plan, prefix: str) -> Draft:
    named = {step: policies(step, prefix) for step in plan.steps}
    scenario = {
        "title": plan.title,
        "workloads": ["workloads.yaml"],
        "external": hosts(prefix),
        "steps": [_step(step, files) for step, files in named.items()],
    }
    everything = {name: manifest for files in named.values() for name, manifest in files.items()}
    return Draft(plan.name, scenario, tuple(workloads(plan.direction)), everything)


def _step(step: RuleCase | Meeting, files: Iterable[str]) -> JsonObject:
    return {
        "name": step.name,
        "policies": [f"policies/{file}.yaml" for file in files],
        "expect": "oracle",
        "paths": list(_paths(step)),
    }


def _paths(step: RuleCase | Meeting) -> Iterator[str]:
    """The paths that the table of pods does not hold: from or to the hosts outside, and through the Service."""
    subject = f"{SUBJECT_NAMESPACE}/{SUBJECT}"
    for host in HOSTS:
        source, target = (host, subject) if step.direction is Direction.INGRESS else (subject, host)
        yield from (f"{source} -> {target}:{number}" for number in (NUMBERS if _may_mean_hosts(step) else NUMBERS[:1]))
        if _may_mean_hosts(step):
            yield f"{source} -> udp://{target}:{NUMBERS[0]}"
    if step.way is not Way.ADDRESS:
        target = service(step.direction)
        asked = f"ip({target})" if step.way is Way.CLUSTER_IP else target
        yield from (f"{source} -> {asked}:{number}" for source in CALLERS[step.direction] for number in NUMBERS)


def _may_mean_hosts(step: RuleCase | Meeting) -> bool:
    """Whether its rule can admit a host at some port; by selectors none can be meant."""
    return isinstance(step, Meeting) or step.peer not in SELECTORS
