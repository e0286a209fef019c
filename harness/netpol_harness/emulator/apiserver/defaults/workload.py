"""Defaults of the kinds that make pods (``pkg/apis/apps/v1``, ``pkg/apis/batch/v1``, ``pkg/apis/core/v1``).

Those of DeploymentConfigs are OpenShift's (``pkg/apps/apis/apps/v1/defaults.go``).
"""

from netpol_harness.emulator.apiserver.defaults.absent import fill
from netpol_harness.emulator.apiserver.defaults.pod import default_pod_spec
from netpol_harness.emulator.apiserver.defaults.storage import default_claim
from netpol_harness.model.json_object import JsonObject


def default_deployment(deployment: JsonObject) -> None:
    """Fill in a Deployment."""
    spec = _with_template(deployment)
    fill(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600, strategy={})
    fill(spec["strategy"], type="RollingUpdate")
    if spec["strategy"]["type"] == "RollingUpdate":
        fill(spec["strategy"].setdefault("rollingUpdate", {}), maxUnavailable="25%", maxSurge="25%")


def default_replica_set(replica_set: JsonObject) -> None:
    """Fill in a ReplicaSet."""
    fill(_with_template(replica_set), replicas=1)
    fill(replica_set.setdefault("status", {}), replicas=0)


def default_replication_controller(controller: JsonObject) -> None:
    """Fill in a ReplicationController: it selects the pods of its template."""
    default_replica_set(controller)
    _adopt_template_labels(controller)


def default_deployment_config(config: JsonObject) -> None:
    """Fill in a DeploymentConfig: it rolls out each change of its template."""
    spec = _with_template(config)
    fill(spec, replicas=1, triggers=[{"type": "ConfigChange"}], strategy={})
    fill(spec["strategy"], type="Rolling")
    _adopt_template_labels(config)


def default_stateful_set(stateful_set: JsonObject) -> None:
    """Fill in a StatefulSet and the templates of its claims."""
    spec = _with_template(stateful_set)
    fill(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady", updateStrategy={})
    fill(spec, persistentVolumeClaimRetentionPolicy={})
    fill(spec["persistentVolumeClaimRetentionPolicy"], whenDeleted="Retain", whenScaled="Retain")
    fill(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        fill(spec["updateStrategy"].setdefault("rollingUpdate", {}), partition=0)
    for claim in spec.get("volumeClaimTemplates", ()):
        fill(claim, apiVersion="v1", kind="PersistentVolumeClaim")
        default_claim(claim)
    fill(stateful_set.setdefault("status", {}), replicas=0, availableReplicas=0)


def default_daemon_set(daemon_set: JsonObject) -> None:
    """Fill in a DaemonSet."""
    spec = _with_template(daemon_set)
    fill(spec, revisionHistoryLimit=10, updateStrategy={})
    fill(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        fill(spec["updateStrategy"].setdefault("rollingUpdate", {}), maxUnavailable=1, maxSurge=0)
    counts = dict.fromkeys(("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"), 0)
    fill(daemon_set.setdefault("status", {}), **counts)


def default_job(job: JsonObject) -> None:
    """Fill in a Job. Without completions it ends with the first success."""
    _default_job_spec(job)
    labels = job["spec"].get("template", {}).get("metadata", {}).get("labels")
    if labels and not job["metadata"].get("labels"):
        job["metadata"]["labels"] = dict(labels)
    job.setdefault("status", {})


def default_cron_job(cron_job: JsonObject) -> None:
    """Fill in a CronJob and the template of its Jobs."""
    spec = cron_job.setdefault("spec", {})
    fill(spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)
    _with_template(spec.get("jobTemplate", {}))
    cron_job.setdefault("status", {})


def _default_job_spec(job: JsonObject) -> None:
    spec = _with_template(job)
    if "parallelism" not in spec:
        fill(spec, completions=1)
    replacement = "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed"
    fill(spec, parallelism=1, backoffLimit=6, completionMode="NonIndexed", suspend=False)
    fill(spec, podReplacementPolicy=replacement, manualSelector=False)


def _with_template(workload: JsonObject) -> JsonObject:
    """Fill in the pod template, and return the workload's spec."""
    spec: JsonObject = workload.setdefault("spec", {})
    default_pod_spec(spec.get("template", {}).setdefault("spec", {}))
    return spec


def _adopt_template_labels(workload: JsonObject) -> None:
    """Select the pods of the template, and label the workload like them, where it says nothing else."""
    labels = workload["spec"].get("template", {}).get("metadata", {}).get("labels", {})
    if labels:
        fill(workload["spec"], selector=dict(labels))
        fill(workload["metadata"], labels=dict(labels))


def default_autoscaler(autoscaler: JsonObject) -> None:
    """Fill in a HorizontalPodAutoscaler."""
    fill(autoscaler.setdefault("spec", {}), minReplicas=1)
