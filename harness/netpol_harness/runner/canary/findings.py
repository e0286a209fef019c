"""What the canary's results mean: which traffic is intercepted, closed without policies, or not enforced. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from netpol_harness.analysis.broken_part import ControlFinder
from netpol_harness.analysis.impostor import impostor
from netpol_harness.errors import ClusterFailed, NotEnforcing
from netpol_harness.paths.outcome import Outcome
from netpol_harness.results.evidence import Attempt
from netpol_harness.results.table import PathResult
from netpol_harness.runner.canary.traffic import Traffic

EGRESS_SUBJECT = "canary-closed-"
"""How the names of the pods begin that a policy for egress selects."""

_REGARDLESS = "or go on regardless with --no-canary"


class Fault(StrEnum):
    """Why verdicts about some traffic would mean nothing on a cluster.

    INTERCEPTED   something else than the target answers
    NOT_ENFORCED  what a policy closes stays open
    WRONG_EFFECT  what a rule allows is closed, and open without the policies
    BROKEN        the network is closed without the policies
    UNKNOWN       nothing was observed
    """

    INTERCEPTED = "intercepted"
    NOT_ENFORCED = "not enforced"
    WRONG_EFFECT = "wrong effect"
    BROKEN = "broken"
    UNKNOWN = "unknown"

    @property
    def is_about_policies(self) -> bool:
        """Whether no verdict on this cluster would be about its policies."""
        return self in (Fault.INTERCEPTED, Fault.NOT_ENFORCED, Fault.WRONG_EFFECT)


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault, and in one sentence how it showed."""

    fault: Fault
    text: str


def last_attempt(result: PathResult) -> Attempt:
    """Return the attempt that counts: while policies come into force, paths may flap."""
    return result.worst.evidence.attempts[-1]


def before_policies(results: Sequence[PathResult], controls: ControlFinder, namespace: str) -> Finding | None:
    """Return what is wrong where no policy is in force yet: all paths must be open."""
    if finding := _fake(results) or _unknown(results):
        return finding
    closed = [result for result in results if not last_attempt(result).is_open]
    if not closed:
        return None
    amount = "nothing is open" if len(closed) == len(results) else f"{len(closed)} of {len(results)} paths are closed"
    part = controls.of(closed[0])
    where = f"; {part.conclusion}" if part and part.conclusion and len(closed) < len(results) else ""
    text = (
        f"{amount} although the canary has applied no policy yet: {_cannot(closed[0])}{where}; is the cluster's "
        f"network up, and is namespace {namespace} free of other policies?"
    )
    return Finding(Fault.BROKEN, text)


def leaks(results: Iterable[PathResult]) -> Sequence[PathResult]:
    """Return the results of paths that are open and should be closed."""
    return [result for result in results if result.expected.needs_proof and last_attempt(result).is_open]


def under_policies(results: Sequence[PathResult], unowned_answer: str = "") -> Finding | None:
    """Return what is wrong while the policies are in force.

    ``unowned_answer`` says that an address that nobody has answered as well, if it did.
    """
    if finding := _fake(results):
        return finding
    opened = leaks(results)
    if opened and unowned_answer:
        return Finding(Fault.INTERCEPTED, f"{_deviations(opened)}, and {unowned_answer}")
    if opened:
        return Finding(Fault.NOT_ENFORCED, f"{_direction(opened)} no effect: {_deviations(opened)}")
    if finding := _unknown(results):
        return finding
    closed = [result for result in results if not _is_as_expected(result)]
    if closed:
        return Finding(Fault.WRONG_EFFECT, f"policies close what a rule allows: {_deviations(closed)}")
    return None


def after_policies(results: Sequence[PathResult]) -> Finding | None:
    """Return what is wrong once the policies are gone again: what they closed must open."""
    if finding := _fake(results) or _unknown(results):
        return finding
    closed = [result for result in results if not last_attempt(result).is_open]
    if not closed:
        return None
    text = f"what was open before the canary's policies stays closed after they are gone: {_cannot(closed[0])}"
    return Finding(Fault.BROKEN, f"{text}; is the cluster's network up?")


