"""The three observations of a canary: before its policies, under them, and after they are gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from netpol_harness.analysis.broken_part import ControlFinder
from netpol_harness.deadline import Deadline
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.ends import PodSource
from netpol_harness.paths.outcome import Outcome
from netpol_harness.paths.path import Expectation, Scheme
from netpol_harness.probe.converge import Convergence
from netpol_harness.probe.plan.question import Probe, Question
from netpol_harness.probe.rounds import is_satisfied
from netpol_harness.results.evidence import Evidence
from netpol_harness.results.proof import Proof
from netpol_harness.results.table import PathResult
from netpol_harness.runner.canary import findings
from netpol_harness.runner.canary.aspect import Aspect
from netpol_harness.runner.canary.findings import Fault, Finding
from netpol_harness.runner.canary.variant import PORTS, variant
from netpol_harness.runner.run import ScenarioRun

NAMESPACE = "default"
"""The namespace of all objects of the canary, as the scenario's files call it."""

UNOWNED = {4: "192.0.2.99", 6: "2001:db8:ffff::99"}
"""By IP version, an address of the documentation's ranges (RFC 5737, RFC 3849) that no host of a scenario has."""

_PATIENCE = 8  # times the settle time, for probes that fail on a slow machine


@dataclass(slots=True)
class Examination:
    """The three observations of one run of the canary, and what they have found so far, by aspect.

    ``observed`` holds the results of each aspect, one sequence for each observation that was made.
    """

    run: ScenarioRun
    found: dict[Aspect, Finding] = field(default_factory=dict)
    observed: dict[Aspect, list[Sequence[PathResult]]] = field(default_factory=dict)

    def of(self, aspects: Sequence[Aspect]) -> Mapping[Aspect, Finding]:
        """Return the faults of these aspects."""
        opened = {t: list(map(_as_counterfactual, found)) for t, found in self._observe("open", aspects).items()}
        controls = ControlFinder([result for several in opened.values() for result in several], self._endpoints)
        namespace = self.run.placement.real(NAMESPACE)
        for each, results in opened.items():
            self._note(each, findings.before_policies(results, controls, namespace))
        enforced = self._observe("enforced", [each for each in opened if each not in self.found])
        for each, closed in enforced.items():
            self._note(each, findings.under_policies(closed, self._unowned_answer(each, closed)))
        doubtful = (None, Fault.WRONG_EFFECT)
        again = [each for each in enforced if (self.found[each].fault if each in self.found else None) in doubtful]
        for each, reopened in self._observe("open", again).items():
            self._note(each, findings.after_policies(reopened))
        return self.found

    def _note(self, aspect: Aspect, finding: Finding | None) -> None:
        if finding is not None:
            self.found[aspect] = finding

    def _observe(self, name: str, aspects: Sequence[Aspect]) -> Mapping[Aspect, Sequence[PathResult]]:
        """Enter a step and return its results; probe again while probes fail, since the machine may be too slow."""
        if not aspects:
            return {}
        self.run.enter(name)
        expectations = {each: self._expectations(each) for each in aspects}
        patience = Deadline(_PATIENCE * self.run.context.timeouts.settle)
        while True:
            observed = self._results([expectation for several in expectations.values() for expectation in several])
            if patience.passed or not any(r.outcome is Outcome.PROBE_FAILED for r in observed.values()):
                results = {each: [observed[e] for e in several] for each, several in expectations.items() if several}
                for each, several in results.items():
                    self.observed.setdefault(each, []).append(several)
                return results

    def _results(self, expectations: Sequence[Expectation]) -> Mapping[Expectation, PathResult]:
        step = self.run.current_step
        return self.run.observer.observe(step, expectations, others=False, strategy=_Brief).path_results

    def _expectations(self, aspect: Aspect) -> Sequence[Expectation]:
        """Return the expectations of the present step for an aspect; none if the pods have no such address."""
        snapshot = self.run.snapshot()
        expectations = [e for e in self.run.current_step.expectations if aspect.includes(e.path)]
        variants = (variant(e, aspect.traffic, lambda ref: snapshot.pods_of(ref)[0].addresses) for e in expectations)
        return tuple(expectation for expectation in variants if expectation is not None)

    @property
    def _endpoints(self) -> EndpointResolver:
        return EndpointResolver(self.run.current_step.inventory.world())

    def _unowned_answer(self, aspect: Aspect, results: Sequence[PathResult]) -> str:
        """Say that the source of an open path is connected to an address that nobody has; empty if none is."""
        paths = [result.expectation.path for result in findings.leaks(results)]
        snapshot = self.run.snapshot()
        pods = [pod for p in paths if isinstance(p.source, PodSource) for pod in snapshot.pods_of(p.source.ref)]
        protocol = aspect.traffic.protocol
        scheme, number = Scheme(protocol.lower()), PORTS[protocol]
        asked = {pod.ref: [Probe(scheme, UNOWNED[ip_address(pod.addresses[0]).version], number)] for pod in pods}
        replies = self.run.context.prober.observe(asked)
        connected = [pair for pair, reply in replies.items() if reply.outcome is Outcome.CONNECTED]
        return next((f"{pod.name} is connected to {p.host} as well, which nobody has" for pod, p in connected), "")


def _as_counterfactual(result: PathResult) -> PathResult:
    """Return the result as one without policies, which shows what the network itself does."""
    pairs = tuple(
        replace(pair, evidence=replace(pair.evidence, proof=Proof.BASELINE, counterfactual=pair.evidence.attempts[-1]))
        for pair in result.pairs
    )
    return PathResult(result.expectation, pairs)


class _Brief(Convergence):
    """Probes everything once, with controls, and again only if that is not as expected: the whole run waits for it."""

    def settle(self) -> None:
        """Probe once with controls, and go on as usual if that is not as expected."""
        self._settle(self._run(tuple(self._attempts), controlled=True))

    def confirm(self) -> Mapping[Question, Evidence]:
        """Probe again unless the first round was as expected."""
        first = ((q, found.attempts[0]) for q, found in self.evidence.items() if len(found.attempts) == 1)
        good = [is_satisfied(q, attempt) and (attempt.is_genuine or not attempt.is_open) for q, attempt in first]
        return self.evidence if all(good) and len(good) == len(self._attempts) else super().confirm()
