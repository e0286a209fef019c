"""Which part of the network is broken if a path stays closed without the policies. Pure.

Other paths of the same step are the controls: each shares some parts with the closed path and not others. A path is
open if it was seen open, in the step or without the policies (lifted, or not applied yet), and closed if it was closed
without them too. All others say nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from netpol_harness.analysis.explain import ExplanationLine
from netpol_harness.model.names import NamespacedName, Port
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.ends import ClusterIPTarget, FqdnTarget, LoadBalancerTarget, PodTarget, ServiceTarget
from netpol_harness.paths.outcome import Outcome
from netpol_harness.paths.path import Path, ProbeMode
from netpol_harness.results.evidence import Evidence
from netpol_harness.results.proof import Proof
from netpol_harness.results.table import PathResult

PodPort = tuple[NamespacedName | str, Port]
"""A pod or an external host, and the port at which a connection arrives there."""

_NAMES = (ServiceTarget, FqdnTarget)
_SERVICES = (*_NAMES, ClusterIPTarget, LoadBalancerTarget)


@dataclass(frozen=True, slots=True)
class Count:
    """How many paths of a kind are open, and how many are closed."""

    opened: int = 0
    closed: int = 0

    def __str__(self) -> str:
        parts = [f"{self.opened} open"] * bool(self.opened) + [f"{self.closed} closed"] * bool(self.closed)
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Controls:
    """What the other paths of the step show about a path that stays closed without the policies.

    ``own``: all other paths of the source; ``elsewhere``: those to other pods. ``sources``: other sources to the same
    target. ``ports``: any source to other ports of the target's pods. ``by_pod`` and ``by_address``: the same source to
    the pods and to the ClusterIP of the same Service. ``resolves``: whether names resolve in the source; ``None`` if it
    has looked up none. ``by_name``: whether the path is by name, and ``resolved`` whether its name resolved.
    ``is_refused_by_itself``: whether the target's own pod was refused. ``is_idle``: whether the target is a Service
    behind which nothing is.
    """

    own: Count
    elsewhere: Count
    sources: Count
    ports: Count
    by_pod: Count
    by_address: Count
    resolves: bool | None
    by_name: bool
    resolved: bool
    is_refused_by_itself: bool = False
    is_idle: bool = False

    @property
    def lines(self) -> tuple[ExplanationLine, ...]:
        """The controls and the conclusion, as lines of a message."""
        counts = {
            "other paths of this source": self.own,
            "other sources to this target": self.sources,
            "other ports of this target": self.ports,
            "the Service's pods by address": self.by_pod,
            "the Service by ClusterIP": self.by_address,
        }
        texts = [f"{name}: {count}" for name, count in counts.items() if count != Count()]
        if self.resolves is not None:
            texts.append(f"names {'resolve' if self.resolves else 'do not resolve'} in this source")
        lines = [ExplanationLine("controls", "; ".join(texts) or "none: no other path of this step shares an end")]
        return (*lines, *([ExplanationLine("broken", self.conclusion)] if self.conclusion else []))

    @property
    def conclusion(self) -> str:
        """The part that the controls show to be broken, or those that it may be; empty if they show nothing."""
        if self.is_idle:
            return "the Service has no endpoints, and refuses for that reason; write `rejected` if this is meant"
        if self.is_refused_by_itself:
            return "nothing listens on this port of the target"
        return self._service_or_name or (self._source if self.sources.opened else self._target)

    @property
    def _service_or_name(self) -> str:
        if not (self.by_address.opened or self.by_pod.opened):
            return ""
        if self.by_name and not self.resolved:
            return "the name does not resolve"
        if self.by_address.opened:
            return "the name record is stale or wrong"
        unsure = self.by_name and not self.by_address.closed
        return "the Service does not forward" + (", or its name record is stale" if unsure else "")

    @property
    def _source(self) -> str:
        """What is broken if other sources reach the target."""
        if self.own.opened or self.resolves:
            return "only the way from this source to this target is broken"
        if self.elsewhere.closed or self.resolves is False:
            return "the source is isolated"
        return "the source is isolated, or the way from it to this target is broken"

    @property
    def _target(self) -> str:
        """What is broken if no other source is known to reach the target."""
        if self.ports.opened:
            return "a firewall, of the target or on the way, closes this port or protocol"
        if self.own.opened or self.resolves:
            return "the target's own firewall closes it, or there is no route to the target"
        return "neither this source nor this target has an open path" if self.sources.closed else ""


class ControlFinder:
    """Finds the controls of paths among the results of a step."""

    def __init__(self, path_results: Iterable[PathResult], endpoints: EndpointResolver) -> None:
        self._endpoints = endpoints
        self._seen = [
            (result.expectation.path, is_open, self._pod_ports(result.expectation.path), result)
            for result in path_results
            if result.expectation.path.mode is ProbeMode.NEW
            for is_open in [_is_open(result)]
        ]

    def of(self, path_result: PathResult) -> Controls | None:
        """Return the controls of a result; ``None`` unless its path stays closed without the policies."""
        path = path_result.expectation.path
        if not stays_closed(path_result.worst.evidence) or path.mode is not ProbeMode.NEW:
            return None
        ports = self._pod_ports(path)
        pods = frozenset(pod for pod, _ in ports)

        def own(other: Path) -> bool:
            return other.source == path.source

        related = [
            (other, is_open, theirs)
            for other, is_open, theirs, _ in self._seen
            if other != path and (own(other) or not pods.isdisjoint(pod for pod, _ in theirs))
        ]

        def count(shares: Callable[[Path, frozenset[PodPort]], bool]) -> Count:
            states = [is_open for other, is_open, theirs in related if shares(other, theirs)]
            return Count(states.count(True), states.count(False))

        is_service = isinstance(path.target, _SERVICES)
        by_name = isinstance(path.target, _NAMES)
        return Controls(
            own=count(lambda other, _: own(other)),
            elsewhere=count(lambda other, theirs: own(other) and pods.isdisjoint(pod for pod, _ in theirs)),
            sources=count(lambda other, _: not own(other) and _target(other) == _target(path)),
            ports=count(lambda _, theirs: ports.isdisjoint(theirs) and not pods.isdisjoint(pod for pod, _ in theirs)),
            by_pod=count(
                lambda other, theirs: (
                    own(other) and is_service and isinstance(other.target, PodTarget) and not ports.isdisjoint(theirs)
                )
            ),
            by_address=count(
                lambda other, theirs: (
                    own(other) and by_name and isinstance(other.target, ClusterIPTarget) and theirs == ports
                )
            ),
            resolves=self._resolves(path),
            by_name=by_name,
            resolved=_resolved(path_result.worst.evidence),
            is_refused_by_itself=_is_refused_by_itself(path_result.worst.evidence),
            is_idle=is_service and not ports and path_result.worst.evidence.decisive.reply.outcome is Outcome.REFUSED,
        )

    def _resolves(self, path: Path) -> bool | None:
        """Whether any name resolved in a path's source; ``None`` if it looked up none."""
        found = [
            _resolved(pair.evidence)
            for other, _, _, result in self._seen
            if other.source == path.source and isinstance(other.target, _NAMES)
            for pair in result.pairs
        ]
        return any(found) if found else None

    def _pod_ports(self, path: Path) -> frozenset[PodPort]:
        return frozenset(
            (endpoint.name, endpoint.port) for endpoint in self._endpoints.of_target(path.target, path.port)
        )


