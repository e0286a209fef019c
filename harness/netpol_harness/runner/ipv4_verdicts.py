"""Which written verdicts hold with IPv4 only: those that blocks of IPv4 addresses decide. Pure.

A block means addresses of one family (networking.k8s.io/v1 IPBlock). So a cluster without IPv4 does what the policies
say, and not what the author of such a verdict expects.
"""

from collections.abc import Iterator
from dataclasses import replace

from netpol_harness.analysis.predict import Predictor
from netpol_harness.model.names import Direction
from netpol_harness.model.policy import IPBlock, NetworkPolicy, Rule
from netpol_harness.paths.path import Path
from netpol_harness.scenario.scenario import Others, Scenario, Step


class Ipv4Verdicts:
    """Tells which verdicts of one step need IPv4."""

    def __init__(self, scenario: Scenario, step: Step) -> None:
        derived = {inquiry.path for inquiry in step.paths_without_verdict}
        self._written = {expectation.path for expectation in step.expectations} - derived
        self._writes_all = step.others in (Others.ALLOWED, Others.BLOCKED)
        self._with_blocks = Predictor(scenario, step)
        policies = self._with_blocks.world.policies
        without = tuple(map(_without_blocks, policies))
        self._without_blocks = None if without == policies else self._with_blocks.with_policies(without)

    def needs_ipv4(self, path: Path) -> bool:
        """Return whether the verdict on a path is written, and would be another one if IPv4 blocks meant nobody.

        A verdict that the oracle derives is never meant: it follows the addresses of the cluster.
        """
        if self._without_blocks is None or not (self._writes_all or path in self._written):
            return False
        return self._with_blocks.verdict(path) is not self._without_blocks.verdict(path)


def _without_blocks(policy: NetworkPolicy) -> NetworkPolicy:
    rules = {direction: tuple(_kept(policy.rules(direction))) for direction in Direction}
    return replace(policy, ingress=rules[Direction.INGRESS], egress=rules[Direction.EGRESS])


def _kept(rules: tuple[Rule, ...]) -> Iterator[Rule]:
    """Yield the rules without peers that are IPv4 blocks. A rule with no other peer admits nobody."""
    for rule in rules:
        peers = rule.peers and tuple(peer for peer in rule.peers if not _is_ipv4(peer))
        if peers or not rule.peers:
            yield replace(rule, peers=peers)


def _is_ipv4(peer: object) -> bool:
    return isinstance(peer, IPBlock) and peer.cidr.version == 4
