"""The lab of a run, made from the options. Imports little: the cluster starts before the other modules are imported."""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from netpol_harness.backends.options import Binding, DeclaredOption
from netpol_harness.backends.registry import AUTO
from netpol_harness.backends.runs.directory import RunDirectory
from netpol_harness.backends.select import BackendChoice, BackendOptions, choose
from netpol_harness.errors import HarnessError
from netpol_harness.lab import Lab, Settings
from netpol_harness.plugin import options
from netpol_harness.plugin.option import Option
from netpol_harness.plugin.signals import close_at_exit
from netpol_harness.plugin.workers import controller_directory, is_worker, run_of
from netpol_harness.results.proof import Proof

if TYPE_CHECKING:
    from netpol_harness.oracle.points import Profile
    from netpol_harness.probe.plan.toolbox import Tool

_LAB = pytest.StashKey[Lab]()
_MADE = pytest.StashKey[Lab]()
_IS_STARTED = pytest.StashKey[bool]()
_CHOICE = "choice"


def lab_of(config: pytest.Config) -> Lab:
    """The run's lab. Its first use makes it; raises ``pytest.UsageError`` where the options do not fit together."""
    if (lab := existing_lab(config)) is None:
        from netpol_harness.plugin import active  # not at the top: it imports this module

        lab = config.stash[_LAB] = _made(config)
        active.start(config, lab)
    return lab


def start_early(config: pytest.Config) -> None:
    """Start the cluster before all tests are collected, if it takes a second and one of them is likely to need it.

    A run that then has no such test looks as if this had not happened. Errors are left to ``lab_of``.
    """
    if is_worker(config) or _IS_STARTED in config.stash or _may_select_nothing(config):
        return
    config.stash[_IS_STARTED] = True
    with suppress(pytest.UsageError, HarnessError, OSError):
        lab = _made(config)
        if lab.choice.backend.starts_early:
            lab.prepare()


def existing_lab(config: pytest.Config) -> Lab | None:
    """The run's lab, if anything has asked for it."""
    return config.stash.get(_LAB, None)


def profile_of(config: pytest.Config) -> "Profile":
    """Who decides what the API leaves open in this run."""
    from netpol_harness.oracle.profiles import PROFILES

    return PROFILES[options.PROFILE.of(config)]


def share(config: pytest.Config) -> None:
    """Make the lab, and let workers find the same cluster, for the same reason, in the same folder."""
    lab, asked = lab_of(config), options.CLUSTER.of(config)
    name = lab.choice.backend.name if asked == AUTO else asked
    RunDirectory(lab.directory).once(_CHOICE, lambda: json.dumps({"name": name, "why": lab.choice.reason}))


def _shared(config: pytest.Config) -> RunDirectory | None:
    """A worker's: the folder of the controller's run, if that has chosen a cluster."""
    directory = controller_directory(config)
    return directory if directory and directory.recorded(_CHOICE) else None


def _may_select_nothing(config: pytest.Config) -> bool:
    """Return whether the command line has an option that leaves out tests."""
    option = config.option
    return bool(option.collectonly or option.keyword or option.markexpr or option.deselect)


def _made(config: pytest.Config) -> Lab:
    """Return the lab, made at the first call."""
    if _MADE not in config.stash:
        lab = config.stash[_MADE] = _make(config)
        close_at_exit(config, lambda: _close(lab))
    return config.stash[_MADE]


def _make(config: pytest.Config) -> Lab:
    shared = _shared(config)
    run = shared.run if shared else run_of(config)
    tool = options.PROBE_TOOL.of(config)
    settings = Settings(
        probe_timeout=options.PROBE_TIMEOUT.of(config),
        settle_deadline=options.SETTLE_DEADLINE.of(config),
        concurrency=options.PROBE_CONCURRENCY.of(config),
        tool=_tool(tool) if tool else None,
        probe_image=options.PROBE_IMAGE.of(config),
        literal_namespaces=options.LITERAL_NAMESPACES.of(config),
        canary=not options.NO_CANARY.of(config),
        proof=Proof(options.PROOF.of(config)),
        report=options.REPORT_DIR.of(config),
    )
    chosen = json.loads(shared.recorded(_CHOICE) or "{}") if shared else {}
    return Lab(_choice(config, run, chosen), settings, shared.path if shared else None, run=run)


def _tool(name: str) -> "Tool":
    from netpol_harness.probe.plan.toolbox import Tool

    return Tool(name)


def _choice(config: pytest.Config, run: str, chosen: Mapping[str, str]) -> BackendChoice:
    """The backend; a worker takes the one that its controller has chosen."""
    name = chosen.get("name", options.CLUSTER.of(config))
    progress = RunDirectory.of_run(run).report_activity
    try:
        choice = choose(name, _backend_options(config), run=run, progress=progress)
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error
    return BackendChoice(choice.backend, chosen.get("why", choice.reason))


def _backend_options(config: pytest.Config) -> BackendOptions:
    """Return the backends' options that the user has given. Raises ``pytest.UsageError`` for one that is not valid."""
    given = [(declared, option) for declared, option in options.OF_BACKENDS if option.raw_value(config) is not None]
    values = {declared.name: option.of(config) for declared, option in given}
    binding = (declared.name for declared, option in options.OF_BACKENDS if _binds(declared, option, config))
    return BackendOptions(values, tuple(binding))


def _binds(declared: DeclaredOption, option: Option[Any], config: pytest.Config) -> bool:
    match declared.binding:
        case Binding.ALWAYS:
            return option.raw_value(config) is not None
        case Binding.ON_COMMAND_LINE:
            return option.on_command_line(config) is not None
        case Binding.NEVER:
            return False


def _close(lab: Lab) -> None:
    try:
        lab.close()
    except HarnessError as error:
        sys.stderr.write(f"netpol: {error}\n")
