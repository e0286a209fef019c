"""The nodes of a scenario in pytest's tree: the file, its steps, and one item per path and per closed world.

``File.setup`` opens the scenario, ``Step.setup`` enters the step and observes all of its selected paths at once, an
item only compares. pytest's own set-up rules give the rest: once per scenario, errors for the whole subtree, teardown.
"""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from harness.cluster.provider import Capability
from harness.errors import CapabilityMissing, HarnessError, OracleDisagrees, ScenarioInvalid, Unproven
from harness.escape import one_line
from harness.lab import Lab
from harness.matrix.evidence import Judgement
from harness.matrix.path import Expectation
from harness.matrix.path import Path as NetworkPath
from harness.matrix.table import Finding, TruthTable
from harness.plugin.lab import lab_of, profile_of
from harness.plugin.marks import mark
from harness.plugin.reports.steps import write_step
from harness.plugin.rounds import worst_of
from harness.plugin.telling import Told, of, spoken
from harness.plugin.words import objection, told
from harness.reasoning.derive import Outlook
from harness.reasoning.explain import Line
from harness.report.story import Scene, Story
from harness.report.world import world_story
from harness.scenario.load import derive, load
from harness.scenario.scenario import Others, Scenario, Step, closed_world

if TYPE_CHECKING:
    from harness.stage.stage import Observation


class ScenarioFile(pytest.File):
    """A scenario.yaml. Its set-up brings the workloads up; its teardown removes all of them."""

    scenario: Scenario

    def __init__(self, *, path: Path, parent: pytest.Collector, **kwargs: Any) -> None:
        super().__init__(path=path, parent=parent, nodeid=_fit_id(path, parent.config.rootpath), **kwargs)

    def collect(self) -> Iterable["StepNode"]:
        """Read the files; everything that is wrong with them is one collection error."""
        try:
            self.scenario = told(self._read(), profile_of(self.config))
        except ScenarioInvalid as invalid:
            raise self.CollectError(str(invalid)) from None
        known = {capability.value for capability in Capability}
        if unknown := set(self.scenario.requires) - known:
            said = ", ".join(sorted(unknown))
            what = f"{self.path}: requires: no capability is called {said}"
            raise self.CollectError(one_line(f"{what}; known: {', '.join(sorted(known))}"))
        mark(self, self.scenario.marks)
        return [StepNode.from_parent(self, name=step.name, step=step) for step in self.scenario.steps]

    def _read(self) -> Scenario:
        return load(self.path)

    def setup(self) -> None:
        """Open the scenario on this run's cluster."""
        with spoken():
            self.stage = lab_of(self.config).stage(self.scenario)
            self.stage.open()

    def teardown(self) -> None:
        """Remove what the set-up made, however far it came."""
        if hasattr(self, "stage"):
            with spoken():
                self.stage.close()


