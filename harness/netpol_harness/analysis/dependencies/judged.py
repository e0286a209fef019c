"""What the policies mean for the declared dependencies. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from netpol_harness.analysis.dependencies.declared import OUTSIDE, Dependencies, Dependency
from netpol_harness.analysis.predict import Predictor
from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.paths.expectations import resolve
from netpol_harness.paths.grammar import parse
from netpol_harness.paths.names import Names
from netpol_harness.paths.outcome import Expected
from netpol_harness.scenario.scenario import Scenario

_BREAKS = (Expected.BLOCKED, Expected.DROPPED, Expected.REJECTED, Expected.UNRESOLVED)
_CONTROLLER = re.compile(r"ingress|gateway|nginx|traefik|haproxy|contour|envoy|istio|kong|router", re.IGNORECASE)
"""Names and labels of the pods that serve an Ingress or a route."""


@dataclass(frozen=True, slots=True)
class JudgedDependency:
    """A declared path, and the verdict that the policies imply."""

    dependency: Dependency
    verdict: Expected

    @property
    def is_broken(self) -> bool:
        """Whether the policies do not let it through."""
        return self.verdict in _BREAKS

    @property
    def is_open(self) -> bool:
        """Whether the policies and the API leave it open."""
        return self.verdict is Expected.UNDEFINED


@dataclass(frozen=True, slots=True)
class JudgedDependencies:
    """The paths that a scenario may hold with their verdicts, and what was found but cannot be judged."""

    paths: tuple[JudgedDependency, ...]
    notes: tuple[str, ...]


def judged(scenario: Scenario, declared: Dependencies) -> JudgedDependencies:
    """Judge the dependencies of a scenario that has one step, which is derived."""
    (derived,) = scenario.steps
    step = replace(derived, inventory=declared.inventory, paths_without_verdict=(), expectations=())
    predictor = Predictor(scenario, step)
    paths, notes = list[JudgedDependency](), [*declared.notes]
    for dependency in declared.paths:
        verdict = _verdict(predictor, dependency.path)
        client = _controller(predictor, dependency.path) if verdict in _BREAKS else ""
        if client:
            about = f"the policies admit pods such as {client}, which are not in these manifests"
            notes.append(f"{dependency.where}: {dependency.path} ({dependency.why}); {about}")
        elif verdict:
            paths.append(JudgedDependency(dependency, verdict))
        else:
            notes.append(f"{dependency.where}: {dependency.path} cannot be probed")
    return JudgedDependencies(tuple(paths), tuple(notes))


def _verdict(predictor: Predictor, text: str) -> Expected | None:
    """Return the verdict on a path; if it stands for several, the worst. ``None`` if it is not a path here."""
    sentence = parse(text, Expected.ALLOWED, Place("", 1))
    if isinstance(sentence, Problem):
        return None
    expectations, problems = resolve([sentence], predictor.step.inventory)
    if problems or not expectations:
        return None
    verdicts: Sequence[Expected] = [predictor.verdict(expectation.path) for expectation in expectations]
    return next((verdict for verdict in verdicts if verdict in _BREAKS), max(verdicts))


def _controller(predictor: Predictor, text: str) -> str:
    """Return a pod that stands for an absent controller, and reaches the target of a path from outside; else ''."""
    source, arrow, target = text.partition(" -> ")
    if source != OUTSIDE or not arrow:
        return ""
    candidates = (name for name in _strangers(predictor) if _CONTROLLER.search(name))
    return next((n for n in candidates if _verdict(predictor, f"{n} -> {target}") is Expected.ALLOWED), "")


def _strangers(predictor: Predictor) -> Iterator[str]:
    names = Names(predictor.step.inventory)
    for ref, workload in predictor.step.inventory.workloads.items():
        if workload.is_stranger:
            yield names.spell_source(ref)
