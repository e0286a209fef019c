"""The tests of a scenario by name, as pytest's node ids have them after the file: ``STEP::TEST``."""

from collections.abc import Iterator

from netpol_harness.scenario.scenario import Others, Scenario, Step, closed_world

OTHERS = "others"
"""The test of a step's closed world."""


def return_test(before: Step) -> str:
    """Return the name of the test of a repeated step's way back to the step before it."""
    return f"back in {before.name}"


def item_names(scenario: Scenario) -> Iterator[str]:
    """Yield the names of all tests of a scenario, whether a run selects them or not."""
    for before, step in zip((None, *scenario.steps), scenario.steps, strict=False):
        yield from (f"{step.name}::{name}" for name in _of_step(before, step))


def _of_step(before: Step | None, step: Step) -> Iterator[str]:
    yield from (expectation.path.text for expectation in step.expectations)
    yield from (readiness.text for readiness in step.readiness)
    if before and step.repeat > 1 and before.expectations:
        yield return_test(before)
    if step.others is not Others.UNCHECKED and closed_world(step):
        yield OTHERS
