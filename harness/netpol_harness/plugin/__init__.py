"""The pytest plugin: hooks of a few lines each, which call the other modules of this package.

A scenario.yaml is a file of tests, each step a node in it, each path an item. ERROR means that the lab is broken,
FAILED that the network disagrees, SKIPPED that the cluster lacks a named capability.

A run without scenarios must not notice that the package is installed: these hooks only check whether there are any, and
import the other modules if there are. ``plugin.active`` has the hooks of a run that needs a cluster.
"""

import netpol_harness.plugin.own_modules  # noqa: F401  # before all others

# isort: split
from collections.abc import Generator, Iterable
from pathlib import Path

import pytest

from netpol_harness.plugin.aliases import add_aliases, options_by_short_name, read_early
from netpol_harness.plugin.fixtures import (
    LAB_FIXTURE,
    _netpol_lab,
    _netpol_observer,
    cluster,
    probe,
    scenario,
    scenario_file,
    truth_table,
)
from netpol_harness.plugin.named import named_paths
from netpol_harness.plugin.options import DERIVE, FIRST_FAILURE, KNOWN, OPTIONS, REPORT_DIR, add_options, check
from netpol_harness.scenario import MANIFEST_SUFFIXES, SCENARIO_FILE

__all__ = [
    "_netpol_lab",
    "_netpol_observer",
    "cluster",
    "probe",
    "pytest_addoption",
    "pytest_collect_directory",
    "pytest_collect_file",
    "pytest_collection_finish",
    "pytest_configure",
    "pytest_configure_node",
    "pytest_load_initial_conftests",
    "pytest_report_collectionfinish",
    "pytest_terminal_summary",
    "pytest_xdist_auto_num_workers",
    "pytest_xdist_node_collection_finished",
    "scenario",
    "scenario_file",
    "truth_table",
]


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the options; their short names too if a conftest.py loads the plugin, which is late enough for them."""
    add_options(parser)
    if any(name.endswith("conftest.py") for name, _ in pluginmanager.list_name_plugin()):
        add_aliases(parser, OPTIONS)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, None, None]:
    """Declare the short names that are free once all plugins and early conftest.py files have declared theirs."""
    read_early(early_config, parser, args)
    yield
    add_aliases(parser, options_by_short_name(args))


def pytest_configure(config: pytest.Config) -> None:
    """Check the options, and register the plugins that they ask for."""
    check(config)
    if FIRST_FAILURE.of(config):
        from netpol_harness.plugin import first_failure

        config.pluginmanager.register(first_failure)
    if known := KNOWN.of(config):
        from netpol_harness.plugin.known.hooks import register

        register(config, known)
    if REPORT_DIR.of(config):
        from netpol_harness.plugin.reports.results import collect_results

        collect_results(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a scenario.yaml, and a manifest that the command line names: with --netpol-derive, or as an error."""
    if file_path.name == SCENARIO_FILE:
        from netpol_harness.plugin.garbage import collect_rarely

        collect_rarely(parent.config)
        from netpol_harness.plugin.lab import start_early

        start_early(parent.config)
        from netpol_harness.plugin.nodes import ScenarioFile  # takes 0.3 s, while the cluster starts

        return ScenarioFile.from_parent(parent, path=file_path)
    return _manifest_source(file_path, parent)


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """With --netpol-derive, collect a folder of manifests without a scenario.yaml that the command line names."""
    return _manifest_source(path, parent)


def _manifest_source(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if not (DERIVE.of(parent.config) or path.suffix in MANIFEST_SUFFIXES) or path not in named_paths(parent.config):
        return None
    from netpol_harness.plugin.derived import NotDerived
    from netpol_harness.plugin.nodes import ManifestSource
    from netpol_harness.scenario.derive import has_manifests

    kind = ManifestSource if DERIVE.of(parent.config) else NotDerived
    return kind.from_parent(parent, path=path) if has_manifests(path) else None


@pytest.hookimpl(tryfirst=True)  # before a worker of xdist reports its collection
def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the cluster in the background if a test needs it."""
    if not _need_cluster(session.items, session.config):
        return
    from netpol_harness.plugin.lab import lab_of
    from netpol_harness.plugin.progress import Display
    from netpol_harness.plugin.workers import is_worker, request_cluster

    if is_worker(session.config):
        request_cluster(session.config)
    else:
        lab_of(session.config).prepare()
        Display.watch(session.config)


def pytest_report_collectionfinish(config: pytest.Config, items: Iterable[pytest.Item]) -> list[str]:
    """Return the header: the backend, its dataplane, why it was chosen, and leftovers of dead runs.

    If there is nothing to run, say which folders could be run with --netpol-derive.
    """
    if not (items or DERIVE.of(config)) and config.args_source is config.ArgsSource.ARGS:
        from netpol_harness.plugin.derived import not_derived

        return [*not_derived(config)]
    quiet = config.get_verbosity() < 0 or hasattr(
        config, "workerinput"
    )  # in a worker of xdist: its controller prints it
    if quiet or not _need_cluster(items, config):
        return []
    from netpol_harness.plugin.summary import header

    return header(config, items)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the truth tables of derived scenarios."""
    if DERIVE.of(terminalreporter.config):
        from netpol_harness.plugin.derived import show_tables

        show_tables(terminalreporter)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:  # type: ignore[no-untyped-def]  # xdist's WorkerController has no types
    """Send a worker the name of the run."""
    from netpol_harness.plugin.workers import register_worker

    register_worker(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node, ids) -> None:  # type: ignore[no-untyped-def]  # xdist has no types
    """Choose the cluster for all workers if there are scenarios, and keep each scenario on one worker."""
    from netpol_harness.plugin.workers import on_worker_collected

    on_worker_collected(node.config, ids)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Return more workers than processors for scenarios, which wait more than they compute."""
    from netpol_harness.plugin.scheduling import auto_workers

    return auto_workers(config)


def _need_cluster(items: Iterable[pytest.Item], config: pytest.Config) -> bool:
    """Return whether any of these tests is run and needs the run's cluster."""
    return not config.option.collectonly and any(
        getattr(item, "needs_cluster", False) or LAB_FIXTURE in getattr(item, "fixturenames", ()) for item in items
    )
