from collections.abc import Iterable
from dataclasses import astuple
from itertools import chain

from netpol_harness.generate.axes import RuleCase, every_case, every_pair
from netpol_harness.generate.drafts import MAX_STEPS, Draft
from netpol_harness.generate.pairwise import pairs


def test_every_two_values_of_two_axes_are_in_one_step(few: tuple[Draft, ...]) -> None:
    cases = {(case.direction.lower(), case.name): case for case in every_case()}
    chosen = [
        case
        for draft in few
        for step in draft.scenario["steps"]
        if (case := cases.get((draft.name.partition("_")[0], step["name"])))
    ]

    assert met(chosen) == met(cases.values())


def test_the_selection_is_small_enough_for_every_run(few: tuple[Draft, ...]) -> None:
    assert sum(len(draft.scenario["steps"]) for draft in few) <= 80


def test_scenarios_have_unique_names_and_addresses(few: tuple[Draft, ...]) -> None:
    addresses = [host["address"] for draft in few for host in draft.scenario["external"].values()]

    assert len({draft.name for draft in few}) == len(few)
    assert len(set(addresses)) == len(addresses)


def test_every_policy_file_is_used_and_every_used_file_exists(few: tuple[Draft, ...]) -> None:
    for draft in few:
        used = set(chain.from_iterable(step["policies"] for step in draft.scenario["steps"]))

        assert used == {f"policies/{name}.yaml" for name in draft.policies}


def test_the_full_catalogue_has_every_case_once(everything: tuple[Draft, ...]) -> None:
    steps = [(draft.name.partition("_")[0], step["name"]) for draft in everything for step in draft.scenario["steps"]]
    wanted = {
        *((case.direction.lower(), case.name) for case in every_case()),
        *((pair.direction.lower(), pair.name) for pair in every_pair()),
    }

    assert len(steps) == len(wanted)
    assert set(steps) == wanted


def test_no_scenario_of_the_full_catalogue_is_too_long(everything: tuple[Draft, ...]) -> None:
    assert max(len(draft.scenario["steps"]) for draft in everything) <= MAX_STEPS
    assert len({draft.name for draft in everything}) == len(everything)


def met(cases: Iterable[RuleCase]) -> set[object]:
    return {pair for case in cases for pair in pairs(astuple(case))}
