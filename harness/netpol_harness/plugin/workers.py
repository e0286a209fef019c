"""Runs with workers of pytest-xdist: the controller collects no tests, and must learn whether a cluster is needed.

A worker that has collected a test which needs a cluster creates the run's folder before it reports its collection. The
controller then finds the folder, chooses the cluster before any test starts, and records the choice there for the
workers. A run without scenarios has no folder.
"""

import subprocess
from contextlib import suppress
from typing import Any

import pytest

from netpol_harness.backends.runs.directory import RunDirectory
from netpol_harness.backends.runs.owner import Owner

RUN = "netpol_run"
"""Key of the run's name in a worker's input."""

_RUN = pytest.StashKey[str]()
_PROCESSES = pytest.StashKey[list["subprocess.Popen[bytes]"]]()


def run_of(config: pytest.Config) -> str:
    """Return the name of the run that this process owns."""
    return config.stash.setdefault(_RUN, Owner.current().run)


def worker_processes(config: pytest.Config) -> "list[subprocess.Popen[bytes]]":
    """Return the processes of the workers, a list that grows with each."""
    return config.stash.setdefault(_PROCESSES, [])


def register_worker(node: Any) -> None:
    """Send a worker the name of the run, and remember its process if it is on this host. Called in the controller."""
    config = node.config
    if _RUN not in config.stash:
        config.add_cleanup(lambda: _remove_unused_folder(config))
    node.workerinput[RUN] = run_of(config)
    if process := getattr(getattr(node.gateway, "_io", None), "popen", None):
        worker_processes(config).append(process)


def is_worker(config: pytest.Config) -> bool:
    """Return whether this process is a worker."""
    return hasattr(config, "workerinput")


def controller_directory(config: pytest.Config) -> RunDirectory | None:
    """Return the folder of the run, which may not exist yet, in a worker; ``None`` in any other process."""
    worker_input: dict[str, str] = getattr(config, "workerinput", {})
    return RunDirectory.of_run(worker_input[RUN]) if RUN in worker_input else None


def request_cluster(config: pytest.Config) -> None:
    """Let the controller know that the run needs a cluster. Called in a worker."""
    if directory := controller_directory(config):
        directory.path.mkdir(0o700, exist_ok=True)


def on_worker_collected(config: pytest.Config, ids: list[str]) -> None:
    """Choose the cluster if one is needed. Called in the controller when a worker has collected these tests."""
    if not RunDirectory.of_run(run_of(config)).path.is_dir():
        return
    from netpol_harness.plugin.lab import existing_lab, share
    from netpol_harness.plugin.progress import Display
    from netpol_harness.plugin.scheduling import keep_scenarios_together

    if not existing_lab(config):
        share(config)
        _show_header(config)
        Display.watch(config)
        keep_scenarios_together(config, ids)


def _show_header(config: pytest.Config) -> None:
    """Print the header that a run without workers prints after its collection."""
    from netpol_harness.plugin.summary import header

    terminal: pytest.TerminalReporter | None = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or config.get_verbosity() < 0:
        return
    if terminal.isatty:
        terminal.rewrite("", erase=True)  # erases xdist's line about the progress of each worker
    for line in header(config):
        terminal.write_line(line)


def _remove_unused_folder(config: pytest.Config) -> None:
    """Remove the folder if a worker has created it and no process has used it."""
    with suppress(OSError):
        RunDirectory.of_run(run_of(config)).path.rmdir()
