"""kind's command line, one method for each command. Its errors become a ``CommandFailed`` with a remedy."""

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
_LATE_REMEDY = "raise the limit, or see the engine's log for what delays it"


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
        """Create the nodes without a CNI, and do not wait until they are ready.

        Nodes of a failed attempt stay, for their logs. The caller deletes them.
        """
        arguments = ["--name", name, "--config", str(config), "--image", image, "--kubeconfig", str(kubeconfig)]
        result = self._run(
            "create", "cluster", *arguments, "--wait", "0s", "--retain", deadline=deadline, on_error_line=on_error_line
        )
        _succeeded(result, f"kind could not create the cluster {name}")

    def delete(self, name: str) -> None:
        """Delete the cluster; one that does not exist is success. Ctrl-C does not reach kind."""
        result = self._run("delete", "cluster", "--name", name, deadline=Deadline(_DELETE_SECONDS), new_session=True)
        _succeeded(result, f"kind could not delete the cluster {name}")

    def clusters(self) -> list[str]:
        """Return the names of all clusters of this engine, including those of others."""
        result = self._run("get", "clusters", deadline=Deadline(_SECONDS))
        return _succeeded(result, "kind could not list its clusters").text.split()

    def nodes(self, name: str) -> list[str]:
        """Return the names of a cluster's node containers; none if there is no such cluster."""
        result = self._run("get", "nodes", "--name", name, deadline=Deadline(_SECONDS))
        return sorted(_succeeded(result, f"kind could not list the nodes of {name}").text.split())

    def kubeconfig(self, name: str) -> str:
        """Return the kubeconfig of an existing cluster."""
        result = self._run("get", "kubeconfig", "--name", name, deadline=Deadline(_SECONDS))
        return _succeeded(result, f"there is no kubeconfig for the cluster {name}").text

    def load(self, name: str, archive: Path, nodes: Sequence[str]) -> None:
        """Load the images of an archive of ``docker save`` onto these nodes in parallel."""
        arguments = [str(archive), "--name", name, "--nodes", ",".join(nodes)]
        result = self._run("load", "image-archive", *arguments, deadline=Deadline(_LOAD_SECONDS))
        _succeeded(result, f"the images of {archive} could not be loaded into the nodes")

    def export_logs(self, name: str, into: Path) -> None:
        """Write the logs of the nodes; kind writes what it can before it fails."""
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


def _succeeded(result: CommandResult, problem: str) -> CommandResult:
    if result.ok:
        return result
    if result.exit_code is None:
        last = (result.error_text.strip().splitlines() or [""])[-1]
        raise CommandFailed(f"{problem}: it did not end in time", command=result.argv, output=last, remedy=_LATE_REMEDY)
    error = known_error(result.error_text)
    raise CommandFailed(f"{problem}: {error.problem}", command=result.argv, output=error.output, remedy=error.remedy)
