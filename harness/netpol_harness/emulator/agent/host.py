"""What a node offers an agent: the API over TLS, the configuration to reach it, and a place to run."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from netpol_harness.emulator.address_plan import API_PORT, FAMILIES, NODE_NAME, NodePlan
from netpol_harness.emulator.agent.process import AgentProcess
from netpol_harness.emulator.agent.program import AgentProgram
from netpol_harness.emulator.apiserver.server import ApiServer
from netpol_harness.emulator.certificates import server_certificate
from netpol_harness.emulator.kernel.netns import Namespaces
from netpol_harness.emulator.kernel.network import Network, Place
from netpol_harness.emulator.kubelet.node_sockets import NodeSockets
from netpol_harness.emulator.kubelet.spawn import Spawner
from netpol_harness.emulator.options import AGENT_LOG
from netpol_harness.emulator.pod import SEARCH_PATH, is_external_host
from netpol_harness.errors import ClusterFailed
from netpol_harness.model.addresses import ip_version, socket_text

_SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_KUBECONFIG = "/run/netpol-harness/kubeconfig"
_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")


def read_program(path: Path) -> AgentProgram:
    """Return the program in the file. Raises ``ClusterFailed`` if there is none."""
    try:
        return AgentProgram.parse(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ClusterFailed(f"cannot read the agent's program from {path}: {problem!r}") from problem


class Agents:
    """The agents of all nodes."""

    def __init__(self, members: Sequence[AgentProcess]) -> None:
        self._members = members

    async def start(self) -> None:
        """Start the programs. Raises ``ClusterFailed`` if one cannot be started."""
        for member in self._members:
            await member.start()

    def restart(self) -> None:
        """Restart the programs."""
        for member in self._members:
            member.restart()

    async def failure(self) -> None:
        """Wait until the program of one node does not run any more, and raise ``ClusterFailed`` that says why."""
        await asyncio.gather(*(member.failure() for member in self._members))


async def host_agent(
    program: AgentProgram,
    server: ApiServer,
    network: Network,
    spawner: Spawner,
    *,
    token: str,
    directory: Path | None,
) -> Agents:
    """Serve the API on each node's own address, and start an agent there unless it waits. Return their processes.

    The agents see no pods that stand for hosts outside of the cluster. Raises ``ClusterFailed``.
    """
    tls, authority = server_certificate((*_addresses(network), *_NAMES))
    members = []
    for place in network.places:
        plan, home = place.plan, place.node.home
        listener = NodeSockets(place.node.network, home.net).listen(plan.address, API_PORT)
        await server.serve(listener, tls=tls, shows=lambda obj: not is_external_host(obj))
        namespaces = _namespaces(place, token, authority, program.argv[0])
        filled, log = program.filled(_values(plan)), agent_log(plan)
        members.append(AgentProcess(filled, spawner, namespaces, _environment(plan), directory, log))
    agents = Agents(members)
    if not program.waits:
        await agents.start()
    return agents


def _addresses(network: Network) -> tuple[str, ...]:
    """Return the addresses of the API: those of the nodes, and of its Service."""
    return (*(place.plan.address for place in network.places), network.plan.primary.kubernetes)


def agent_log(plan: NodePlan) -> str:
    """Return the name of the log of a node's agent."""
    return AGENT_LOG if plan.name == NODE_NAME else f"agent-{plan.name}.log"


def _namespaces(place: Place, token: str, authority: str, program: str) -> Namespaces:
    try:
        return place.node.agent_namespaces(_files(token, authority, place.plan), program)
    except OSError as problem:
        raise ClusterFailed(f"cannot make a place for the agent ({problem.filename}): {problem.strerror}") from problem


def _files(token: str, authority: str, plan: NodePlan) -> Mapping[str, str]:
    """Return the files of a service account, and a kubeconfig, by their paths."""
    return {
        f"{_SERVICE_ACCOUNT}/token": token,
        f"{_SERVICE_ACCOUNT}/ca.crt": authority,
        f"{_SERVICE_ACCOUNT}/namespace": "kube-system",
        _KUBECONFIG: json.dumps(_kubeconfig(plan)),
    }


def _kubeconfig(plan: NodePlan) -> Mapping[str, object]:
    cluster = {
        "server": f"https://{socket_text(plan.address, API_PORT)}",
        "certificate-authority": f"{_SERVICE_ACCOUNT}/ca.crt",
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "node", "cluster": cluster}],
        "users": [{"name": "node", "user": {"tokenFile": f"{_SERVICE_ACCOUNT}/token"}}],
        "contexts": [{"name": "node", "context": {"cluster": "node", "user": "node"}}],
        "current-context": "node",
    }


def _values(plan: NodePlan) -> Mapping[str, str]:
    """Return what the placeholders of a program mean on a node."""
    services = {family.version: str(family.services) for family in FAMILIES}
    versions = [version for version in map(ip_version, plan.addresses) if version]
    return {
        "node": plan.name,
        "address": plan.address,
        "kubeconfig": _KUBECONFIG,
        "services": ",".join(services[version] for version in versions),
        **{f"ipv{version}": str(version in versions).lower() for version in services},
    }


def _environment(plan: NodePlan) -> Mapping[str, str]:
    return {
        "PATH": SEARCH_PATH,
        "HOME": "/tmp",
        "KUBERNETES_SERVICE_HOST": plan.address,
        "KUBERNETES_SERVICE_PORT": str(API_PORT),
        "NODE_NAME": plan.name,
    }
