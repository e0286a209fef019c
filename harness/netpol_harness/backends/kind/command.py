"""kind's command line, one method a command. What it says on failure becomes a ``CommandFailed`` with a remedy."""

from collections.abc import Callable, Sequence
from pathlib import Path

from netpol_harness.backends.base import ignore
from netpol_harness.backends.kind.engine import Engine
from netpol_harness.backends.kind.messages import known_error
from netpol_harness.backends.runs.command import CommandFailed, CommandResult, run
from netpol_harness.deadline import Deadline

_SECONDS = 60.0
_DELETE_SECONDS = 120.0
_LOAD_SECONDS = 600.0
_CLOCK = "raise the limit or look at what holds it: the engine's log may say"


class KindCommand:
    """kind on one engine. Every method raises ``CommandFailed`` or ``ToolMissing``."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def create(
        self,
        name: str,
        *,
        config: Path,
        image: str,
        kubeconfig: Path,
        deadline: Deadline,
        on_error_line: Callable[[str], None] = ignore,
    ) -> None:
        """Make the nodes, and nothing more: neither a CNI nor readiness is waited for.

        Nodes of a failed attempt stay, for their logs: the caller deletes them.
        """
        arguments = ["--name", name, "--config", str(config), "--image", image, "--kubeconfig", str(kubeconfig)]
        result = self._run(
            "create", "cluster", *arguments, "--wait", "0s", "--retain", deadline=deadline, on_error_line=on_error_line
        )
        _succeeded(result, f"kind could not make the cluster {name}")

    def delete(self, name: str) -> None:
        """Remove the cluster; one that is gone already is success. Ctrl-C does not reach it."""
        result = self._run("delete", "cluster", "--name", name, deadline=Deadline(_DELETE_SECONDS), new_session=True)
        _succeeded(result, f"kind could not delete the cluster {name}")

    def clusters(self) -> list[str]:
        """The names of all clusters of this engine, whoever made them."""
        result = self._run("get", "clusters", deadline=Deadline(_SECONDS))
        return _succeeded(result, "kind could not list its clusters").text.split()

    def nodes(self, name: str) -> list[str]:
        """The containers that are a cluster's nodes; none where there is no such cluster."""
        result = self._run("get", "nodes", "--name", name, deadline=Deadline(_SECONDS))
        return sorted(_succeeded(result, f"kind could not list the nodes of {name}").text.split())

    def kubeconfig(self, name: str) -> str:
        """The kubeconfig of an existing cluster."""
        result = self._run("get", "kubeconfig", "--name", name, deadline=Deadline(_SECONDS))
        return _succeeded(result, f"there is no kubeconfig for the cluster {name}").text

    def load(self, name: str, archive: Path, nodes: Sequence[str]) -> None:
        """Give these nodes, all at once, the images of an archive that ``docker save`` wrote."""
        arguments = [str(archive), "--name", name, "--nodes", ",".join(nodes)]
        result = self._run("load", "image-archive", *arguments, deadline=Deadline(_LOAD_SECONDS))
        _succeeded(result, f"the images of {archive} could not be loaded into the nodes")

    def export_logs(self, name: str, into: Path) -> None:
        """Write what the nodes logged; kind writes what it can before it fails."""
        self._run("export", "logs", str(into), "--name", name, deadline=Deadline(_DELETE_SECONDS), new_session=True)

    def _run(
        self,
        *arguments: str,
        deadline: Deadline,
        on_error_line: Callable[[str], None] = ignore,
        new_session: bool = False,
    ) -> CommandResult:
        environment = self.engine.environment
        return run(
            ["kind", *arguments],
            deadline=deadline,
            environment=environment,
            on_error_line=on_error_line,
            new_session=new_session,
        )


def _succeeded(result: CommandResult, what: str) -> CommandResult:
    if result.ok:
        return result
    if result.exit_code is None:
        said = (result.error_text.strip().splitlines() or [""])[-1]
        raise CommandFailed(f"{what}: it did not end in time", command=result.argv, output=said, remedy=_CLOCK)
    found = known_error(result.error_text)
    raise CommandFailed(f"{what}: {found.what}", command=result.argv, output=found.output, remedy=found.remedy)
