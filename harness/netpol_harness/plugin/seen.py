"""What tests in Python see of a scenario, and compare with a verdict word: ``assert probe("a -> b:80") == "blocked"``.

A comparison that fails tells the whole story. One that has no sufficient evidence raises ``Unproven``: it is neither
true nor false. ``!=`` and the truth of a finding are refused, since a broken lab would satisfy them.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from netpol_harness.errors import CapabilityMissing, HarnessError, Unproven
from netpol_harness.oracle.points import Profile
from netpol_harness.paths.diagnostics import suggest
from netpol_harness.paths.outcome import Expected
from netpol_harness.report.story import Scene, Story
from netpol_harness.report.world import table_story
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.table import PathResult, TruthTable

if TYPE_CHECKING:
    from netpol_harness.runner.run import ScenarioRun


T = TypeVar("T")

_DOUBTS = (Judgement.BROKEN, Judgement.UNPROVEN)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ObservedPath(PathResult):
    """A finding that equals the verdict words that the network agrees with.

    Compared with a word that it was not asked for, it asks anew where what was seen does not suffice and the scenario
    is still in the same step. ``compared`` holds what was found so for each word.
    """

    eyes: "Observer"
    scene: Scene
    compared: dict[Expected, "ObservedPath"] = field(default_factory=dict)

    @property
    def story(self) -> Story:
        """Expectation, observation, evidence, reasons and the command to repeat it by hand."""
        return self.scene.story(self)

    def check(self) -> "ObservedPath":
        """Return itself where the network agrees with the word asked for; else ``AssertionError`` with the story."""
        __tracebackhide__ = True
        if self.judgement is not Judgement.AGREES:
            raise AssertionError(self.story.text)
        return self

    def judged(self, word: Expected) -> "ObservedPath":
        """What is to be said of the path for this word. Raises ``Unproven``."""
        __tracebackhide__ = True
        if word not in self.compared:
            self.compared[word] = self if word is self.expected else self._asked_for(word)
        return self.eyes.trusted(self.compared[word])

    def _asked_for(self, word: Expected) -> "ObservedPath":
        __tracebackhide__ = True
        asked = tuple(replace(part, evidence=replace(part.evidence, expected=word)) for part in self.asked)
        known = ObservedPath(replace(self.expectation, expected=word), asked, self.eyes, self.scene)
        if known.judgement is Judgement.AGREES or not self.eyes.is_in(self.scene):
            return known
        return self.eyes.look(known)

    def __eq__(self, other: object) -> bool:
        __tracebackhide__ = True
        if not isinstance(other, str):
            return self is other
        return self.judged(_word(other)).judgement is Judgement.AGREES

    def __ne__(self, other: object) -> bool:
        __tracebackhide__ = True
        return _refuse_unequal(self, other)

    def __bool__(self) -> bool:
        __tracebackhide__ = True
        raise TypeError("a finding is neither true nor false; compare it with a verdict word: == 'allowed'")

    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ObservedTable(TruthTable):
    """A truth table that equals the verdict word that the network agrees with in every cell."""

    cells: Mapping[tuple[str, str], ObservedPath]
    eyes: "Observer"
    scene: Scene
    word: Expected
    compared: dict[Expected, "ObservedTable"] = field(default_factory=dict)

    @property
    def story(self) -> Story:
        """The wrong cells in groups, and the whole story of the first; an empty one where nothing is wrong."""
        return table_story(self, self.scene.story(self.wrong[0])) if self.wrong else Story("", "")

    def check(self) -> "ObservedTable":
        """Return itself where every cell is as the word says; else ``AssertionError`` with the story."""
        __tracebackhide__ = True
        if self.wrong:
            raise AssertionError(self.story.text)
        return self

    def judged(self, word: Expected) -> "ObservedTable":
        """The table for this word, asked anew while the scenario is in the same step. Raises ``Unproven``."""
        __tracebackhide__ = True
        if word not in self.compared:
            self.compared[word] = self if word is self.word else self._asked_for(word)
        return self.compared[word]

    def _asked_for(self, word: Expected) -> "ObservedTable":
        __tracebackhide__ = True
        if self.eyes.is_in(self.scene):
            return self.eyes.look_around(word, self._where)
        cells = {place: cell.judged(word) for place, cell in self.cells.items()}
        return ObservedTable(self.rows, self.columns, cells, self.eyes, self.scene, word)

    @property
    def _where(self) -> str:
        return next((cell.expectation.where for cell in self.cells.values()), "")

    def __eq__(self, other: object) -> bool:
        __tracebackhide__ = True
        return not self.judged(_word(other)).wrong if isinstance(other, str) else self is other

    def __ne__(self, other: object) -> bool:
        __tracebackhide__ = True
        return _refuse_unequal(self, other)

    def __repr__(self) -> str:
        return f"<truth table: {len(self.wrong)} of {len(self.cells)} cells are not {self.word}>"

    def __bool__(self) -> bool:
        __tracebackhide__ = True
        raise TypeError("a truth table is neither true nor false; compare it with a verdict word: == 'blocked'")

    __hash__ = object.__hash__


class Observer:
    """Looks at one scenario for tests in Python. What a test does wrong is shown where the test does it.

    ``notice`` is told of everything that a test is given.
    """

    def __init__(
        self,
        scenario_run: "ScenarioRun",
        profile: Profile,
        notice: "Callable[[ObservedPath | ObservedTable], None]" = lambda seen: None,
    ) -> None:
        self.scenario_run = scenario_run
        self._profile = profile
        self._notice = notice

    def probe(self, path: str, expected: str = "undefined") -> ObservedPath:
        """Ask one path, spelled as in scenario.yaml. Raises ``Unproven`` where nothing was learnt.

        With ``expected`` it is asked until it is so, or the settle deadline has passed; without, it is only looked at.
        """
        __tracebackhide__ = True
        word, where = _word(expected), _caller()
        seen = self._seen(_plainly(lambda: self.scenario_run.look(path, word, where)), self.scene())
        self._notice(seen)
        return self.trusted(seen)

    def truth_table(self, expected: str = "undefined") -> ObservedTable:
        """Ask every pair of different pods and every port that the target serves. Raises ``Unproven``."""
        __tracebackhide__ = True
        seen = self.look_around(_word(expected), _caller())
        self._notice(seen)
        return seen

    def look(self, seen: ObservedPath) -> ObservedPath:
        """Ask the same path anew, for its word."""
        __tracebackhide__ = True
        expectation = seen.expectation
        path, word, where = expectation.path.text, expectation.expected, expectation.where
        return self._seen(_plainly(lambda: self.scenario_run.look(path, word, where)), seen.scene)

    def look_around(self, word: Expected, where: str) -> ObservedTable:
        """Ask for everything."""
        __tracebackhide__ = True
        table = _plainly(lambda: self.scenario_run.look_around(word, where))
        scene = self.scene()
        cells = {place: self.trusted(self._seen(path_result, scene)) for place, path_result in table.cells.items()}
        return ObservedTable(table.rows, table.columns, cells, self, scene, word)

    def trusted(self, seen: ObservedPath) -> ObservedPath:
        """The finding, unless it rests on nothing: ``Unproven``."""
        __tracebackhide__ = True
        if seen.judgement in _DOUBTS:
            raise Unproven(seen.story.text)
        return seen

    def scene(self) -> Scene:
        """What is in force now."""
        return Scene(self.scenario_run, self.scenario_run.present, profile=self._profile)

    def is_in(self, scene: Scene) -> bool:
        """Whether the scenario is still in the step that was looked at."""
        return self.scenario_run.present.name == scene.step.name

    def _seen(self, path_result: PathResult, scene: Scene) -> ObservedPath:
        return ObservedPath(path_result.expectation, path_result.asked, self, scene)


def _plainly(act: Callable[[], T]) -> T:
    """What it gives; an error without our frames and without what led to it, a lack as a skip."""
    __tracebackhide__ = True
    try:
        return act()
    except CapabilityMissing as lack:
        failure: BaseException = pytest.skip.Exception(str(lack))
    except HarnessError as error:
        failure = error.with_traceback(None)
    raise failure from None


def _word(text: str) -> Expected:
    __tracebackhide__ = True
    known = [word.value for word in Expected]
    if text not in known:
        raise ValueError(f"'{text}' is not a verdict word; {suggest(text, known)}")
    return Expected(text)


def _refuse_unequal(one: object, other: object) -> bool:
    __tracebackhide__ = True
    if isinstance(other, str):
        raise TypeError(f"anything that goes wrong is != '{other}'; say what is expected: == 'blocked', == 'allowed'")
    return one is not other


def _caller() -> str:
    """``file:line`` of the test that asks."""
    frame = sys._getframe(2)
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
