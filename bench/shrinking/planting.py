"""Worlds of 50 pods and 30 policies in which a mutant shows: random, or shipped scenarios among random objects."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from netpol_harness.analysis.predict import Predictor
from netpol_harness.emulator.faults import MUTANTS
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.objects import World
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Path as NetworkPath
from netpol_harness.reproduce.fuzz.worlds import Size, world
from netpol_harness.reproduce.shrink.draft import Draft
from netpol_harness.reproduce.shrink.files import write
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario, closed_world

PODS, POLICIES = 50, 30
_SEEDS = 3
_SHARES = (0.5, 0.25, 0.0)
"""The parts of the random objects that go into the namespaces of a scenario, the most confusing one first."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A random world, read once: its draft, its paths, and the specification's verdicts."""

    seed: int
    draft: Draft
    scenario: Scenario
    predictors: tuple[Predictor, ...]
    paths: tuple[NetworkPath, ...]


def random_world(mutant: str, dice: Random) -> tuple[Draft, int] | None:
    """Return a random world with a path that the mutant decides otherwise by the oracle, and its seed.

    ``None`` if the mutant shows in none of those that are tried, or does not misread the API's objects.
    """
    for number in range(_SEEDS):
        read = _read(number)
        misread = World()
        for predictor in read.predictors:
            misread = MUTANTS[mutant].world(predictor.world, misread)
        last = read.predictors[-1]
        if misread == last.world:
            continue
        right, wrong = last.verdicts(read.paths), last.with_world(misread).verdicts(read.paths)
        differing = [
            p for p in read.paths if right[p] is not wrong[p] and Expected.UNDEFINED not in (right[p], wrong[p])
        ]
        if differing:
            path = dice.choice(differing)
            return replace(read.draft, path=path.text, expected=right[path].value), read.seed
    return None


@cache
def _read(number: int) -> _Read:
    """Return the random world of this number: that of the first seed from there on with all policies in force."""
    seed = 1000 * (number + 1)
    while len((draft := world(seed, Size(4, PODS, POLICIES, 3))).tree["steps"][-1]["policies"]) < POLICIES:
        seed += 1
    pod = next(data["metadata"] for data in draft.tree["workloads"] if data["kind"] == "Pod")
    name = f"{pod['namespace']}/{pod['name']}"
    with TemporaryDirectory() as folder:
        scenario = load(
            write(replace(draft, path=f"{name} -> {name}:80", expected="undefined"), Path(folder), "A world")
        )
    predictors = tuple(Predictor(scenario, step) for step in scenario.steps)
    return _Read(seed, draft, scenario, predictors, tuple(closed_world(scenario.steps[-1])))


def plantings(draft: Draft, dice: Random) -> Iterator[Draft]:
    """Yield the draft of a scenario among random pods and policies, with less and less of them in its namespaces."""
    pods, policies = PODS - draft.pods, POLICIES - draft.policies
    noise = _noise(max(1, pods), max(1, policies), dice)
    own = [data["metadata"]["name"] for data in draft.tree["workloads"] if data["kind"] == "Namespace"] or ["default"]
    for share in _SHARES:
        yield _with_noise(draft, noise, own, share, Random(1))


def _noise(pods: int, policies: int, dice: Random) -> Draft:
    """Return a random world with exactly so many pods and policies, in namespaces of its own."""
    while True:
        drawn = world(dice.randrange(10**6), Size(3, pods, policies, 1), "noise-")
        if len(drawn.tree["steps"][0]["policies"]) == policies:
            return drawn


def _with_noise(draft: Draft, noise: Draft, own: Sequence[str], share: float, dice: Random) -> Draft:
    workloads = [*map(deepcopy, draft.tree["workloads"])]
    for data in noise.tree["workloads"]:
        workloads.append(_moved(data, own, dice) if data["kind"] == "Pod" and dice.random() < share else data)
    policies = dict(draft.tree["policies"])
    for identifier, data in noise.tree["policies"].items():
        moved = _moved(data, own, dice) if dice.random() < share else data
        policies[identifier] = moved if moved is data or _keeps_verdict(draft, moved) else data
    steps = [{**step, "policies": [*step.get("policies", ()), *noise.tree["policies"]]} for step in draft.tree["steps"]]
    return Draft(
        {**draft.tree, "workloads": workloads, "policies": policies, "steps": steps}, draft.path, draft.expected
    )


def _moved(data: JsonObject, own: Sequence[str], dice: Random) -> JsonObject:
    metadata = {**data["metadata"], "namespace": dice.choice(own), "name": f"noise-{data['metadata']['name']}"}
    return {**data, "metadata": metadata}


def _keeps_verdict(draft: Draft, policy: JsonObject) -> bool:
    """Return whether the specification gives the path the same verdict with one policy more, in each step."""
    policies = {**draft.tree["policies"], "noise": policy}
    steps = [{**step, "policies": [*step.get("policies", ()), "noise"]} for step in draft.tree["steps"]]
    changed = Draft({**draft.tree, "policies": policies, "steps": steps}, draft.path, draft.expected)
    return _verdicts(draft) == _verdicts(changed)


def _verdicts(draft: Draft) -> Sequence[Expected]:
    with TemporaryDirectory() as folder:
        scenario = load(write(draft, Path(folder), "A planted scenario"))
    path = scenario.steps[-1].expectations[0].path
    return [Predictor(scenario, step).verdict(path) for step in scenario.steps]
