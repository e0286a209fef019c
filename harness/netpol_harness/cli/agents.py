"""List the policy engines of network plugins that can enforce in the embedded cluster, and what they lack here.

`pytest --netpol-cluster embedded --netpol-agent NAME` has one of them enforce in place of the cluster's own rules.

With --matrix, the scenarios are run under each agent that this host has, and the page gets a section for each: which
tests fail, grouped by the kind of fault. --report reads the results of an earlier run (`pytest --netpol-report-dir`)
instead. The exit code is then 1 if a failure is not explained by a known deviation of the agent.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from netpol_harness.backends.embedded.agents import AgentDefinition, load, shipped
from netpol_harness.backends.known.deviation import Deviation
from netpol_harness.backends.known.file import deviations
from netpol_harness.cli.arguments import path
from netpol_harness.cli.output import print_aside, print_text
from netpol_harness.errors import HarnessError
from netpol_harness.report.agent_results import AgentRun, with_results

_PAGE = Path("docs/agents.md")
_SCENARIOS = "scenarios"
_COMPLETE = (0, 1)  # pytest's exit codes if every item was run


def add(command: argparse.ArgumentParser) -> None:
    """Declare which agents to list or to run, and the page to write."""
    option = command.add_argument
    option("agent", nargs="*", metavar="NAME|FILE", help="these only (default: all that are shipped)")
    option("--matrix", action="store_true", help="run the scenarios under each agent and write the results")
    option("--report", type=path, nargs="+", default=[], metavar="FOLDER", help="read these results, and run nothing")
    option("--write", type=path, default=_PAGE, metavar="FILE", help=f"the page to write ({_PAGE})")


def run(args: argparse.Namespace) -> int:
    """Show them. Return 1 if none of the agents can run here; with --matrix, if a failure is not explained."""
    definitions = [load(name) for name in args.agent] or list(shipped())
    if args.matrix:
        return _write_matrix(definitions, args.report, args.write)
    for definition in definitions:
        print_text(f"{definition.name}: {definition.title}\n")
        for line in _state(definition):
            print_text(f"    {line}\n")
    return 0 if any(_is_ready(definition) for definition in definitions) else 1


def _is_ready(definition: AgentDefinition) -> bool:
    return definition.locate() is not None and not definition.missing


def _state(definition: AgentDefinition) -> Iterator[str]:
    """Yield what this host has of the agent, and what it lacks."""
    binary = definition.locate()
    if binary is not None:
        yield f"program: {binary} {definition.version_of(binary)}".rstrip()
    else:
        yield f"program: no {definition.binary} in PATH; get it: {definition.install}"
    if definition.missing:
        yield f"missing: {', '.join(definition.missing)}"


def _write_matrix(definitions: Sequence[AgentDefinition], folders: Sequence[Path], page: Path) -> int:
    text = page.read_text(encoding="utf-8")  # before anything is run
    runs = [_read(folder, definitions) for folder in folders] or list(_runs(definitions))
    page.write_text(with_results(text, runs), encoding="utf-8")
    for agent in runs:
        print_text(f"{agent.title}: {len(agent.unexplained)} failures are not explained\n")
        print_text("".join(f"    {node}\n" for node in agent.unexplained))
    return 1 if any(agent.unexplained for agent in runs) else 0


def _runs(definitions: Sequence[AgentDefinition]) -> Iterator[AgentRun]:
    """Yield a run of the scenarios under each agent that this host has. Raises ``HarnessError`` if it has none."""
    ready = [definition for definition in definitions if _is_ready(definition)]
    if not ready:
        raise HarnessError("none of these agents can run here; `netpol agents` says what is missing")
    for definition in definitions:
        if definition not in ready:
            print_aside(f"{definition.name}: left out, {'; '.join(_state(definition))}\n")
    for definition in ready:
        with TemporaryDirectory(prefix="netpol-agents-") as folder:
            _run_scenarios(definition, Path(folder))
            yield _read(Path(folder), definitions)


def _run_scenarios(definition: AgentDefinition, folder: Path) -> None:
    command = [sys.executable, "-m", "pytest", _SCENARIOS, "-n", "auto", "-q", "--tb=no", "-p", "no:cacheprovider"]
    agent = ["--netpol-cluster", "embedded", "--netpol-agent", definition.name, "--netpol-report-dir", str(folder)]
    if (code := subprocess.run([*command, *agent], check=False, stdin=subprocess.DEVNULL).returncode) not in _COMPLETE:
        raise HarnessError(f"the run under {definition.name} was not complete: pytest's exit code is {code}")


def _read(folder: Path, definitions: Sequence[AgentDefinition]) -> AgentRun:
    """Return the run whose report is in the folder. Raises ``HarnessError`` if it is not that of an agent."""
    file = folder / "run.json"
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        name = document["cluster"]["cni"][0]["name"]
    except (ValueError, LookupError, TypeError) as problem:
        raise HarnessError(f"{file} is not the report of a run with an agent: {problem!r}") from problem
    definition = next((definition for definition in definitions if definition.name == name), None)
    if definition is None:
        raise HarnessError(f"{file} is about {name}, which is none of these agents; name its file")
    return AgentRun(document, _deviations(definition))


def _deviations(definition: AgentDefinition) -> Sequence[Deviation]:
    return () if definition.known is None else deviations(definition.known, definition.known.name)
