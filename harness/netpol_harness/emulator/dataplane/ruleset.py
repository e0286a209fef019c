"""From a snapshot of the cluster to the whole content of its nftables table.

Invariant: the result depends on the snapshot alone, never on the rules that are installed, and equal snapshots give
equal rulesets. It reads the API specification independently: it shares parsed objects with the oracle, and no line of
evaluation. Pure.
"""

from collections.abc import Set

from netpol_harness.emulator.dataplane.policies import policy_rules
from netpol_harness.emulator.dataplane.rules import Ruleset
from netpol_harness.emulator.dataplane.services import service_rules
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import World


def ruleset(world: World, *, unready: Set[NamespacedName] = frozenset(), node: str = "") -> Ruleset:
    """Return the whole content of the table of a node, or of the only node if ``node`` is empty.

    ``unready`` pods get no traffic of Services.
    """
    return policy_rules(world, node) | service_rules(world, unready, node)
