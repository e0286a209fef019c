"""The chain of reasoning behind a path's word, in a few lines that name policies and rules by file and line. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import fill

from netpol_harness.analysis.causes import CauseContext, causes
from netpol_harness.analysis.naming import Speller
from netpol_harness.analysis.narrator import Narrator
from netpol_harness.analysis.predict import Prediction, Predictor
from netpol_harness.oracle.points import SPECIFICATION, Profile
from netpol_harness.oracle.verdict import Answer, Verdict
from netpol_harness.paths.ends import AnyServiceTarget, ExternalTarget, PodTarget
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import KnownAddresses, Path, ProbeMode
from netpol_harness.scenario.scenario import Manifest, Scenario, Step

COLUMNS = 110
"""How wide an explanation may be where nobody knows the width of the screen."""

MOST_LEGS = 3
"""Pods behind a Service of which an explanation speaks one by one."""

_MANNERS = {
    ProbeMode.PERSISTENT: "the connection is older, and the network plugin decides what a change does to it",
    ProbeMode.CONTINUOUS: "the step before has another word for it, and when a change takes effect is not said",
}
_HANGING = " " * 13
_SERIOUS_FIRST = (Answer.BLOCKED, Answer.UNDEFINED, Answer.ALLOWED)


@dataclass(frozen=True, slots=True)
class ExplanationLine:
    """One line: a label of at most ten characters, such as ``egress``, and a sentence."""

    label: str
    text: str

    def __str__(self) -> str:
        return f"  {self.label:<10} {self.text}"

    def wrapped(self, width: int) -> str:
        """The same in ``width`` columns: what goes on stands below the sentence. Names are never broken."""
        return fill(str(self), width, subsequent_indent=_HANGING, break_long_words=False, break_on_hyphens=False)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a path has its word in a step. ``causes`` are what typically lies behind it, and what to do."""

    path: Path
    word: Expected
    lines: tuple[ExplanationLine, ...]
    causes: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[ExplanationLine, ...]:
        """All lines, those of the causes included."""
        return (*self.lines, *(ExplanationLine("cause", cause) for cause in self.causes))

    def __str__(self) -> str:
        return "\n".join([f"{self.path}: {self.word}", *map(str, self.told)])

    def wrapped(self, width: int) -> str:
        """The same in ``width`` columns."""
        return "\n".join([f"{self.path}: {self.word}", *(line.wrapped(width) for line in self.told)])


def explain(
    scenario: Scenario,
    step: Step,
    path: Path,
    *,
    profile: Profile = SPECIFICATION,
    addresses: KnownAddresses | None = None,
    spare: tuple[Manifest, ...] = (),
) -> Explanation:
    """Explain one path of a step. ``spare`` are policies that the scenario's directory holds and no step names."""
    return explained(Predictor(scenario, step, profile, addresses), path, spare)


def explained(outlook: Predictor, path: Path, spare: tuple[Manifest, ...] = ()) -> Explanation:
    """The same, from an outlook on the step."""
    naming = Speller(outlook.scenario, outlook.step, path, spare)
    reading = outlook.read(path)
    lines = tuple(_lines(reading, Narrator(outlook, naming), naming))
    return Explanation(path, reading.word, lines, causes(CauseContext(outlook, reading, naming, spare)))


def _lines(reading: Prediction, chain: Narrator, naming: Speller) -> Iterator[ExplanationLine]:
    for verdict in reading.lookups:
        yield ExplanationLine("lookup", chain.lookup(verdict))
    target = reading.path.target
    if reading.route.nameless and isinstance(target, AnyServiceTarget):
        yield ExplanationLine("lookup", f"the name {target.ref} stands for no address in this step")
    legs = sorted(reading.legs, key=lambda verdict: _SERIOUS_FIRST.index(verdict.answer))
    told = list(dict.fromkeys(line for verdict in legs[:MOST_LEGS] for line in _leg(verdict, reading, chain, naming)))
    yield from told
    if len(legs) > MOST_LEGS:
        yield ExplanationLine("", f"... and {len(legs) - MOST_LEGS} more connections")
    if reading.route.balanced and len({verdict.answer for verdict in legs}) > 1:
        yield ExplanationLine("unsure", "which of them is taken is chance")
    if reading.route.doubt:
        yield ExplanationLine("unsure", reading.route.doubt)
    if reading.word is not reading.fresh:
        yield ExplanationLine(
            reading.path.mode, f"{_MANNERS[reading.path.mode]}; a new connection would be {reading.fresh}"
        )


def _leg(verdict: Verdict, reading: Prediction, chain: Narrator, naming: Speller) -> Iterator[ExplanationLine]:
    """The two sides of a connection; one that is not plainly the path's own is named first."""
    if not isinstance(reading.path.target, PodTarget | ExternalTarget):
        yield ExplanationLine("connection", f"{naming.connection(verdict.flow)}: {verdict.answer}")
    for side in (verdict.egress, verdict.ingress):
        yield ExplanationLine(side.direction.lower(), chain.side(verdict.flow, side))
