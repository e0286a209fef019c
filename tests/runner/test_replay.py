"""Changed paths are probed before and after, by packets."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netpol_harness.analysis.changes.change import compare
from netpol_harness.analysis.changes.joint import joint_scenario
from netpol_harness.analysis.predict import Predictor
from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.select import BackendChoice
from netpol_harness.lab import Lab, Settings
from netpol_harness.report.replays import Replays
from netpol_harness.runner.replay import Replay, ReplayVerdict, replay
from netpol_harness.scenario.derive import derive
from tests.analysis.changes.conftest import FROM_WEB, GUARD, PODS, policy

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
NO_EGRESS = policy("no-egress", "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]}")
SCRAPER = "{from: [{namespaceSelector: {matchLabels: {team: ops}}}], ports: [{port: 5432}]}"
FROM_OPS = policy("from-ops", f"{{podSelector: {{matchLabels: {{app: db}}}}, ingress: [{SCRAPER}]}}")
TWO = "[{from: [{podSelector: {matchExpressions: [{key: app, operator: In, values: [web, ui]}]}}]}]"
FROM_TWO = policy("from-two", f"{{podSelector: {{matchLabels: {{app: db}}}}, ingress: {TWO}}}")
CACHE = PODS.split("---\n")[2].replace("name: db", "name: cache").replace("app: db", "app: cache")

Replayed = Callable[[str, str], dict[str, Replay]]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(BackendChoice(EmbeddedBackend(), "for a test"), Settings()) as owner:
        yield owner


def replayed_on(lab: Lab, folder: Path, before: str, after: str) -> dict[str, Replay]:
    """Replay the changes between two texts of manifests; the keys are ``EFFECT: PATH``."""
    sides = []
    for name, manifests in (("one", before), ("two", after)):
        (folder / name).mkdir()
        (folder / name / "all.yaml").write_text(manifests)
        scenario = derive(folder / name)
        sides.append(Predictor(scenario, scenario.steps[-1]))
    run = lab.scenario_run(joint_scenario(*sides))
    try:
        run.open()
        return {str(each.change): each for each in replay(run, compare(*sides).changes)}
    finally:
        run.close()


@pytest.fixture
def replayed(lab: Lab, tmp_path: Path) -> Replayed:
    return lambda before, after: replayed_on(lab, tmp_path, before, after)


def test_an_opened_path_is_proven_closed_before_and_open_after(replayed: Replayed) -> None:
    replays = replayed(PODS + GUARD, PODS + GUARD + FROM_WEB)
    assert {text: each.verdict for text, each in replays.items()} == {
        "opened: web -> db:5432": ReplayVerdict.PROVEN,
        "opened: web -> store:5432": ReplayVerdict.PROVEN,
    }


def test_names_and_closed_paths_are_proven_as_well(replayed: Replayed) -> None:
    replays = replayed(PODS, PODS + NO_EGRESS)
    assert replays["name-lost: web -> store:5432"].verdict is ReplayVerdict.PROVEN
    assert replays["closed: web -> db:5432"].verdict is ReplayVerdict.PROVEN


def test_the_stranger_that_a_rule_admits_is_a_pod_in_both_states(replayed: Replayed) -> None:
    replays = replayed(PODS + GUARD, PODS + GUARD + FROM_OPS)
    (opened,) = [each for each in replays.values() if each.change.path.target_text == "db:5432"]
    assert "stranger" in opened.change.path.source_text
    assert opened.verdict is ReplayVerdict.PROVEN


def test_a_pod_that_only_one_side_has_is_probed_there_alone(replayed: Replayed) -> None:
    replays = replayed(PODS, PODS + "---\n" + CACHE)
    opened = replays["opened: web -> cache:5432"]
    assert (opened.before, opened.verdict) == (None, ReplayVerdict.PROVEN)


def test_what_the_network_does_otherwise_is_a_contradiction(tmp_path: Path) -> None:
    backend = EmbeddedBackend(mutant="in-two-values-selects-nothing")
    with Lab(BackendChoice(backend, "for a test"), Settings()) as lab:
        replays = replayed_on(lab, tmp_path, PODS + GUARD, PODS + GUARD + FROM_TWO)
    assert replays["opened: web -> db:5432"].verdict is ReplayVerdict.CONTRADICTED
    told = Replays(tuple(replays.values()), "a mutant")
    assert "CONTRADICTED web -> db:5432: after, expected allowed, observed TIMED_OUT" in "\n".join(told.lines)
