"""A batch: many small worlds at once in one scenario on one cluster, probed in bulk within each world.

A namespaceSelector of one world sees the namespaces of all others; the specification judges the whole. So a wrong cell
is a suspicion about its own world, which a run of that world alone must confirm.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from netpol_harness.analysis.predict import Predictor
from netpol_harness.paths.ends import PodSource, PodTarget
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Expectation
from netpol_harness.paths.path import Path as NetworkPath
from netpol_harness.probe.bulk import BulkConvergence
from netpol_harness.reproduce.shrink.draft import Draft
from netpol_harness.reproduce.shrink.files import write
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.table import PathResult
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Step, closed_world

if TYPE_CHECKING:
    from netpol_harness.lab import Lab

_WRONG = (Judgement.DISAGREES, Judgement.FLAPPING)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A wrong cell of one world: the world up to the step, with the path and its verdict, and what was observed."""

    world: int
    draft: Draft
    outcome: Outcome


def merged(drafts: Sequence[Draft]) -> Draft:
    """Return one draft with all worlds; their namespaces must differ, and their number of steps be equal."""
    steps = [deepcopy(dict(step)) for step in drafts[0].tree["steps"]]
    for draft in drafts[1:]:
        for step, more in zip(steps, draft.tree["steps"], strict=True):
            step["policies"] = [*step["policies"], *more["policies"]]
            for kind, entries in more.get("labels", {}).items():
                step.setdefault("labels", {}).setdefault(kind, {}).update(entries)
            if more.get("recreate"):
                step["recreate"] = [*step.get("recreate", ()), *more["recreate"]]
    tree = {
        "scenario": {},
        "workloads": [data for draft in drafts for data in draft.tree["workloads"]],
        "policies": {key: data for draft in drafts for key, data in draft.tree["policies"].items()},
        "steps": steps,
    }
    return Draft(tree, drafts[0].path, "undefined")


def run_batch(
    lab: "Lab", drafts: Sequence[Draft], folder: Path, done: Callable[[int, Collection[Judgement]], None]
) -> Iterator[Suspicion]:
    """Enter the steps of all worlds together, and yield what is wrong in each.

    ``done`` is called after each step with the number of worlds that were probed, and the judgements of their paths.
    """
    owner = {
        data["metadata"]["name"]: index
        for index, draft in enumerate(drafts)
        for data in draft.tree["workloads"]
        if data["kind"] == "Namespace"
    }
    scenario = load(write(_with_a_path(merged(drafts)), folder, "A batch of random worlds"))
    run = lab.scenario_run(scenario)
    try:
        run.open()
        for step in scenario.steps:
            run.enter(step)
            expectations = _expectations(Predictor(scenario, step, addresses=run.snapshot().addresses), owner)
            observed = run.observer.observe(step, expectations, others=False, strategy=BulkConvergence)
            done(len(drafts), [result.judgement for result in observed.path_results.values()])
            yield from _suspicions(observed.path_results, step, drafts, owner)
    finally:
        run.close()


def _with_a_path(draft: Draft) -> Draft:
    """Return the draft with a path, which each step must have: that of a pod to itself, which is always allowed."""
    pod = next(data["metadata"] for data in draft.tree["workloads"] if data["kind"] == "Pod")
    name = f"{pod['namespace']}/{pod['name']}"
    return replace(draft, path=f"{name} -> {name}:80", expected="undefined")


def _expectations(predictor: Predictor, owner: Mapping[str, int]) -> Sequence[Expectation]:
    """Return the cells within each world with the specification's verdicts; those that it leaves open are masked."""
    step = predictor.step
    paths = [path for path in closed_world(step) if _world(path, owner) is not None]
    verdicts = predictor.verdicts(paths)
    known = (Expected.ALLOWED, Expected.BLOCKED)
    return [Expectation(path, verdicts[path], step.where) for path in paths if verdicts[path] in known]


def _world(path: NetworkPath, owner: Mapping[str, int]) -> int | None:
    """Return the world of both ends; ``None`` if they are not of one."""
    if not (isinstance(path.source, PodSource) and isinstance(path.target, PodTarget)):
        return None
    one, other = owner.get(path.source.ref.namespace), owner.get(path.target.ref.namespace)
    return one if one == other else None


def _suspicions(
    results: Mapping[Expectation, PathResult], step: Step, drafts: Sequence[Draft], owner: Mapping[str, int]
) -> Iterator[Suspicion]:
    seen: set[tuple[int, Outcome]] = set()
    for expectation, result in results.items():
        index = _world(expectation.path, owner)
        if result.judgement not in _WRONG or index is None or (index, result.outcome) in seen:
            continue
        seen.add((index, result.outcome))
        yield Suspicion(index, _until(drafts[index], step, expectation), result.outcome)


def _until(draft: Draft, step: Step, expectation: Expectation) -> Draft:
    """Return a world up to a step, with a path as its question."""
    names = [each["name"] for each in draft.tree["steps"]]
    tree = {**draft.tree, "steps": draft.tree["steps"][: names.index(step.name) + 1]}
    return Draft(tree, expectation.path.text, expectation.expected.value)
