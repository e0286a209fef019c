"""What the node offers an agent: the API over TLS, the configuration to reach it, and a place to run."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path

from netpol_harness.emulator.address_plan import API_PORT, KUBERNETES_ADDRESS, NODE_ADDRESS
from netpol_harness.emulator.agent.process import AgentProcess
from netpol_harness.emulator.agent.program import AgentProgram
from netpol_harness.emulator.apiserver.server import ApiServer
from netpol_harness.emulator.certificates import server_certificate
from netpol_harness.emulator.kernel.node import NetworkNode
from netpol_harness.emulator.kubelet import podstatus
from netpol_harness.emulator.kubelet.spawn import Spawner
from netpol_harness.emulator.pod import SEARCH_PATH, is_external_host
from netpol_harness.errors import ClusterFailed

_SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_KUBECONFIG = "/run/netpol-harness/kubeconfig"
_NAMES = (NODE_ADDRESS, KUBERNETES_ADDRESS, "kubernetes", "kubernetes.default", "kubernetes.default.svc")


def read_program(path: Path) -> AgentProgram:
    """Return the program in the file. Raises ``ClusterFailed`` if there is none."""
    try:
        return AgentProgram.parse(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ClusterFailed(f"cannot read the agent's program from {path}: {problem!r}") from problem


async def host_agent(
    program: AgentProgram,
    server: ApiServer,
    node: NetworkNode,
    spawner: Spawner,
    *,
    token: str,
    directory: Path | None,
) -> AgentProcess:
    """Serve the API on the node's own address, and start the agent unless it waits. Return its process.

    The agent sees no pods that stand for hosts outside of the cluster. Raises ``ClusterFailed``.
    """
    tls, authority = server_certificate(_NAMES)
    listener = socket.create_server((NODE_ADDRESS, API_PORT), backlog=1024)
    await server.serve(listener, tls=tls, shows=lambda obj: not is_external_host(obj))
    try:
        namespaces = node.agent_namespaces(_files(token, authority))
    except OSError as problem:
        raise ClusterFailed(f"cannot make a place for the agent ({problem.filename}): {problem.strerror}") from problem
    values = {"node": podstatus.NODE, "address": NODE_ADDRESS, "kubeconfig": _KUBECONFIG}
    agent = AgentProcess(program.filled(values), spawner, namespaces, _environment(), directory)
    if not program.waits:
        await agent.start()
    return agent


def _files(token: str, authority: str) -> Mapping[str, str]:
    """Return the files of a service account, and a kubeconfig, by their paths."""
    return {
        f"{_SERVICE_ACCOUNT}/token": token,
        f"{_SERVICE_ACCOUNT}/ca.crt": authority,
        f"{_SERVICE_ACCOUNT}/namespace": "kube-system",
        _KUBECONFIG: json.dumps(_kubeconfig()),
    }


def _kubeconfig() -> Mapping[str, object]:
    cluster = {
        "server": f"https://{NODE_ADDRESS}:{API_PORT}",
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


def _environment() -> Mapping[str, str]:
    return {
        "PATH": SEARCH_PATH,
        "HOME": "/tmp",
        "KUBERNETES_SERVICE_HOST": NODE_ADDRESS,
        "KUBERNETES_SERVICE_PORT": str(API_PORT),
        "NODE_NAME": podstatus.NODE,
    }
