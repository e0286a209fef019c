from collections.abc import Callable

import pytest

from netpol_harness.analysis.closeness import UNRELATED, distance
from netpol_harness.analysis.world import world_of
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.verdict import Flow
from netpol_harness.scenario.scenario import Scenario

Shop = Callable[..., Scenario]
FLOW = Flow(NamespacedName("shop", "web"), NamespacedName("back", "db"), Port(Protocol.TCP, 5432))
SERVICE_PORT = frozenset({80})


@pytest.mark.parametrize(
    ("rule", "steps"),
    [
        ("{from: [{namespaceSelector: {}}], ports: [{port: 1}]}", 2),
        ("{from: [{namespaceSelector: {}}], ports: [{port: 80}]}", 1),
        ("{from: [{namespaceSelector: {}}], ports: [{port: sql}]}", 1),
        ("{from: [{namespaceSelector: {}}], ports: [{port: 5432, protocol: UDP}]}", 1),
        ("{from: [{podSelector: {matchLabels: {app: web}}}]}", 2),
        ("{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 80}]}", 3),
        ("{from: [{namespaceSelector: {matchLabels: {name: shop}}}]}", 2),
        ("{from: [{namespaceSelector: {matchLabels: {team: shp}}}], ports: [{port: 5432}]}", 2),
        ("{from: [{podSelector: {}}], ports: [{port: 5432}]}", 4),
        ("{from: [{podSelector: {}}]}", UNRELATED + 4),
        ("{ports: [{port: 80}]}", 3),
        ("{ports: [{port: 1}]}", UNRELATED + 4),
        ("{from: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: 1}]}", 2),
    ],
)
def test_a_rule_that_points_at_the_connection_is_closer(shop: Shop, rule: str, steps: int) -> None:
    scenario = shop(f"back/db {{podSelector: {{}}, ingress: [{rule}]}}")
    world = world_of(scenario.steps[-1], scenario)
    side = Oracle(world).judge(FLOW).ingress
    refusal = next(iter(side.refusals), None)
    assert distance(world.policies[0].ingress[0], refusal, FLOW.port, SERVICE_PORT) == steps
