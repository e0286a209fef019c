"""Law: the reasons why rules of ClusterNetworkPolicies do not match a flow are true and complete.

They are compared with ``cluster_reading``, by the dictionaries that a user would write.
"""

from collections.abc import Mapping
from itertools import product

from hypothesis import given

from netpol_harness.model.names import Direction
from netpol_harness.oracle.cluster_refusals import ClusterRefusal
from netpol_harness.oracle.judge import Oracle
from tests.laws.cluster_policies import DOMAIN_NAMES, tiered_complete
from tests.laws.cluster_reading import TieredReading
from tests.laws.dense_clusters import from_seed
from tests.laws.reading import Dict
from tests.laws.small_clusters import Cluster
from tests.laws.test_cluster_reading import Case, cases, decisions, flow_of, profile, several, world_of


class MatchReading(TieredReading):
    """Whether the parts of a rule match."""

    def mismatching(self, policy: Dict, rule: Dict, case: Case, direction: Direction) -> tuple[bool, bool, bool]:
        """Return whether the subject, the peers and the protocols exclude a flow."""
        source, target, protocol, port, virtual, self._looked_up = case
        flow, kind = (target, protocol, port, virtual), direction.value
        subject, peer = (source, target) if direction is Direction.EGRESS else (target, source)
        peers = rule["to" if direction is Direction.EGRESS else "from"]
        ports = rule.get("protocols")
        return (
            not self._covers(policy["spec"]["subject"], self._pods[subject]),
            not any(self._is_cluster_peer(entry, peer, kind, flow) for entry in peers),
            ports is not None and not any(self._is_cluster_port(entry, flow) for entry in ports),
        )

    def fails(self, rule: Dict, direction: Direction) -> bool:
        """Whether a rule has parts that nobody knows, or domainNames where none are meant."""
        peers = rule["to" if direction is Direction.EGRESS else "from"]
        fields = [next(iter(entry), "") for entry in peers]
        return self._must_fail_closed(direction.value, fields, rule.get("protocols"))


@several
@given(objects=from_seed(tiered_complete), decided=decisions, asked=cases)
def test_the_reasons_are_true_and_complete(objects: Cluster, decided: Mapping[str, bool], asked: list[Case]) -> None:
    oracle = Oracle(world_of(objects), profile(decided))
    reading = MatchReading(objects, decided, DOMAIN_NAMES)
    policies = [item for item in objects if item["kind"] == "ClusterNetworkPolicy"]
    for case, direction in product(asked, Direction):
        found = {(each.policy, each.rule): each for each in oracle.cluster_refusals(flow_of(case), direction)}
        if isinstance(case[0] if direction is Direction.EGRESS else case[1], str):
            assert not found
            continue
        for policy in policies:
            for index, rule in enumerate(policy["spec"].get(direction.lower()) or ()):
                refusal = found.get((policy["metadata"]["name"], index))
                if reading.fails(rule, direction):
                    assert refusal is None
                else:
                    assert excluded(refusal) == reading.mismatching(policy, rule, case, direction)
                    assert refusal is None or counts(refusal, rule, direction)


def excluded(refusal: ClusterRefusal | None) -> tuple[bool, bool, bool]:
    return (bool(refusal.subject), bool(refusal.peers), bool(refusal.ports)) if refusal else (False, False, False)


def counts(refusal: ClusterRefusal, rule: Dict, direction: Direction) -> bool:
    """Whether each entry of the lists has a reason."""
    peers = rule["to" if direction is Direction.EGRESS else "from"]
    lists = ((refusal.peers, peers), (refusal.ports, rule.get("protocols") or ()))
    return all(len(reasons) in (0, len(entries)) for reasons, entries in lists) and all(refusal.peers)
