"""A live connectivity test harness for Kubernetes NetworkPolicy.

This module is the public API: the names that tests in Python use beside the fixtures ``cluster``, ``scenario``,
``probe`` and ``truth_table`` (see ``netpol_harness.plugin.fixtures``). Every other module may change at any time::

    from netpol_harness import PathProbe, ScenarioRun

    def test_the_database_is_closed_to_the_web_tier(scenario: ScenarioRun, probe: PathProbe) -> None:
        scenario.enter("with-dns")
        assert probe("app-pod -> db-service:3306").allowed
        assert probe("web-pod -> db-service:3306").blocked

What the fixtures return:

``Cluster``        ``cluster.backend``, ``cluster.dataplane`` (what filters the packets), ``cluster.kubeconfig``
``ScenarioRun``    ``scenario.enter("with-dns")`` leads the cluster to a step's state; ``scenario.step`` is that step;
                   ``scenario.recreate_namespace("shop")`` and ``scenario.client`` do what no step can
``PathProbe``      the type of ``probe``: ``probe("web-pod -> db-service:3306")`` returns an ``ObservedPath``
``ObservedPath``   ``assert probe(path).blocked``, ``== "blocked"``, ``.outcome``, ``.judgement``, ``.attempts``
``TableProbe``     the type of ``truth_table``: ``truth_table()`` returns an ``ObservedTable``
``ObservedTable``  ``table.rows``, ``table.columns``, ``assert table.cells["web-pod", "db-pod:3306"].blocked``

What a test compares:

``Expected``       the verdicts of scenario.yaml: ``probe(path) == Expected.BLOCKED`` is ``== "blocked"``
``Outcome``        the answer to the last attempt: ``probe(path).outcome is Outcome.CONNECTED``
``Judgement``      whether the network agrees: ``probe(path, "blocked").judgement is Judgement.AGREES``
``Capability``     ``if Capability.IPV6 not in scenario.capabilities: pytest.skip("needs IPv6")``

Errors:

``HarnessError``   the base class of every error that the harness raises on purpose
``Unproven``       the evidence is not sufficient for a verdict; pytest shows it as a failure with the evidence

Importing this module imports none of the others: a name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "Capability",
    "Cluster",
    "Expected",
    "HarnessError",
    "Judgement",
    "ObservedPath",
    "ObservedTable",
    "Outcome",
    "PathProbe",
    "ScenarioRun",
    "TableProbe",
    "Unproven",
]

if TYPE_CHECKING:
    from netpol_harness.backends.base import Capability, Cluster
    from netpol_harness.errors import HarnessError, Unproven
    from netpol_harness.paths.outcome import Expected, Outcome
    from netpol_harness.plugin.observed import ObservedPath, ObservedTable, PathProbe, TableProbe
    from netpol_harness.results.evidence import Judgement
    from netpol_harness.runner.run import ScenarioRun
else:  # a type checker sees the imports above, so that it rejects a name that is not exported
    _MODULES = {
        "backends.base": ("Capability", "Cluster"),
        "errors": ("HarnessError", "Unproven"),
        "paths.outcome": ("Expected", "Outcome"),
        "plugin.observed": ("ObservedPath", "ObservedTable", "PathProbe", "TableProbe"),
        "results.evidence": ("Judgement",),
        "runner.run": ("ScenarioRun",),
    }

    def __getattr__(name):
        """Import the module that defines a public name, when the name is first used (PEP 562)."""
        for module, names in _MODULES.items():
            if name in names:
                globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
                return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        """Return the public names as well as those that are loaded already."""
        return sorted({*globals(), *__all__})
