"""The search for the smallest edits that give a path another verdict, each proven by the oracle. Pure.

A path by name has several connections, and each has two sides: an edit may have to change several policies. The search
takes the first obstacle, tries the candidates for it in the order of their rank, and goes on with what is left. It is
bounded by a number of proofs, so that a message never waits long for it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from netpol_harness.analysis.edits.closing import closings
from netpol_harness.analysis.edits.draft import Candidate, Draft
from netpol_harness.analysis.edits.opening import openings
from netpol_harness.analysis.edits.task import Task
from netpol_harness.model.names import Direction, Port, Protocol
from netpol_harness.oracle.verdict import Answer, Flow, Side, Verdict
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import ProbeMode

MOST_PROOFS = 24
"""How many edits the oracle judges for one aim; as many policies that are not in force come on top."""

_MOST_OBSTACLES = 8
"""How many edits one plan has at most."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A side of a flow that does not have the wanted answer."""

    flow: Flow
    side: Side
    wanted: Answer
    is_lookup: bool

    @property
    def weight(self) -> int:
        """How much is left to do: one edit, or one for each rule that admits."""
        return max(1, len(self.side.admissions)) if self.wanted is Answer.BLOCKED else 1

    @property
    def key(self) -> tuple[object, ...]:
        """What obstacles have in common that differ only in the port."""
        return self.flow.source, self.flow.destination, self.side.direction, self.is_lookup


Goal = Callable[[Draft], list[Obstacle]]
"""Returns what stands between a draft and a wanted state."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What the edits are for: one of the goals, and the ``state`` of the path in words once it is reached.

    ``is_reached`` tells whether the oracle agrees.
    """

    state: str
    goals: tuple[Goal, ...]
    is_reached: Callable[[Draft], bool]

    @classmethod
    def verdict(cls, draft: Draft, wanted: Expected) -> "Aim":
        """Return the aim that the path has this verdict: ALLOWED, BLOCKED or UNRESOLVED.

        Of paths that are not probed by new connections in the settled step, only what these would do can be changed.
        """
        goals = tuple(_goals(draft, wanted))
        if draft.path.mode in (ProbeMode.PERSISTENT, ProbeMode.CONTINUOUS):
            state = f"{wanted} for new connections"
            return cls(state, goals, lambda draft: draft.prediction.settled is wanted)
        return cls(wanted.value, goals, lambda draft: draft.prediction.verdict is wanted)

    @classmethod
    def look_up(cls) -> "Aim":
        """Return the aim that the path's name resolves, whatever the verdict on its connections."""
        goal = partial(_to_look_up, with_tcp=True)
        return cls("the name resolves", (goal,), lambda draft: draft.prediction.verdict is not Expected.UNRESOLVED)

    @classmethod
    def look_up_by_tcp(cls) -> "Aim":
        """Return the aim that names resolve by TCP too, which resolvers use for answers that UDP does not hold."""
        return cls("large answers arrive too", (_to_look_up_by_tcp,), lambda draft: not _to_look_up_by_tcp(draft))


class Proofs:
    """The number of proofs that may still be made."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self) -> bool:
        """Take one; false if there are none left."""
        self.left -= 1
        return self.left >= 0


def drafts(draft: Draft, aim: Aim, alternatives: int) -> Iterator[Draft]:
    """Yield drafts in which the aim is reached, at most ``alternatives`` for each of its goals.

    There are alternatives only to single edits: of several, each has its own, and naming all pairs helps nobody.
    """
    for goal in aim.goals:
        proofs = Proofs(MOST_PROOFS // len(aim.goals))
        for first in islice(_steps(draft, goal, proofs), alternatives):
            whole = _completed(first, goal, proofs)
            if whole is not None and aim.is_reached(whole):
                yield whole
            if whole is not first:
                break


def _completed(draft: Draft, goal: Goal, proofs: Proofs) -> Draft | None:
    """Take the best step until nothing is left to do; ``None`` if there is no further step."""
    for _ in range(_MOST_OBSTACLES):
        if not goal(draft):
            return draft
        further = next(_steps(draft, goal, proofs), None)
        if further is None:
            return None
        draft = further
    return None


def _steps(draft: Draft, goal: Goal, proofs: Proofs) -> Iterator[Draft]:
    """Yield the draft with one more edit, for each that leaves less to do, the best first."""
    obstacles = goal(draft)
    for candidate in sorted(_candidates(draft, obstacles), key=lambda candidate: candidate.rank):
        if not proofs.take():
            return
        further = draft.with_candidate(candidate)
        if _weight(goal(further)) < _weight(obstacles):
            yield further


def _candidates(draft: Draft, obstacles: Sequence[Obstacle]) -> Iterator[Candidate]:
    """Yield candidates for the first obstacle, together with those that differ from it only in the port."""
    if obstacles:
        first = obstacles[0]
        alike = [obstacle for obstacle in obstacles if obstacle.key == first.key]
        flows, sides = (tuple(o.flow for o in alike), tuple(o.side for o in alike))
        task = Task(draft, first.side.direction, flows, sides, first.is_lookup)
        yield from openings(task) if first.wanted is Answer.ALLOWED else closings(task)


def _weight(obstacles: Sequence[Obstacle]) -> int:
    return sum(obstacle.weight for obstacle in obstacles)


def _goals(draft: Draft, wanted: Expected) -> Iterator[Goal]:
    """Yield the ways to reach a verdict: a connection is blocked by either of its sides."""
    match wanted:
        case Expected.ALLOWED:
            is_refused = any(verdict.answer is not Answer.ALLOWED for verdict in draft.prediction.lookups)
            yield lambda draft: [*_to_look_up(draft, with_tcp=is_refused), *_to_open(draft.prediction.connections)]
        case Expected.BLOCKED:
            for direction in (Direction.INGRESS, Direction.EGRESS):
                yield partial(_to_block, direction=direction)
        case Expected.UNRESOLVED:
            yield lambda draft: _to_close(draft.prediction.lookups, Direction.EGRESS, is_lookup=True)


def _to_look_up_by_tcp(draft: Draft) -> list[Obstacle]:
    return _to_open(map(draft.predictor.judge, map(_by_tcp, draft.prediction.route.lookups)), is_lookup=True)


def _to_look_up(draft: Draft, *, with_tcp: bool) -> list[Obstacle]:
    by_udp = _to_open(draft.prediction.lookups, is_lookup=True)
    return [*by_udp, *(_to_look_up_by_tcp(draft) if with_tcp else ())]


def _to_block(draft: Draft, direction: Direction) -> list[Obstacle]:
    connections = _to_close(draft.prediction.connections, direction)
    return [*_to_look_up(draft, with_tcp=False), *connections]


def _to_open(verdicts: Iterable[Verdict], *, is_lookup: bool = False) -> list[Obstacle]:
    return [
        Obstacle(verdict.flow, side, Answer.ALLOWED, is_lookup)
        for verdict in verdicts
        for side in (verdict.egress, verdict.ingress)
        if side.answer is not Answer.ALLOWED
    ]


def _to_close(verdicts: Iterable[Verdict], direction: Direction, *, is_lookup: bool = False) -> list[Obstacle]:
    return [
        Obstacle(verdict.flow, verdict.side(direction), Answer.BLOCKED, is_lookup)
        for verdict in verdicts
        if verdict.answer is not Answer.BLOCKED
    ]


def _by_tcp(flow: Flow) -> Flow:
    return replace(flow, port=Port(Protocol.TCP, flow.port.number))
