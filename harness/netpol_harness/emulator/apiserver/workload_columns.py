"""The columns of pods and of the kinds that make them, in kubectl's order (``pkg/printers/internalversion``)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from netpol_harness.emulator.apiserver.cells import (
    AGE,
    CONTAINER_COLUMNS,
    NAME,
    NONE,
    TEMPLATE_COLUMNS,
    at,
    conditions,
    pairs,
)
from netpol_harness.emulator.apiserver.table import Column, age, human_duration
from netpol_harness.model.json_object import JsonMapping


def _statuses(pod: JsonMapping, group: str = "containerStatuses") -> Sequence[JsonMapping]:
    return list(pod.get("status", {}).get(group, ()))


def _pod_ready(pod: JsonMapping) -> str:
    return f"{sum(bool(status.get('ready')) for status in _statuses(pod))}/{len(pod['spec'].get('containers', ()))}"


def _pod_status(pod: JsonMapping) -> str:
    """Return what kubectl makes of a pod: the reason of the first container that is not well, or else its phase."""
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    status = pod.get("status", {})
    reason = str(status.get("reason") or status.get("phase", "Unknown"))
    return _init_reason(pod) or _container_reason(_statuses(pod), reason)


def _init_reason(pod: JsonMapping) -> str:
    """Return the state of the first init container that the others wait for; empty if none does."""
    statuses = _statuses(pod, "initContainerStatuses")
    sidecars = {c["name"] for c in pod["spec"].get("initContainers", ()) if c.get("restartPolicy") == "Always"}
    for i, status in enumerate(statuses):
        terminated, waiting = (status.get("state", {}).get(word) for word in ("terminated", "waiting"))
        if (terminated and not terminated["exitCode"]) or (status["name"] in sidecars and status.get("started")):
            continue
        if terminated:
            code = f"ExitCode:{terminated['exitCode']}"
            return f"Init:{terminated.get('reason') or code}"
        if waiting and waiting.get("reason") not in (None, "", "PodInitializing"):
            return f"Init:{waiting['reason']}"
        return f"Init:{i}/{len(statuses)}"
    return ""


def _container_reason(statuses: Iterable[JsonMapping], reason: str) -> str:
    running = False
    for container in reversed(list(statuses)):
        state = container.get("state", {})
        reason = state.get("waiting", {}).get("reason") or state.get("terminated", {}).get("reason") or reason
        running |= "running" in state and bool(container.get("ready"))
    return "Running" if running and reason == "Completed" else reason


def _pod_restarts(pod: JsonMapping) -> str:
    return str(sum(status.get("restartCount", 0) for status in _statuses(pod)))


def _ready_of_wanted(workload: JsonMapping) -> str:
    return f"{workload.get('status', {}).get('readyReplicas', 0)}/{workload['spec'].get('replicas', 0)}"


def _node_selector(daemon_set: JsonMapping) -> str:
    return pairs(daemon_set["spec"]["template"]["spec"].get("nodeSelector", {}))


def _job_status(job: JsonMapping) -> str:
    found = conditions(job)
    ended = [
        kind for kind in ("Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet") if kind in found
    ]
    if "deletionTimestamp" in job["metadata"]:
        return "Terminating"
    return ended[0] if ended else "Running"


def _job_completions(job: JsonMapping) -> str:
    spec, succeeded = job["spec"], job.get("status", {}).get("succeeded", 0)
    if "completions" in spec:
        return f"{succeeded}/{spec['completions']}"
    parallelism = spec.get("parallelism", 0)
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _job_duration(job: JsonMapping) -> str:
    status = job.get("status", {})
    if "startTime" not in status:
        return ""
    until = datetime.fromisoformat(status["completionTime"]) if "completionTime" in status else datetime.now(UTC)
    return human_duration(int((until - datetime.fromisoformat(status["startTime"])).total_seconds()))


def _last_schedule(cron_job: JsonMapping) -> str:
    moment = cron_job.get("status", {}).get("lastScheduleTime")
    return age(moment) if moment else NONE


def _active_jobs(cron_job: JsonMapping) -> int:
    return len(cron_job.get("status", {}).get("active", ()))


def _triggers(config: JsonMapping) -> str:
    words = {"ConfigChange": "config", "ImageChange": "image"}
    return ",".join(words.get(each["type"], each["type"]) for each in config["spec"].get("triggers", ())) or NONE


def _count(heading: str, *path: str) -> Column:
    return Column(heading, at(*path, default=0), type="integer")


_REPLICA_COLUMNS = (
    NAME,
    _count("Desired", "spec", "replicas"),
    _count("Current", "status", "replicas"),
    _count("Ready", "status", "readyReplicas"),
    AGE,
    *TEMPLATE_COLUMNS,
)
WORKLOAD_COLUMNS: Mapping[str, Sequence[Column]] = {
    "pods": (
        NAME,
        Column("Ready", _pod_ready),
        Column("Status", _pod_status),
        Column("Restarts", _pod_restarts),
        AGE,
        Column("IP", at("status", "podIP"), wide=True),
        Column("Node", at("spec", "nodeName"), wide=True),
        Column("Nominated Node", at("status", "nominatedNodeName"), wide=True),
        Column("Readiness Gates", lambda pod: NONE, wide=True),
    ),
    "deployments": (
        NAME,
        Column("Ready", _ready_of_wanted),
        _count("Up-to-date", "status", "updatedReplicas"),
        _count("Available", "status", "availableReplicas"),
        AGE,
        *TEMPLATE_COLUMNS,
    ),
    "replicasets": _REPLICA_COLUMNS,
    "replicationcontrollers": _REPLICA_COLUMNS,
    "statefulsets": (NAME, Column("Ready", _ready_of_wanted), AGE, *CONTAINER_COLUMNS),
    "daemonsets": (
        NAME,
        _count("Desired", "status", "desiredNumberScheduled"),
        _count("Current", "status", "currentNumberScheduled"),
        _count("Ready", "status", "numberReady"),
        _count("Up-to-date", "status", "updatedNumberScheduled"),
        _count("Available", "status", "numberAvailable"),
        Column("Node Selector", _node_selector),
        AGE,
        *TEMPLATE_COLUMNS,
    ),
    "jobs": (
        NAME,
        Column("Status", _job_status),
        Column("Completions", _job_completions),
        Column("Duration", _job_duration),
        AGE,
        *TEMPLATE_COLUMNS,
    ),
    "cronjobs": (
        NAME,
        Column("Schedule", at("spec", "schedule")),
        Column("Timezone", at("spec", "timeZone")),
        Column("Suspend", lambda cron_job: str(bool(cron_job["spec"].get("suspend")))),
        Column("Active", _active_jobs, type="integer"),
        Column("Last Schedule", _last_schedule),
        AGE,
        *CONTAINER_COLUMNS,
    ),
    "deploymentconfigs": (
        NAME,
        _count("Revision", "status", "latestVersion"),
        _count("Desired", "spec", "replicas"),
        _count("Current", "status", "updatedReplicas"),
        Column("Triggered By", _triggers),
    ),
    "controllerrevisions": (
        NAME,
        Column("Controller", lambda each: _owner(each["metadata"].get("ownerReferences", ()))),
        Column("Revision", at("revision"), type="integer"),
        AGE,
    ),
}


def _owner(references: Sequence[JsonMapping]) -> str:
    """Return the controller as ``statefulset.apps/web``."""
    for reference in references:
        if reference.get("controller"):
            group = reference["apiVersion"].rpartition("/")[0]
            kind = reference["kind"].lower()
            return f"{kind}.{group}/{reference['name']}" if group else f"{kind}/{reference['name']}"
    return NONE
