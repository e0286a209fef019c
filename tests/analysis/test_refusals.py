from collections.abc import Callable

import pytest

from netpol_harness.analysis.refusals import RuleView
from netpol_harness.analysis.world import world_of
from netpol_harness.model.names import Direction, NamespacedName, Port, Protocol
from netpol_harness.oracle.verdict import End, Flow, Outside
from netpol_harness.scenario.scenario import Scenario

Shop = Callable[..., Scenario]
DB, WEB = NamespacedName("back", "db"), NamespacedName("shop", "web")


def why(scenario: Scenario, source: End, port: Port) -> list[str]:
    """Why the rules of the policies in force do not admit a connection to the database, nearest miss first."""
    world = world_of(scenario.steps[-1], scenario)
    spell = {DB: "db", WEB: "web"}
    sight = RuleView(Flow(source, DB, port), Direction.INGRESS, world, lambda end: spell.get(end, "stranger"))  # type: ignore[arg-type]
    return [miss.words for miss in sight.misses(list(world.policies))]


@pytest.mark.parametrize(
    ("rule", "source", "said"),
    [
        ("{from: [{podSelector: {}}]}", WEB, "web is in namespace shop"),
        ("{from: [{namespaceSelector: {matchLabels: {team: back}}}]}", WEB, "namespace shop has team=shop"),
        ("{from: [{namespaceSelector: {matchLabels: {name: shop}}}]}", WEB, "namespace shop has no label name"),
        ("{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: x}}}]}", WEB, "web has app=web"),
        ("{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}", Outside("192.0.2.1"), "stranger is not in 10.0.0.0/8"),
        ("{from: [{namespaceSelector: {}}]}", Outside(), "stranger is no pod"),
        ("{ports: [{port: 80}]}", WEB, "the connection is to 5432/TCP"),
        ("{ports: [{port: 5432, protocol: UDP}]}", WEB, "the connection is to 5432/TCP"),
        ("{ports: [{port: sql}]}", WEB, "the connection is to 5432/TCP and db has no TCP port called sql"),
        (
            "{from: [{podSelector: {}}], ports: [{port: 80}]}",
            WEB,
            "web is in namespace shop and the connection is to 5432/TCP",
        ),
    ],
)
def test_what_does_not_fit_is_said(shop: Shop, rule: str, source: End, said: str) -> None:
    scenario = shop(f"back/db {{podSelector: {{}}, ingress: [{rule}]}}")
    assert why(scenario, source, Port(Protocol.TCP, 5432)) == [said]


def test_the_nearest_miss_comes_first(shop: Shop) -> None:
    far, near = (
        "{from: [{podSelector: {}}], ports: [{port: 1}]}",
        "{from: [{namespaceSelector: {}}], ports: [{port: 1, endPort: 9}]}",
    )
    scenario = shop(f"back/db {{podSelector: {{}}, ingress: [{far}, {near}]}}")
    assert [words.count(" and ") for words in why(scenario, WEB, Port(Protocol.TCP, 5432))] == [0, 1]
