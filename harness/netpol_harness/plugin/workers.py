"""A run with workers of pytest-xdist: the controller collects nothing, and must learn that a cluster is needed.

A worker that has collected something that needs one makes the run's folder, and only then tells the controller that it
has collected. The controller looks for the folder, chooses the cluster before any test begins, and leaves the choice
there for the workers. A run without scenarios has no folder.
"""

import subprocess
from contextlib import suppress
from typing import Any

import pytest

from netpol_harness.backends.runs.directory import RunDirectory
from netpol_harness.backends.runs.owner import Owner

RUN = "netpol_run"
"""Where a worker is told the name of the run."""

_RUN = pytest.StashKey[str]()
_PROCESSES = pytest.StashKey[list["subprocess.Popen[bytes]"]]()


def run_of(config: pytest.Config) -> str:
    """The name of the run that this process owns."""
    return config.stash.setdefault(_RUN, Owner.current().run)


def worker_processes(config: pytest.Config) -> "list[subprocess.Popen[bytes]]":
    """The workers' processes; the list grows with each."""
    return config.stash.setdefault(_PROCESSES, [])


def register_worker(node: Any) -> None:
    """The controller's: tell a worker the name of the run; remember the worker's process, if it is of this host."""
    config = node.config
    if _RUN not in config.stash:
        config.add_cleanup(lambda: _forsake(config))
    node.workerinput[RUN] = run_of(config)
    if process := getattr(getattr(node.gateway, "_io", None), "popen", None):
        worker_processes(config).append(process)


def is_worker(config: pytest.Config) -> bool:
    """Whether a controller directs this process."""
    return hasattr(config, "workerinput")


def controller_directory(config: pytest.Config) -> RunDirectory | None:
    """A worker's: where its controller's run has its folder, or would have it; ``None`` elsewhere."""
    told: dict[str, str] = getattr(config, "workerinput", {})
    return RunDirectory.of_run(told[RUN]) if RUN in told else None


def request_cluster(config: pytest.Config) -> None:
    """A worker's: let the controller know that the run needs a cluster."""
    if directory := controller_directory(config):
        directory.path.mkdir(0o700, exist_ok=True)


def on_worker_collected(config: pytest.Config, ids: list[str]) -> None:
    """The controller's, when a worker has collected these tests: choose the cluster, if one is needed."""
    if not RunDirectory.of_run(run_of(config)).path.is_dir():
        return
    from netpol_harness.plugin.lab import existing_lab, share
    from netpol_harness.plugin.progress import Display
    from netpol_harness.plugin.scheduling import keep_scenarios_together

    if not existing_lab(config):
        share(config)
        _tell(config)
        Display.watch(config)
        keep_scenarios_together(config, ids)


def _tell(config: pytest.Config) -> None:
    """What a run without workers has after its collection."""
    from netpol_harness.plugin.summary import header

    terminal: pytest.TerminalReporter | None = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or config.get_verbosity() < 0:
        return
    if terminal.isatty:
        terminal.rewrite("", erase=True)  # of xdist's line that says how far each worker is
    for line in header(config):
        terminal.write_line(line)


def _forsake(config: pytest.Config) -> None:
    """A folder that a worker has made, and that nobody has used."""
    with suppress(OSError):
        RunDirectory.of_run(run_of(config)).path.rmdir()