def error_of(findings: Mapping[Traffic, Finding], dataplane: str) -> ClusterFailed:
    """Return the error of a canary that has found a fault in all traffic that it was to examine."""
    faults = {finding.fault for finding in findings.values()}
    kind = NotEnforcing if all(fault.is_about_policies for fault in faults) else ClusterFailed
    details = "; ".join(_listed(findings))
    on_cluster = f"on this cluster ({dataplane})"
    match min(faults, key=list(Fault).index):
        case Fault.INTERCEPTED:
            advice = f"take the proxy or the sidecars out of the way, {_REGARDLESS}"
            return kind(f"connections are intercepted {on_cluster}: {details}. {_MEANINGLESS}; {advice}")
        case Fault.NOT_ENFORCED:
            advice = f"install a CNI that enforces NetworkPolicy (flannel alone does not), {_REGARDLESS}"
            return kind(f"policies are not enforced {on_cluster}: {details}. {_MEANINGLESS}; {advice}")
        case Fault.WRONG_EFFECT:
            return kind(
                f"policies have the wrong effect {on_cluster}: {details}; see what else is in the way, {_REGARDLESS}"
            )
        case Fault.BROKEN:
            return kind(f"the network is broken {on_cluster}: {details} (--no-canary goes on regardless)")
        case Fault.UNKNOWN:
            return kind(
                f"the canary could not find out whether policies have effect: {details}; is the cluster healthy?"
            )


_MEANINGLESS = "Every verdict would be about a network without policies, so the run stops"


def problem(traffic: Traffic, finding: Finding) -> str:
    """Return why verdicts about this traffic count for nothing, on a cluster that enforces other traffic."""
    return f"no verdict about {traffic} means anything on this cluster: {finding.text}"


def _listed(findings: Mapping[Traffic, Finding]) -> list[str]:
    """Return each finding, with its traffic if that is not plain TCP alone."""
    if len(findings) == 1:
        (finding,) = findings.values()
        return [finding.text]
    return [f"{traffic}: {finding.text}" for traffic, finding in sorted(findings.items())]


def _fake(results: Iterable[PathResult]) -> Finding | None:
    for result in results:
        last = last_attempt(result)
        if last.is_open and not last.is_genuine:
            return Finding(Fault.INTERCEPTED, f"{result}: {impostor(last)}")
    return None


def _unknown(results: Iterable[PathResult]) -> Finding | None:
    """Return the finding that paths were not observed, or denials not proven by a listener that is alive."""
    wrong = [r for r in results if last_attempt(r).reply.outcome is Outcome.PROBE_FAILED or _is_unproven(r)]
    if not wrong:
        return None
    detail = last_attempt(wrong[0]).reply.detail
    return Finding(Fault.UNKNOWN, _deviations(wrong) + (f" ({detail})" if detail else ""))


def _is_unproven(result: PathResult) -> bool:
    last = last_attempt(result)
    return result.expected.needs_proof and result.expected.admits(last.reply.outcome) and not last.proven


def _is_as_expected(result: PathResult) -> bool:
    return result.expected.admits(last_attempt(result).reply.outcome)


def _deviations(results: Iterable[PathResult]) -> str:
    return ", ".join(
        f"{result} should be {result.expected} and is {last_attempt(result).reply.outcome}" for result in results
    )


def _cannot(result: PathResult) -> str:
    reply = last_attempt(result).reply
    return f"{result.source} cannot connect to {result.target} ({reply.outcome} {reply.detail})"


def _direction(opened: Sequence[PathResult]) -> str:
    """Return the policies that have no effect, with the verb: all, or those of one direction."""
    egress = [result.source.startswith(EGRESS_SUBJECT) for result in opened]
    return "egress policies have" if all(egress) else "policies have" if any(egress) else "ingress policies have"