def _fit_id(path: Path, root: Path) -> Any:
    """The node id of a file whose own would do something to the terminal on which pytest shows it; else ``None``."""
    plain = (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
    return fit if (fit := one_line(plain)) != plain else None


class ManifestFolder(ScenarioFile):
    """A folder of manifests without a scenario.yaml (``--derive``): what its policies mean is what is expected."""

    def _read(self) -> Scenario:
        return derive(self.path)


class StepNode(pytest.Collector):
    """A step: one state of the cluster, and what was seen in it, each time that it was entered.

    ``observation`` is the worst of what was seen; ``returns`` holds the same of the step before, for a repeated step.
    """

    parent: ScenarioFile
    outlook: Outlook
    observation: "Observation"

    def __init__(self, *, step: Step, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._take(step)
        self.returns: tuple[Finding, ...] = ()
        self.scenes: dict[str, Scene] = {}

    def collect(self) -> Iterable["ScenarioItem"]:
        """One item per path, and one for all others where there are any: an item that asks nothing cannot fail."""
        for expectation in self.step.expectations:
            yield PathItem.from_parent(self, name=expectation.path.text, expectation=expectation)
        if self.before and self.before.expectations:
            yield ReturnItem.from_parent(self, name=f"back in {self.before.name}")
        if self.step.others is Others.UNCHECKED:
            return
        if closed_world(self.step):
            yield OthersItem.from_parent(self, name="others")
        elif not self.step.expectations:
            raise self.CollectError(
                f"{self.step.where}: step {self.name} asks nothing: no pod serves a port to another"
            )

    @property
    def before(self) -> Step | None:
        """The step to which a repeated one returns; ``None`` for all others."""
        steps = self.parent.scenario.steps
        return steps[[step.name for step in steps].index(self.step.name) - 1] if self.step.repeat > 1 else None

    def expectation(self, path: NetworkPath) -> Expectation:
        """What is expected of a path of the step."""
        return self._expectations[path]

    def _take(self, step: Step) -> None:
        self.step = step
        self._expectations = {expectation.path: expectation for expectation in step.expectations}

    def setup(self) -> None:
        """Enter the step as often as it says, and ask every selected path at once, each time."""
        lab = lab_of(self.config)
        with spoken():
            observations = [self._observe()]
            returns: list[Observation] = []
            for _ in range(self.step.repeat - 1 if self.before else 0):
                returns.append(self._return())
                observations.append(self._observe())
            lab.vouch()
            self.scenes.clear()
            self.observation = worst_of(observations)
            self.returns = tuple(worst_of(returns).findings.values()) if returns else ()
            write_step(self, lab)

    def _observe(self) -> "Observation":
        """Enter the step and look. Words are derived in the light of the addresses that pods have got."""
        stage = self.parent.stage
        stage.enter(self.step)
        census = stage.census()
        outlook = Outlook(stage.scenario, self.step, profile_of(self.config), census.addresses)
        self._take(outlook.answered())
        self.outlook = outlook.with_step(self.step)
        selected = [item for item in self.session.items if isinstance(item, ScenarioItem) and item.parent is self]
        return stage.observe(
            self.step,
            [item.expectation for item in selected if isinstance(item, PathItem)],
            others=any(isinstance(item, OthersItem) for item in selected),
            words=self.outlook.others() if self.step.others is Others.ORACLE else None,
            census=census,
        )

    def _return(self) -> "Observation":
        """Go back to the step before, until it is as its author expects."""
        assert self.before is not None
        self.parent.stage.enter(self.before)
        return self.parent.stage.observe(self.before, self.before.expectations, others=False)

    def story(self, finding: Finding, step: Step | None = None) -> Story:
        """The story of one finding, with what was in force in its step (by default this one)."""
        step = step or self.step
        if step.name not in self.scenes:
            self.scenes[step.name] = Scene(self.parent.stage, step, outlook=self.outlook.with_step(step))
        often = f"step {self.step.name} was entered {self.step.repeat} times; this is the worst"
        told = self.scenes[step.name].story(finding)
        return told.adding(Line("repeated", often)) if self.step.repeat > 1 else told


class ScenarioItem(pytest.Item):
    """What is common to the items of a step: observe in set-up, compare in the call."""

    parent: StepNode
    where: str

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was seen of this item's paths; empty where the backend lacks what they need."""
        raise NotImplementedError

    def story(self) -> Story:
        """What is wrong, told so that it stands alone."""
        raise NotImplementedError

    @property
    def lab(self) -> Lab:
        """The run's laboratory."""
        return lab_of(self.config)

    def setup(self) -> None:
        """Without an observation, or without proof of one, there is nothing to compare: ERROR."""
        if not self.findings:
            with spoken():
                raise Unproven(f"{self.name}: nothing was asked, so that nothing is known")
        judgements = {finding.judgement for finding in self.findings}
        if judgements & _DOUBTS and not judgements & _DISAGREEMENTS:
            self._tell()

    def runtest(self) -> None:
        """Compare what was seen with what was expected."""
        if {finding.judgement for finding in self.findings} & _DISAGREEMENTS:
            self._tell()

    def _tell(self) -> NoReturn:
        with spoken():
            raise Told(self.story())

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Our own messages need no traceback."""
        if isinstance(excinfo.value, HarnessError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The line of scenario.yaml that says what is expected."""
        line = self.where.rpartition(":")[2]
        return (
            Path(one_line(str(self.path))),
            int(line) - 1 if line.isdigit() else None,
            f"{self.parent.name}: {self.name}",
        )


_TOLD = 3
"""Paths of the step before of which a message tells the story."""

_DOUBTS = frozenset({Judgement.BROKEN, Judgement.UNPROVEN})
_DISAGREEMENTS = frozenset({Judgement.DISAGREES, Judgement.FLAPPING})


class PathItem(ScenarioItem):
    """One path that the author wrote, or that an ``any`` line stands for."""

    def __init__(self, *, expectation: Expectation, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path_asked = expectation.path
        self.where = expectation.where

    @property
    def expectation(self) -> Expectation:
        """The path with the word for it, which may be derived anew when the step is entered."""
        return self.parent.expectation(self.path_asked)

    @property
    def finding(self) -> Finding:
        """What was seen of the path."""
        return self.parent.observation.findings[self.expectation]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The one finding."""
        return (self.finding,)

    def setup(self) -> None:
        """Skip where the backend lacks what the path needs; record the figures for reports."""
        if lack := self.parent.parent.stage.lacks(self.expectation.path):
            pytest.skip(str(CapabilityMissing(lack)))
        self.user_properties += properties(self.finding).items()
        super().setup()

    def runtest(self) -> None:
        """Compare; warn where the specification has another word for a path that is as its author expects."""
        super().runtest()
        if said := objection(self.expectation, self.parent.outlook):
            file, line, _ = self.reportinfo()
            try:
                warnings.warn_explicit(OracleDisagrees(said), OracleDisagrees, str(file), (line or 0) + 1)
            except OracleDisagrees as error:
                raise Told(of(error)) from None

    def story(self) -> Story:
        """The path's own."""
        return self.parent.story(self.finding)


class ReturnItem(ScenarioItem):
    """What was seen of the step before a repeated one, each time that it was returned to."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.where = self.parent.step.where

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The worst finding of each path."""
        return self.parent.returns

    def setup(self) -> None:
        """Skip where the backend lacks what every path of that step needs."""
        before, stage = self.parent.before, self.parent.parent.stage
        asked = before.expectations if before and not self.findings else ()
        for lack in filter(None, (stage.lacks(expectation.path) for expectation in asked)):
            pytest.skip(str(CapabilityMissing(lack)))
        super().setup()

    def story(self) -> Story:
        """The stories of what is wrong."""
        wrong = [finding for finding in self.findings if finding.judgement is not Judgement.AGREES]
        stories = [self.parent.story(finding, self.parent.before) for finding in wrong[:_TOLD]]
        return Story(stories[0].text.partition("\n")[0], "\n".join(map(str, stories)))


class OthersItem(ScenarioItem):
    """The closed world of a step: every pair of pods and served port that no path of the step speaks of."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.where = self.parent.step.where

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One finding a cell."""
        return self.parent.observation.others

    def setup(self) -> None:
        """Record how many cells there are."""
        self.user_properties.append(("cells", len(self.findings)))
        super().setup()

    def story(self) -> Story:
        """The wrong cells, and the whole story of the first."""
        wrong = TruthTable.of(self.findings).wrong
        return world_story(self.findings, self.parent.story(wrong[0]))


def properties(finding: Finding) -> Mapping[str, str | int | float]:
    """The figures of a path for machine-readable reports."""
    settled = finding.settled_after
    return {
        "outcome": finding.outcome.value,
        "attempts": finding.attempts,
        "tool": str(finding.worst.evidence.last.reply.means),  # plain, for the way from a worker
        **({"settle_seconds": round(settled, 4)} if settled is not None else {}),
    }