def stays_closed(evidence: Evidence) -> bool:
    """Whether a path was probed without the policies, and denied."""
    without = evidence.counterfactual
    if evidence.proof is Proof.LISTENER or without is None:
        return False
    return without.denied and evidence.attempts[-1].denied


def _is_refused_by_itself(evidence: Evidence) -> bool:
    """Whether the target's own pod was refused at the last attempt: no process listens, since no packet was lost."""
    liveness = evidence.attempts[-1].liveness
    return liveness is not None and liveness.outcome is Outcome.REFUSED


def _is_open(path_result: PathResult) -> bool | None:
    """Whether a path is open without policies, for any pair of its pods; ``None`` if that is not known."""
    evidence = [pair.evidence for pair in path_result.pairs]
    if any(e.attempts[-1].is_genuine or _opened(e) for e in evidence):
        return True
    return False if any(map(stays_closed, evidence)) else None


def _opened(evidence: Evidence) -> bool:
    """Whether a path was seen open without the policies."""
    if evidence.proof is Proof.LISTENER:
        return False
    return evidence.counterfactual is not None and evidence.counterfactual.is_genuine


def _resolved(evidence: Evidence) -> bool:
    """Whether a name resolved in any attempt, the one without the policies included."""
    attempts = [*evidence.attempts, *([evidence.counterfactual] if evidence.counterfactual else [])]
    return any(a.reply.outcome not in (Outcome.NAME_FAILED, Outcome.PROBE_FAILED) for a in attempts)


def _target(path: Path) -> object:
    return path.target, path.port
