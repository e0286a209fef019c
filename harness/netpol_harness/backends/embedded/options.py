"""The options of ``--cluster embedded``."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netpol_harness.backends.options import IP_FAMILY, NODES, BackendDescriptor, Binding, long_name, option
from netpol_harness.errors import ClusterFailed
from netpol_harness.ip_family import IpFamily

if TYPE_CHECKING:
    from netpol_harness.backends.base import Backend, Progress


@dataclass(frozen=True, slots=True)
class EmbeddedOptions:
    """The cluster to start. ``mutant`` is the name of the bug in its policy agent, empty for none.

    ``nodes`` all run pods. ``agent`` is the name of a file in manifests/agents, or a path, of the program that
    enforces policies in place of our own rules; empty for those. ``agent_binary`` is the program itself, ``None`` for
    the one in PATH.
    """

    nodes: int = option(NODES, metavar="N", default=1)
    ip_family: IpFamily = option(IP_FAMILY, metavar="FAMILY", default=IpFamily.IPV4)
    mutant: str = option(
        "inject one documented bug of network plugins into the embedded cluster's policy agent (docs/mutants.md)",
        metavar="NAME",
        binding=Binding.ALWAYS,
        default="",
    )
    agent: str = option(
        "let this network plugin's policy engine enforce in the embedded cluster: a file of manifests/agents "
        "(`netpol agents` lists them)",
        metavar="NAME|FILE",
        binding=Binding.ALWAYS,
        default="",
    )
    agent_binary: Path | None = option("the agent's program, if it is not in PATH", metavar="FILE", default=None)


class EmbeddedFactory:
    """The embedded cluster before it is chosen (``backends.options.BackendFactory``)."""

    def __init__(self, options: EmbeddedOptions) -> None:
        self._options = options

    def obstacle(self) -> str | None:
        """Return in one line why no embedded cluster can run here, or ``None``."""
        from netpol_harness.backends.embedded.host import obstacle

        return obstacle(self._options.ip_family)

    def backend(self, run: str, progress: "Progress") -> "Backend":
        """Return the backend. Raises ``ClusterFailed`` if there is no such mutant or agent, if the agent lacks
        something on this host, or if there are too many nodes.
        """
        from netpol_harness.backends.embedded.backend import EmbeddedBackend
        from netpol_harness.emulator.address_plan import MOST_NODES

        nodes = self._options.nodes
        if nodes > MOST_NODES:
            raise ClusterFailed(
                f"{long_name('nodes')} {nodes}: an embedded cluster has at most {MOST_NODES} nodes; give fewer"
            )
        if not self._options.agent:
            return EmbeddedBackend(mutant=self._options.mutant, nodes=nodes, family=self._options.ip_family)
        if self._options.mutant:
            raise ClusterFailed("--netpol-mutant and --netpol-agent exclude each other: a mutant is our own rules'")
        from netpol_harness.backends.embedded.agents import load

        agent = load(self._options.agent).agent(self._options.agent_binary)
        return EmbeddedBackend(agent=agent, nodes=nodes, family=self._options.ip_family)


EMBEDDED_BACKEND = BackendDescriptor("embedded", EmbeddedOptions, EmbeddedFactory, is_automatic=True)
