"""A namespace is deleted and created again with the same name and labels, which no step of a scenario can say."""

from netpol_harness import PathProbe, ScenarioRun

ROUNDS = 2


def test_a_recreated_namespace_is_admitted(scenario: ScenarioRun, probe: PathProbe) -> None:
    scenario.enter("admitted")
    for _ in range(ROUNDS):
        scenario.recreate_namespace("y")
        assert probe("y/client -> server:80").allowed
        assert probe("z/client -> server:80").blocked
