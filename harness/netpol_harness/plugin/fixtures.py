"""Public fixtures, for connectivity tests written in Python.

=================  ==========  =============================================================================
fixture            scope       what it is
=================  ==========  =============================================================================
``cluster``        session     the run's cluster: kubeconfig, backend, dataplane, capabilities
``scenario_file``  module      the scenario.yaml to use; by default the one beside the test module: override it
``scenario``       module      that scenario, open on the cluster; ``scenario.enter("step")`` leads it to a state
``probe``          module      ``probe("web-pod -> db-service:3306")`` asks one path, gives a ``ObservedPath``
``truth_table``    module      ``truth_table()`` asks every pair of pods and port, gives a ``ObservedTable``
=================  ==========  =============================================================================

Both look at the cluster's present state. What they give equals the verdict word that the network agrees with; a
comparison that fails tells the evidence, what the policies say, and the ``kubectl exec`` line to repeat it by hand::

    def test_the_database_is_closed_to_the_web_tier(scenario, probe, truth_table):
        scenario.enter("with-dns")
        assert probe("web-pod -> db-service:3306") == "blocked"
        assert truth_table().cells["app-pod", "db-pod:3306"] == "allowed"

``probe(path, "blocked").check()`` and ``truth_table("blocked").check()`` raise ``AssertionError`` with the same story.
Where nothing was learnt they raise ``Unproven``, so that a broken lab cannot pass for a blocked path; for the same
reason ``!=`` and ``assert probe(...)`` are a ``TypeError``. A path that the cluster cannot carry skips the test.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netpol_harness.scenario import SCENARIO_FILE

if TYPE_CHECKING:
    from netpol_harness.backends.base import Cluster
    from netpol_harness.lab import Lab
    from netpol_harness.plugin.seen import ObservedPath, ObservedTable, Observer
    from netpol_harness.runner.run import ScenarioRun

LAB_FIXTURE = "_netpol_lab"
"""Whatever asks for this fixture, by way of others of ours as well, needs the run's cluster."""


@pytest.fixture(scope="session")
def _netpol_lab(pytestconfig: pytest.Config) -> "Lab":
    from netpol_harness.plugin.lab import lab_of  # not at the top: a run without scenarios has no time for it

    return lab_of(pytestconfig)


@pytest.fixture(scope="session")
def cluster(_netpol_lab: "Lab") -> "Cluster":
    """The run's one cluster, made now if nothing has needed it yet."""
    from netpol_harness.plugin.telling import as_pytest_outcome

    with as_pytest_outcome():
        return _netpol_lab.cluster


@pytest.fixture(scope="module")
def scenario_file(request: pytest.FixtureRequest) -> Path:
    """The scenario of a test module: ``scenario.yaml`` beside it, unless a test overrides this fixture."""
    return request.path.parent / SCENARIO_FILE


@pytest.fixture(scope="module")
def scenario(scenario_file: Path, _netpol_lab: "Lab", pytestconfig: pytest.Config) -> Iterator["ScenarioRun"]:
    """The scenario with its workloads up and no policies yet; removed after the module's last test."""
    from netpol_harness.plugin.lab import profile_of
    from netpol_harness.plugin.predicted import with_predicted_verdicts
    from netpol_harness.plugin.telling import as_pytest_outcome
    from netpol_harness.scenario.load import load

    with as_pytest_outcome():
        scenario_run = _netpol_lab.scenario_run(with_predicted_verdicts(load(scenario_file), profile_of(pytestconfig)))
    try:
        with as_pytest_outcome():
            scenario_run.open()
            _netpol_lab.await_canary()
        yield scenario_run
    finally:
        scenario_run.close()


@pytest.fixture(scope="module")
def _netpol_eyes(scenario: "ScenarioRun", pytestconfig: pytest.Config) -> "Observer":
    from netpol_harness.plugin.comparing import noticing
    from netpol_harness.plugin.lab import profile_of
    from netpol_harness.plugin.seen import Observer

    return Observer(scenario, profile_of(pytestconfig), noticing(pytestconfig))


@pytest.fixture(scope="module")
def probe(_netpol_eyes: "Observer") -> "Callable[..., ObservedPath]":
    """Ask one path, spelled as in scenario.yaml, for the given word (default ``undefined``: just look)."""
    return _netpol_eyes.probe


@pytest.fixture(scope="module")
def truth_table(_netpol_eyes: "Observer") -> "Callable[..., ObservedTable]":
    """Ask every pair of different pods and every port that the target serves, for the given word."""
    return _netpol_eyes.truth_table
