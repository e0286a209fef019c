"""Public fixtures, for connectivity tests written in Python.

=================  ==========  =============================================================================
fixture            scope       what it is
=================  ==========  =============================================================================
``cluster``        session     the run's cluster: kubeconfig, backend, dataplane, capabilities
``scenario_file``  module      the scenario.yaml to use; by default the one beside the test module: override it
``scenario``       module      that scenario, open on the cluster; ``scenario.enter("step")`` leads it to a state
``probe``          module      ``probe("web-pod -> db-service:3306")`` asks one path, gives a ``Seen``
``truth_table``    module      ``truth_table()`` asks every pair of pods and port, gives a ``SeenTable``
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

from harness.cluster.provider import Cluster
from harness.plugin.comparing import noticing
from harness.plugin.lab import lab_of, profile_of
from harness.plugin.seen import Eyes, Seen, SeenTable
from harness.plugin.telling import spoken
from harness.plugin.words import told
from harness.scenario.load import SCENARIO_FILE, load

if TYPE_CHECKING:
    from harness.stage.stage import Stage


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Cluster:
    """The run's one cluster, made now if nothing has needed it yet."""
    with spoken():
        return lab_of(pytestconfig).cluster


@pytest.fixture(scope="module")
def scenario_file(request: pytest.FixtureRequest) -> Path:
    """The scenario of a test module: ``scenario.yaml`` beside it, unless a test overrides this fixture."""
    return request.path.parent / SCENARIO_FILE


@pytest.fixture(scope="module")
def scenario(scenario_file: Path, pytestconfig: pytest.Config) -> Iterator["Stage"]:
    """The scenario with its workloads up and no policies yet; removed after the module's last test."""
    with spoken():
        lab = lab_of(pytestconfig)
        stage = lab.stage(told(load(scenario_file), profile_of(pytestconfig)))
    try:
        with spoken():
            stage.open()
            lab.vouch()
        yield stage
    finally:
        stage.close()


@pytest.fixture(scope="module")
def probe(scenario: "Stage", pytestconfig: pytest.Config) -> Callable[..., Seen]:
    """Ask one path, spelled as in scenario.yaml, for the given word (default ``undefined``: just look)."""
    return Eyes(scenario, profile_of(pytestconfig), noticing(pytestconfig)).probe


@pytest.fixture(scope="module")
def truth_table(scenario: "Stage", pytestconfig: pytest.Config) -> Callable[..., SeenTable]:
    """Ask every pair of different pods and every port that the target serves, for the given word."""
    return Eyes(scenario, profile_of(pytestconfig), noticing(pytestconfig)).truth_table
