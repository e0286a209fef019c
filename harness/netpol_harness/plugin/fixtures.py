"""Public fixtures, for connectivity tests written in Python.

=================  ==========  ======================================================================================
fixture            scope       value
=================  ==========  ======================================================================================
``cluster``        session     ``Cluster``: the run's cluster with its kubeconfig, backend, dataplane and capabilities
``scenario_file``  module      ``Path`` of the scenario.yaml to use, by default the one beside the test module
``scenario``       module      ``ScenarioRun``: that scenario, open on the cluster
``probe``          module      ``PathProbe``: ``probe("web-pod -> db-service:3306")`` probes one path
``truth_table``    module      ``TableProbe``: ``truth_table()`` probes every pair of pods and served port
=================  ==========  ======================================================================================

Their types are exported by ``netpol_harness``. ``scenario.enter("step")`` leads the cluster to a step's state;
``probe`` and ``truth_table`` observe the state that the cluster is in::

    def test_the_database_is_closed_to_the_web_tier(scenario, probe, truth_table):
        scenario.enter("with-dns")
        assert probe("app-pod -> db-service:3306").allowed
        assert probe("web-pod -> db-service:3306") == "blocked"
        assert truth_table().cells["app-pod", "db-pod:3306"].allowed

A result has ``allowed``, ``blocked``, ``dropped``, ``rejected`` and ``unresolved``, and equals the verdicts of these
names. All of them probe until the network agrees or the settle deadline passes. An assertion that fails shows the
evidence, what the policies say, and the ``kubectl exec`` line that repeats the probe by hand; so do
``probe(path, "blocked").check()`` and ``truth_table("blocked").check()``, which raise ``AssertionError``.

If the evidence is not sufficient for a verdict, ``Unproven`` is raised, so that a broken lab does not pass for a
blocked path. For the same reason no negation can pass: ``!=``, ``assert probe(path)`` and ``assert not probe(path)``
raise ``TypeError``, and ``assert not probe(path).blocked`` always fails. Assert the verdict that you expect; to branch
on an observation, use its ``outcome``. A path that the cluster cannot carry skips the test.

To use another scenario, override ``scenario_file``::

    @pytest.fixture(scope="module")
    def scenario_file() -> Path:
        return Path(__file__).parent / "shop" / "scenario.yaml"
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netpol_harness.scenario import SCENARIO_FILE

if TYPE_CHECKING:
    from netpol_harness.backends.base import Cluster
    from netpol_harness.lab import Lab
    from netpol_harness.plugin.observed import PathProbe, TableProbe
    from netpol_harness.plugin.observer import Observer
    from netpol_harness.runner.run import ScenarioRun

LAB_FIXTURE = "_netpol_lab"
"""A test that requests this fixture, directly or through another, needs the run's cluster."""


@pytest.fixture(scope="session")
def _netpol_lab(pytestconfig: pytest.Config) -> "Lab":
    from netpol_harness.plugin.lab import lab_of  # lazy: a run without scenarios must not pay for it

    return lab_of(pytestconfig)


@pytest.fixture(scope="session")
def cluster(_netpol_lab: "Lab") -> "Cluster":
    """Return the run's cluster, and create it if this is the first test that needs it."""
    from netpol_harness.plugin.failure import as_pytest_outcome

    with as_pytest_outcome():
        return _netpol_lab.cluster


@pytest.fixture(scope="module")
def scenario_file(request: pytest.FixtureRequest) -> Path:
    """Return the path of ``scenario.yaml`` beside the test module; override this fixture to use another."""
    return request.path.parent / SCENARIO_FILE


@pytest.fixture(scope="module")
def scenario(scenario_file: Path, _netpol_lab: "Lab", request: pytest.FixtureRequest) -> Iterator["ScenarioRun"]:
    """Open the scenario: its workloads are ready, and no policy is applied yet. Close it after the module's tests."""
    from netpol_harness.plugin.failure import as_pytest_outcome
    from netpol_harness.plugin.lab import profile_of
    from netpol_harness.plugin.traffic import expected_traffic
    from netpol_harness.plugin.verdicts import with_predicted_verdicts
    from netpol_harness.scenario.load import load

    with as_pytest_outcome():
        _netpol_lab.canary.expect(expected_traffic(request.session))
        scenario_run = _netpol_lab.scenario_run(
            with_predicted_verdicts(load(scenario_file), profile_of(request.config))
        )
    try:
        with as_pytest_outcome():
            scenario_run.open()
            _netpol_lab.canary.wait()
        yield scenario_run
    finally:
        scenario_run.close()


@pytest.fixture(scope="module")
def _netpol_observer(scenario: "ScenarioRun", _netpol_lab: "Lab", pytestconfig: pytest.Config) -> "Observer":
    from netpol_harness.plugin.assertions import note_results
    from netpol_harness.plugin.lab import profile_of
    from netpol_harness.plugin.observer import Observer

    return Observer(scenario, profile_of(pytestconfig), note_results(pytestconfig), _netpol_lab.canary)


@pytest.fixture(scope="module")
def probe(_netpol_observer: "Observer") -> "PathProbe":
    """Return a function that probes one path, written as in scenario.yaml, and an expected verdict if there is one."""
    return _netpol_observer.probe


@pytest.fixture(scope="module")
def truth_table(_netpol_observer: "Observer") -> "TableProbe":
    """Return a function that probes every pair of different pods and every port that the target serves."""
    return _netpol_observer.truth_table
