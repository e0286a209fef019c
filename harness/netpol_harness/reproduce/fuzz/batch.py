"""A batch: many small worlds at once in one scenario on one cluster.

A namespaceSelector of one world sees the namespaces of all others; the specification judges the whole. So a wrong path
is a suspicion about its own world, which a run of that world alone must confirm.
"""

from collections.abc import Collection, Generator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from netpol_harness.analysis.predict import Predictor
from netpol_harness.model.json_object import JsonObject
from netpol_harness.paths.diagnostics import Place
from netpol_harness.paths.expectations import resolve
from netpol_harness.paths.grammar import Sentence, parse
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation
from netpol_harness.paths.path import Path as NetworkPath
from netpol_harness.reproduce.fuzz.screen import screener
from netpol_harness.reproduce.fuzz.worlds import paths_of
from netpol_harness.reproduce.shrink.draft import Draft
from netpol_harness.reproduce.shrink.files import write
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.table import PathResult
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Step

if TYPE_CHECKING:
    from netpol_harness.lab import Lab

WRONG = (Judgement.DISAGREES, Judgement.FLAPPING)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A wrong path of one world: the world up to the step, with the path and its verdict, and what was observed.

    ``like`` are the models of known faults that predict it. ``dataplane`` is the number of the one that is wrong, and
    ``is_open`` means that only the other dataplane says so, because the specification leaves the path open.
    """

    draft: Draft
    result: PathResult
    like: frozenset[str] = frozenset()
    dataplane: int = 0
    is_open: bool = False

    @property
    def kind(self) -> tuple[object, ...]:
        """What tells one kind of wrong paths of a world from another: the verdicts, and what may explain them."""
        return self.draft.expected, self.result.wrong_outcome, self.like, self.dataplane, self.is_open


@dataclass(frozen=True, slots=True)
class BatchStep:
    """A step of a batch: how many worlds were probed, the judgements of their paths, and what was wrong in them.

    ``predictor`` is that of the whole batch. ``open`` is what was observed of paths that the specification leaves open.
    """

    predictor: Predictor
    worlds: int
    judgements: Collection[Judgement]
    suspicions: Sequence[Suspicion]
    open: Sequence[Suspicion] = ()


def merged(drafts: Sequence[Draft]) -> Draft:
    """Return one draft with all worlds; their namespaces must differ, and their number of steps be equal."""
    steps = [deepcopy(dict(step)) for step in drafts[0].tree["steps"]]
    scenario = dict(drafts[0].tree["scenario"])
    for draft in drafts[1:]:
        scenario |= draft.tree["scenario"]
        for step, more in zip(steps, draft.tree["steps"], strict=True):
            _add(step, more)
    tree = {
        "scenario": scenario,
        "workloads": [data for draft in drafts for data in draft.tree["workloads"]],
        "policies": {key: data for draft in drafts for key, data in draft.tree["policies"].items()},
        "steps": steps,
    }
    return Draft(tree, drafts[0].path, "undefined")


def _add(step: JsonObject, more: JsonObject) -> None:
    """Add what a step of another world has."""
    for kind, entries in more.get("labels", {}).items():
        step.setdefault("labels", {}).setdefault(kind, {}).update(entries)
    for key in ("policies", "recreate", "absent"):
        if more.get(key):
            step[key] = [*step.get(key, ()), *more[key]]
    if more.get("restart"):
        step["restart"] = more["restart"]


def run_batch(
    lab: "Lab", drafts: Sequence[Draft], folder: Path, *, with_open: bool = False
) -> Generator[BatchStep, None, None]:
    """Enter the steps of all worlds together, and yield what is wrong in each.

    ``with_open``: probe the paths too that the specification leaves open.
    """
    scenario = load(write(with_a_path(merged(drafts)), folder, "A batch of random worlds"))
    run = lab.scenario_run(scenario)
    try:
        run.open()
        with screener(run) as screen:
            for number, step in enumerate(scenario.steps):
                run.enter(step)
                owners = _paths(drafts, number, step)
                possible = [path for path in owners if run.observer.missing_capability(path, step) is None]
                predictor = Predictor(scenario, step, addresses=run.snapshot().addresses)
                results = screen.screened(_expectations(predictor, possible, with_open=with_open))
                seen = [Suspicion(_until(owners[each.expectation.path], number, each), each) for each in results]
                yield _batch_step(predictor, len(drafts), seen)
    finally:
        run.close()


def with_a_path(draft: Draft) -> Draft:
    """Return the draft with a path, which each step must have: that of a pod to itself, which is always allowed."""
    absent = {ref for step in draft.tree["steps"] for ref in step.get("absent", ())}
    pods = (data["metadata"] for data in draft.tree["workloads"] if data["kind"] == "Pod")
    names = (f"{pod['namespace']}/{pod['name']}" for pod in pods)
    name = next(name for name in names if name not in absent)
    return replace(draft, path=f"{name} -> {name}:80", expected="undefined")


def _paths(drafts: Sequence[Draft], number: int, step: Step) -> dict[NetworkPath, Draft]:
    """Return the paths of all worlds in a step, each with its world."""
    paths: dict[NetworkPath, Draft] = {}
    for draft in drafts:
        sentences = [_sentence(text) for text in paths_of(draft, draft.tree["steps"][number])]
        expectations, problems = resolve(sentences, step.inventory)
        assert not problems, problems
        paths |= {expectation.path: draft for expectation in expectations}
    return paths


@lru_cache(1 << 14)
def _sentence(text: str) -> Sentence:
    """Parse a path once: it is the same in all steps, and in many batches."""
    sentence = parse(text, Expected.UNDEFINED, Place("world", 1))
    assert isinstance(sentence, Sentence), sentence
    return sentence


def _expectations(predictor: Predictor, paths: Sequence[NetworkPath], *, with_open: bool) -> Sequence[Expectation]:
    """Return the paths with the specification's verdicts. Those that it leaves open are masked unless ``with_open``."""
    verdicts = predictor.verdicts(paths)
    known = {Expected.ALLOWED, Expected.BLOCKED} | ({Expected.UNDEFINED} if with_open else set())
    return [Expectation(path, verdicts[path], predictor.step.where) for path in paths if verdicts[path] in known]


def _batch_step(predictor: Predictor, worlds: int, seen: Sequence[Suspicion]) -> BatchStep:
    """Return what the results of a step show: open paths are neither right nor wrong."""
    decided = [each for each in seen if each.result.expected is not Expected.UNDEFINED]
    wrong = [each for each in decided if each.result.judgement in WRONG]
    open_paths = [each for each in seen if each.result.expected is Expected.UNDEFINED]
    return BatchStep(predictor, worlds, [each.result.judgement for each in decided], wrong, open_paths)


def _until(draft: Draft, number: int, result: PathResult) -> Draft:
    """Return a world up to a step, with a path as its question."""
    tree = {**draft.tree, "steps": draft.tree["steps"][: number + 1]}
    return Draft(tree, result.expectation.path.text, result.expected.value)
