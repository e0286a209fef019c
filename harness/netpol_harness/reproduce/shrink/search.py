"""The search for the smallest draft that is still wrong: a guess by the specification, then delta debugging."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from netpol_harness.model.labels import Labels
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.paths.ends import PodSource, PodTarget
from netpol_harness.paths.path import Path
from netpol_harness.reproduce.shrink.draft import Draft, Place
from netpol_harness.reproduce.shrink.minimize import removable
from netpol_harness.reproduce.shrink.parts import STAGES, Unit
from netpol_harness.reproduce.shrink.rewrites import rewrites
from netpol_harness.reproduce.shrink.trial import Observation, Trials
from netpol_harness.scenario.scenario import Scenario

Report = Callable[[str, Draft], None]
"""Called with what is being removed, and the smallest draft so far."""

_MOST_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The smallest draft, what its last trial has shown, and the number of trials."""

    draft: Draft
    observation: Observation
    trials: int


class Search:
    """Shrinks one draft. ``first`` is what the draft showed at the start."""

    def __init__(self, trials: Trials, first: Observation, report: Report) -> None:
        self._trials = trials
        self._first = first
        self._report = report
        self._known: dict[str, bool] = {}
        self.smallest: Draft | None = None

    def shrink(self, draft: Draft) -> Draft:
        """Return a draft of which no single part can be removed."""
        self.smallest = draft = self._rewritten(self._without_irrelevant(draft))
        for _ in range(_MOST_ROUNDS):
            before = draft
            for stage in STAGES:
                self._report(stage.__name__, draft)
                self.smallest = draft = self._minimize(draft, list(stage(draft)))
            if draft == before:
                break
        return draft

    def _rewritten(self, draft: Draft) -> Draft:
        """Return the draft in a form that kubectl alone can follow, if it is wrong then."""
        self._report("controllers and the namespace default", draft)
        candidates = list(rewrites(draft))
        wrong = self._wrong(candidates)
        return next((each for each, is_wrong in zip(candidates, wrong, strict=True) if is_wrong), draft)

    def _minimize(self, draft: Draft, units: Sequence[Unit]) -> Draft:
        def candidate(removed: frozenset[int]) -> Draft:
            return draft.without(place for index in removed for place in units[index])

        def holds(candidates: Sequence[frozenset[int]]) -> Sequence[bool]:
            return self._wrong([candidate(removed) for removed in candidates])

        return candidate(removable(len(units), holds, width=self._trials.width))

    def _wrong(self, drafts: Sequence[Draft]) -> Sequence[bool]:
        """Run the drafts that are not known yet."""
        keys = [json.dumps([draft.path, draft.tree], sort_keys=True) for draft in drafts]
        new = {key: draft for key, draft in zip(keys, drafts, strict=True) if key not in self._known}
        self._known |= zip(new, self._trials.wrong(list(new.values()), self._first), strict=True)
        return [self._known[key] for key in keys]

    def _without_irrelevant(self, draft: Draft) -> Draft:
        """Return the draft without all that the specification does not ask for the path, if it is wrong then."""
        scenario = self._first.scenario
        if scenario is None:
            return draft
        self._report("all that the specification finds irrelevant", draft)
        objects = list(_irrelevant_workloads(draft, scenario))
        policies = list(_irrelevant_policies(draft, scenario))
        candidates = [draft.without(places) for places in ([*objects, *policies], objects, policies)]
        wrong = self._wrong(candidates)
        return next((each for each, is_wrong in zip(candidates, wrong, strict=True) if is_wrong), draft)


def _irrelevant_workloads(draft: Draft, scenario: Scenario) -> Iterator[Place]:
    """Yield the workloads that are no end of the path, and the namespaces without ends."""
    ends = _ends(scenario)
    if ends is None:
        return
    namespaces = {ref.partition("/")[0] for ref in ends}
    for index, data in enumerate(draft.tree["workloads"]):
        name, namespace = data["metadata"]["name"], data["metadata"].get("namespace") or "default"
        kept = name in namespaces if data["kind"] == "Namespace" else f"{namespace}/{name}" in ends
        if not kept:
            yield ("workloads", index)


def _irrelevant_policies(draft: Draft, scenario: Scenario) -> Iterator[Place]:
    """Yield the NetworkPolicies that select no end of the path."""
    ends = _ends(scenario)
    for identifier, data in draft.tree["policies"].items() if ends else ():
        if data["kind"] != "NetworkPolicy" or not data["apiVersion"].startswith("networking.k8s.io/"):
            continue
        policy = NetworkPolicy.parse(data)
        if not any(_selects(policy, ref, labels) for ref, labels in (ends or {}).items()):
            yield ("policies", identifier)


def _ends(scenario: Scenario) -> dict[str, Labels] | None:
    """Return the labels of the pods at both ends by their names; ``None`` if an end is not a pod."""
    path: Path = scenario.steps[-1].expectations[0].path
    if not (isinstance(path.source, PodSource) and isinstance(path.target, PodTarget)):
        return None
    known = scenario.steps[-1].inventory.workloads
    return {str(end.ref): known[end.ref].labels for end in (path.source, path.target)}


def _selects(policy: NetworkPolicy, ref: str, labels: Labels) -> bool:
    return policy.ref.namespace == ref.partition("/")[0] and policy.subject.matches(labels)
