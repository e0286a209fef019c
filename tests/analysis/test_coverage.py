from collections.abc import Callable
from pathlib import Path

import pytest

from netpol_harness.analysis.coverage import Gap, coverage
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

Shop = Callable[..., Scenario]
TWO_PEERS = (
    "back/db {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: shop}},"
    " podSelector: {matchLabels: {app: web}}}, {podSelector: {matchLabels: {app: api}}}], ports: [{port: 5432}]}]}"
)


def closable(scenario: Scenario) -> list[Gap]:
    return [gap for gap in coverage(scenario).gaps if gap.line]


def test_a_part_that_is_not_covered_has_a_line_that_would_cover_it(shop: Shop) -> None:
    gaps = {gap.part: str(gap.line) for gap in closable(shop(TWO_PEERS, paths="web -> db:5432: allowed"))}
    assert gaps == {
        "policy db": "idle -> store:5432: blocked",
        "podSelector of db": "web -> api:5000: allowed",
        "'from' of ingress rule 1 of db": "idle -> store:5432: blocked",
        "pods app=api of namespace back in ingress rule 1 of db": "api -> store:5432: allowed",
        "podSelector in ingress rule 1 of db": "idle -> store:5432: blocked",
    }


@pytest.mark.parametrize("others", ["blocked", "oracle"])
def test_a_closed_world_covers_every_part_that_paths_can_cover(shop: Shop, others: str) -> None:
    paths = "web -> db:5432: allowed, api -> db:5432: allowed, any -> any:8080: allowed, any -> any:5000: allowed,"
    scenario = shop(TWO_PEERS, paths=f"{paths} any -> any:9000: allowed", extra=f"    others: {others}")
    assert closable(scenario) == []


def test_the_suggested_lines_close_all_gaps(shop: Shop, tmp_path: Path) -> None:
    scenario = shop(TWO_PEERS, "shop/out {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 5432}]}]}")
    lines = {str(gap.line) for gap in closable(scenario) if gap.line}
    assert lines
    proposed = f"{{{', '.join(_quoted(lines))}}}"
    text = scenario.file.read_text().replace("{web -> store:5432: undefined}", proposed)
    scenario.file.write_text(text)
    assert closable(load(scenario.file)) == []


def _quoted(lines: set[str]) -> list[str]:
    return [f"'{path}': {verdict}" for path, _, verdict in (line.rpartition(": ") for line in sorted(lines))]


def test_a_rule_that_no_path_can_test_has_no_line(shop: Shop) -> None:
    every = "back/all {podSelector: {}, ingress: [{}, {ports: [{port: 5432}]}]}"
    gaps = {gap.part: gap.line for gap in coverage(shop(every, paths="web -> db:5432: allowed")).gaps}
    assert gaps["ingress rule 2 of all"] is None


def test_the_tutorial_covers_every_part_that_its_workloads_can_test(three_tier: Scenario) -> None:
    assert coverage(three_tier).tried > 30
    assert closable(three_tier) == []


def test_an_expectation_that_already_contradicts_the_oracle_covers_nothing(shop: Shop) -> None:
    scenario = shop("back/none {podSelector: {}}", paths="web -> db:5432: allowed")
    assert [gap.part for gap in closable(scenario)] == ["policy none"]
