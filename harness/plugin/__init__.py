"""pytest's face of the harness: hooks of a few lines each. What they do is elsewhere.

A scenario.yaml is a file of tests, each step a node in it, each path an item: ERROR says that the lab is broken, FAILED
that the network disagrees, SKIPPED that the backend lacks a named capability.
"""

from collections.abc import Generator
from pathlib import Path

import pytest

from harness.plugin import first_failure
from harness.plugin.aliases import add_aliases, read_early, typed
from harness.plugin.comparing import add_stories, bare, compared
from harness.plugin.derived import is_derived, show_tables
from harness.plugin.fixtures import cluster, probe, scenario, scenario_file, truth_table
from harness.plugin.items import ScenarioItem
from harness.plugin.lab import lab_of, told_workers
from harness.plugin.nodes import ManifestFolder, ScenarioFile
from harness.plugin.options import DERIVE, FIRST_FAILURE, KNOWN, OPTIONS, add_options, check
from harness.plugin.progress import Display
from harness.plugin.reports.files import REPORTS, hand_over, take_over, tell_unwritten
from harness.plugin.reports.run import finish
from harness.plugin.signals import remember
from harness.plugin.summary import attach, header, save_logs, summarize
from harness.plugin.telling import Telling, mark
from harness.scenario.load import SCENARIO_FILE

__all__ = [
    "cluster",
    "probe",
    "pytest_addoption",
    "pytest_assertrepr_compare",
    "pytest_collect_directory",
    "pytest_collect_file",
    "pytest_collection_finish",
    "pytest_configure",
    "pytest_configure_node",
    "pytest_load_initial_conftests",
    "pytest_report_header",
    "pytest_runtest_makereport",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
    "pytest_xdist_auto_num_workers",
    "pytest_xdist_make_scheduler",
    "scenario",
    "scenario_file",
    "truth_table",
]


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the options; where a conftest.py loads the plugin, it is late enough for their short names as well."""
    add_options(parser)
    if any(name.endswith("conftest.py") for name, _ in pluginmanager.list_name_plugin()):
        add_aliases(parser, OPTIONS)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, None, None]:
    """Once all plugins and every early conftest.py have declared theirs, take the short names that are free."""
    read_early(early_config, parser, args)
    yield
    add_aliases(parser, typed(args))


def pytest_configure(config: pytest.Config) -> None:
    """Set up the run's lab; no cluster is made yet."""
    check(config)
    if FIRST_FAILURE.of(config):
        config.pluginmanager.register(first_failure)
    if known := KNOWN.of(config):
        from harness.plugin.known.hooks import register

        register(config, known)
    lab_of(config)
    Display.watch(config)
    Telling.start(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:  # type: ignore[no-untyped-def]  # xdist's WorkerController has no types
    """Tell a worker which cluster was chosen and why, and where it is, or is to be made."""
    node.workerinput.update(told_workers(node.config))
    remember(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):  # type: ignore[no-untyped-def]  # xdist has no types
    """Keep every scenario on one worker, whatever the distribution mode does with other tests."""
    from harness.plugin.scheduling import scheduler_for

    return scheduler_for(config, log)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Take more workers than processors for scenarios, which wait more than they compute."""
    from harness.plugin.scheduling import workers_for

    return workers_for(config)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Name the backend, its dataplane and why it was taken; and what dead runs have left there."""
    return header(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Claim scenario.yaml, and nothing else."""
    return ScenarioFile.from_parent(parent, path=file_path) if file_path.name == SCENARIO_FILE else None


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """With --derive, claim a named folder of manifests that has no scenario.yaml."""
    return ManifestFolder.from_parent(parent, path=path) if is_derived(path, parent.config) else None


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the cluster in the background as soon as it is known that something will need it."""
    if not session.config.option.collectonly and any(isinstance(item, ScenarioItem) for item in session.items):
        lab_of(session.config).prepare()


def pytest_assertrepr_compare(config: pytest.Config, op: str, left: object, right: object) -> list[str] | None:
    """Name what was seen where a comparison with it fails."""
    return compared(config, op, left, right)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send what the summary needs along with the report; end a run that is in vain."""
    bare(item, call.excinfo)
    report = yield
    mark(report, call.excinfo)
    add_stories(report, call, item.config)
    if isinstance(item, ScenarioItem):
        attach(report, item)
    if lab_of(item.config).in_vain:
        item.session.shouldfail = "policies do not have their effect on this cluster, as the canary's error says"
    return report


@pytest.hookimpl(tryfirst=True)  # before JUnit's file is written
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write down what was tested; after a failure, keep what the cluster has to say for itself."""
    if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        with session.config.stash[REPORTS].attempted("the cluster's logs"):
            save_logs(session.config)
    finish(session.config, session.exitstatus)
    hand_over(session.config)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node) -> None:  # type: ignore[no-untyped-def]  # xdist's WorkerController has no types
    """Take over what a worker has left to tell."""
    take_over(node.config, getattr(node, "workeroutput", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what derived scenarios mean, the tables of steps where anything failed, and which dataplane was tested."""
    if DERIVE.of(terminalreporter.config):
        show_tables(terminalreporter)
    summarize(terminalreporter)
    tell_unwritten(terminalreporter)
