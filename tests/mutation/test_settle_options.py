from pathlib import Path

from netpol_harness.mutation.trials import settle_options

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def test_the_settle_time_is_short_unless_something_has_to_expire() -> None:
    plain, named = SCENARIOS / "three_tier", SCENARIOS / "conformance/domain_names"
    assert settle_options("exists-ignored", [plain])
    assert not settle_options("", [plain, named])
    assert not settle_options("change-window-open", [plain])
