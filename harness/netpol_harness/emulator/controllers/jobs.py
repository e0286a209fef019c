"""Jobs (batch/v1): pods that run to their end, until enough have succeeded or too many have failed.

Failed pods are replaced after growing pauses, a twentieth of the real ones. A container whose image this cluster cannot
run never ends, and neither does its Job.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from netpol_harness.emulator.controllers.job_progress import (
    INDEX,
    FinishedPod,
    JobEnd,
    JobProgress,
    completion_index,
    end_condition,
)
from netpol_harness.emulator.controllers.owned_pods import OwnedPods
from netpol_harness.emulator.controllers.ownership import controller_of
from netpol_harness.emulator.store import Event, EventType, Key, Store
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.labels import LabelSelector

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 18.0
"""Seconds after which a failed pod is replaced; doubled with each failure."""
_ENDED = {"Succeeded": True, "Failed": False}
_TARGETS = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}
"""The condition that precedes each last one."""
_TOO_LATE = JobEnd("Failed", "DeadlineExceeded", "Job was active longer than specified deadline")


class JobController:
    """Creates and deletes pods, and updates each Job's status."""

    resources = ("jobs", "pods")

    def __init__(self, store: Store, delete: Callable[[Key], object]) -> None:
        self._store = store
        self._delete = delete
        self._pods = OwnedPods(store, delete, "jobs", "Job")
        self._finished: dict[str, dict[str, FinishedPod]] = {}
        self._last_failure: dict[str, datetime] = {}

    def affected_keys(self, event: Event) -> Iterator[Key]:
        """Yield the Jobs that an event is about, and remember pods that have ended: they may be deleted next."""
        if event.key.resource == "jobs":
            if event.type is EventType.DELETED:
                self._finished.pop(event.object["metadata"]["uid"], None)
                self._last_failure.pop(event.object["metadata"]["uid"], None)
        else:
            self._remember(event.object)
        yield from self._pods.affected_owners(event)

    def reconcile(self, key: Key) -> float | None:
        job = self._store.find(key)
        if job is None or "deletionTimestamp" in job["metadata"]:
            return None
        pods = self._pods.claim(job, LabelSelector.parse(job["spec"]["selector"]))
        progress = JobProgress(job, pods, tuple(self._finished.get(job["metadata"]["uid"], {}).values()))
        if end_condition(job):
            return self._clean_up(key, progress)
        end = _TOO_LATE if self._seconds_left(job) == 0 else progress.end()
        wait = self._seconds_left(job) if end is None else None
        if end is not None:
            for pod in progress.active:
                self._pods.delete(pod)
        elif self._adjust(progress):
            wait = min(filter(None, (wait, self._pause(progress))), default=None)
        self._write_status(key, end)
        return wait

    def _remember(self, pod: JsonObject) -> None:
        owner, phase = controller_of(pod), (pod.get("status") or {}).get("phase")
        if owner is None or owner["kind"] != "Job" or phase not in _ENDED:
            return
        finished = self._finished.setdefault(owner["uid"], {})
        if pod["metadata"]["uid"] not in finished:
            finished[pod["metadata"]["uid"]] = FinishedPod(_ENDED[phase], completion_index(pod))
            if not _ENDED[phase]:
                self._last_failure[owner["uid"]] = self._store.now()

    def _adjust(self, progress: JobProgress) -> bool:
        """Delete surplus pods and create missing ones. Return whether some may not be created yet."""
        for pod in progress.surplus:
            self._pods.delete(pod)
        missing = progress.missing()
        if missing and self._pause(progress) > 0:
            return True
        for index in missing:
            self._create(progress.job, index)
        return False

    def _pause(self, progress: JobProgress) -> float:
        """Return how many seconds a failed pod's replacement must still wait."""
        failed_at = self._last_failure.get(progress.job["metadata"]["uid"])
        if failed_at is None or not progress.failed:
            return 0
        pause: float = min(FIRST_PAUSE * 2 ** (progress.failed - 1), LONGEST_PAUSE)
        return max(0.0, pause - (self._store.now() - failed_at).total_seconds())

    def _create(self, job: JsonObject, index: int) -> None:
        template = job["spec"]["template"]
        if index < 0:
            self._pods.create(job, template)
            return
        name, mark = f"{job['metadata']['name']}-{index}", {INDEX: str(index)}
        reference = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
        variable = {"name": "JOB_COMPLETION_INDEX", "valueFrom": reference}
        containers = {
            group: [{**c, "env": [*(c.get("env") or ()), variable]} for c in template["spec"][group]]
            for group in ("containers", "initContainers")
            if group in template["spec"]
        }
        metadata = {"generateName": f"{name}-", "labels": mark, "annotations": mark}
        self._pods.create(job, template, metadata=metadata, spec={"hostname": name, **containers})

    def _seconds_left(self, job: JsonObject) -> float | None:
        """Return the seconds until activeDeadlineSeconds have passed; None without a limit."""
        limit, began = job["spec"].get("activeDeadlineSeconds"), (job.get("status") or {}).get("startTime")
        if limit is None or job["spec"].get("suspend"):
            return None
        seconds = self._seconds_since(began) if began else 0.0
        return max(0.0, float(limit) - seconds)

    def _seconds_since(self, timestamp: str) -> float:
        return (self._store.now() - datetime.fromisoformat(timestamp)).total_seconds()

    def _clean_up(self, key: Key, progress: JobProgress) -> float | None:
        """Delete the pods that are left and, ttlSecondsAfterFinished after its end, the Job itself."""
        for pod in progress.active:
            self._pods.delete(pod)
        self._write_status(key, None)
        lifetime = progress.job["spec"].get("ttlSecondsAfterFinished")
        condition = end_condition(progress.job)
        if lifetime is None or condition is None:
            return None
        left = lifetime - self._seconds_since(condition["lastTransitionTime"])
        if left > 0:
            return float(left)
        self._delete(key)
        return None

    def _write_status(self, key: Key, end: JobEnd | None) -> None:
        now = self._store.timestamp()

        def change(job: JsonObject) -> JsonObject:
            finished = tuple(self._finished.get(job["metadata"]["uid"], {}).values())
            progress = JobProgress(job, self._pods.of(job), finished)
            return {**job, "status": _status(job, progress, end, now)}

        self._store.modify(key, change)


def _status(job: JsonObject, progress: JobProgress, end: JobEnd | None, now: str) -> JsonObject:
    status = dict(job.get("status") or {})
    conditions = [condition for condition in status.get("conditions") or () if condition["type"] != "Suspended"]
    if end is not None:
        conditions += [_condition(kind, end, now) for kind in (_TARGETS[end.type], end.type)]
    elif job["spec"].get("suspend") and not conditions:
        conditions.append(_condition("Suspended", JobEnd("Suspended", "JobSuspended", "Job suspended"), now))
    times = {} if job["spec"].get("suspend") else {"startTime": status.get("startTime", now)}
    if end is not None and end.type == "Complete":
        times["completionTime"] = now
    elif "completionTime" in status:
        times["completionTime"] = status["completionTime"]
    return {**progress.counts(), **times, **({"conditions": conditions} if conditions else {})}


def _condition(kind: str, end: JobEnd, now: str) -> JsonObject:
    times = {"lastProbeTime": now, "lastTransitionTime": now}
    return {"type": kind, "status": "True", **times, "reason": end.reason, "message": end.message}
