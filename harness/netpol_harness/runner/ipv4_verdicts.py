"""Which written verdicts hold with IPv4 only: those that blocks of IPv4 addresses decide. Pure.

A block means addresses of one family (networking.k8s.io/v1 IPBlock). So a cluster without IPv4 does what the policies
say, and not what the author of such a verdict expects.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from netpol_harness.analysis.predict import Predictor
from netpol_harness.model.policy import IPBlock, Rule
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Path
from netpol_harness.scenario.scenario import Others, Scenario, Step


class Ipv4Verdicts:
    """Tells which verdicts of one step need IPv4."""

    def __init__(self, scenario: Scenario, step: Step) -> None:
        derived = {inquiry.path for inquiry in step.paths_without_verdict}
        self._written = {expectation.path for expectation in step.expectations} - derived
        self._writes_all = step.others in (Others.ALLOWED, Others.BLOCKED)
        self._as_written = Predictor(scenario, step)
        self._without_blocks = self._read(_without_blocks)
        self._with_open_blocks = self._read(_with_open_blocks)

    def needs_ipv4(self, path: Path) -> bool:
        """Return whether the verdict on a path is written, and would be another one if IPv4 blocks meant nobody.

        A verdict that the oracle derives is never meant: it follows the addresses of the cluster. If the oracle leaves
        the verdict open, as it does for the addresses of nodes, blocks that mean nobody are compared with blocks that
        mean everybody.
        """
        if self._without_blocks is None or not (self._writes_all or path in self._written):
            return False
        verdict, without = self._as_written.verdict(path), self._without_blocks.verdict(path)
        if verdict is Expected.UNDEFINED and self._with_open_blocks:
            return without is not self._with_open_blocks.verdict(path)
        return verdict is not without

    def _read(self, reading: Callable[[tuple[Rule, ...]], Iterator[Rule]]) -> Predictor | None:
        """Return the predictor of the step with other rules; ``None`` if they are the same."""
        policies = self._as_written.world.policies
        others = tuple(
            replace(policy, ingress=tuple(reading(policy.ingress)), egress=tuple(reading(policy.egress)))
            for policy in policies
        )
        return None if others == policies else self._as_written.with_policies(others)


def _without_blocks(rules: tuple[Rule, ...]) -> Iterator[Rule]:
    """Yield the rules without peers that are IPv4 blocks. A rule with no other peer admits nobody."""
    for rule in rules:
        peers = rule.peers and tuple(peer for peer in rule.peers if not _is_ipv4(peer))
        if peers or not rule.peers:
            yield replace(rule, peers=peers)


def _with_open_blocks(rules: tuple[Rule, ...]) -> Iterator[Rule]:
    """Yield the rules; one with an IPv4 block admits everybody."""
    for rule in rules:
        yield replace(rule, peers=None) if any(map(_is_ipv4, rule.peers or ())) else rule


def _is_ipv4(peer: object) -> bool:
    return isinstance(peer, IPBlock) and peer.cidr.version == 4
