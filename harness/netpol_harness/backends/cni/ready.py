"""Wait until a starting cluster is ready: its API, nodes, CNI and name server. Also restarts its policy agent.

Invariant: when ``wait_ready`` returns, every node is Ready, and all pods of the controllers are ready and up to date. A
pod that has failed permanently ends the wait at once (``failures``). kind's own ``--wait`` does not help: without a CNI
it always times out, with success.
"""

from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from typing import Any

from netpol_harness.backends.base import Progress, ignore
from netpol_harness.backends.cni.failures import FailureTracker
from netpol_harness.backends.cni.patch import ObjectPattern
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ApiError, ClusterFailed, WorkloadFailed
from netpol_harness.kube import diagnose, wait
from netpol_harness.kube.client import Client
from netpol_harness.model.names import ObjectKey

NAME_SERVER = ObjectPattern("Deployment", "kube-system", "coredns")
_SERVICE_ACCOUNT = ObjectKey("v1", "ServiceAccount", "default", "default")
_INTERVAL = 0.5
_RESTART_INTERVAL = 0.2


def wait_api(client: Client, *, deadline: Deadline, progress: Progress = ignore) -> None:
    """Wait until the API answers and pods can be created: their default ServiceAccount exists."""
    for _ in deadline.ticks(_INTERVAL):
        progress("waiting for the API server")
        try:
            if client.find(_SERVICE_ACCOUNT) is not None:
                return
            problem = "there is no default ServiceAccount: the controller manager does not run"
        except (ApiError, ClusterFailed) as error:
            problem = str(error)
    raise ClusterFailed(f"the cluster's API is not ready: {problem}; see the exported logs (--report-dir)")


def wait_ready(
    client: Client, controllers: Sequence[ObjectPattern], *, nodes: int, deadline: Deadline, progress: Progress = ignore
) -> None:
    """Wait until this number of nodes and all controllers are ready. Raises ``ClusterFailed`` with the unready ones."""
    unique = list(dict.fromkeys(controllers))
    namespaces = list(dict.fromkeys(controller.namespace for controller in unique))
    tracker = FailureTracker()
    late: list[str] = []
    for _ in deadline.ticks(_INTERVAL):
        failed: list[str] = []
        try:
            late = [*_late_controllers(client, unique), *_late_nodes(client, nodes)]
            failed = _failed(client, namespaces, tracker) if late else []
        except (ApiError, ClusterFailed) as error:
            late = [str(error)]
        if not late:
            return
        if failed:
            raise ClusterFailed("\n".join(["the cluster cannot become ready:", *late, *failed]))
        progress(f"waiting for {late[0]}")
    raise ClusterFailed("\n".join(["the cluster did not become ready:", *late, *_reasons(client, namespaces)]))


def restart_pods(client: Client, agent: ObjectPattern, *, deadline: Deadline) -> None:
    """Delete the pods of the DaemonSet ``agent``, and wait until none is left and the new ones are ready.

    Raises ``ClusterFailed``.
    """
    daemon = client.find(ObjectKey("apps/v1", agent.kind, agent.namespace, agent.name))
    if daemon is None:
        raise ClusterFailed(f"the policy agent {agent} does not exist; is --cni the CNI of this cluster?")
    labels = ",".join(f"{name}={value}" for name, value in sorted(daemon["spec"]["selector"]["matchLabels"].items()))
    old = client.list("v1", "Pod", namespace=agent.namespace, labels=labels)
    for pod in old:
        client.delete(ObjectKey("v1", "Pod", agent.namespace, pod["metadata"]["name"]))
    wait.wait_gone(client, [ObjectKey.of(pod) for pod in old], deadline=deadline, interval=_RESTART_INTERVAL)
    for _ in wait.polls(deadline, _RESTART_INTERVAL):
        if len(client.list("v1", "Pod", namespace=agent.namespace, labels=labels)) >= len(old):
            break
    wait_ready(client, [agent], nodes=0, deadline=deadline)


def _failed(client: Client, namespaces: Sequence[str], tracker: FailureTracker) -> list[str]:
    """Return a line for each pod that has failed permanently, with its log, and for each pod that is refused."""
    pods = [pod for namespace in namespaces for pod in client.list("v1", "Pod", namespace=namespace)]
    refusals = [event for namespace in namespaces for event in wait.refusals(client, namespace)]
    lines = [wait.pod_message(client, pod) for pod in tracker.failed(pods, monotonic())]
    return [*lines, *(diagnose.refusal_message(event) for event in refusals if diagnose.is_permanent_refusal(event))]


def _late_controllers(client: Client, controllers: Sequence[ObjectPattern]) -> Iterator[str]:
    for target in controllers:
        data = client.find(ObjectKey("apps/v1", target.kind, target.namespace, target.name))
        if problem := "it does not exist" if data is None else _unready(data):
            yield f"{target}: {problem}"


def _unready(controller: Mapping[str, Any]) -> str:
    """Return why a DaemonSet or Deployment is not ready; a DaemonSet that wants no pods is not yet reconciled."""
    spec, status = controller.get("spec") or {}, controller.get("status") or {}
    daemon = controller["kind"] == "DaemonSet"
    wanted = int((status.get("desiredNumberScheduled") if daemon else spec.get("replicas", 1)) or 0)
    ready = int(status.get("numberReady" if daemon else "readyReplicas") or 0)
    updated = int(status.get("updatedNumberScheduled" if daemon else "updatedReplicas") or 0)
    is_observed = int(status.get("observedGeneration") or 0) >= int(controller["metadata"].get("generation") or 0)
    if not is_observed or (daemon and not wanted):
        return "its controller has not seen it yet"
    return "" if min(ready, updated) >= wanted else f"{min(ready, updated)} of {wanted} pods ready"


def _late_nodes(client: Client, count: int) -> Iterator[str]:
    nodes = client.list("v1", "Node")
    if len(nodes) < count:
        yield f"nodes: {len(nodes)} of {count} have joined"
    for node in nodes:
        conditions = (node.get("status") or {}).get("conditions") or ()
        ready: Mapping[str, Any] = next((c for c in conditions if c.get("type") == "Ready"), {})
        if ready.get("status") != "True":
            yield f"node {node['metadata']['name']}: not Ready ({ready.get('message') or 'without a reason'})"


def _reasons(client: Client, namespaces: Sequence[str]) -> list[str]:
    """Return why the pods of these namespaces are not ready, each with its last event."""
    try:
        wait.wait_ready(client, namespaces, deadline=Deadline(0), interval=_INTERVAL)
    except (WorkloadFailed, ApiError, ClusterFailed) as error:
        return str(error).splitlines()
    return []
