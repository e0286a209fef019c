"""CronJobs (batch/v1): the status of a CronJob and the history of its Jobs.

The schedule is not followed: a Job that starts by itself would change the network in the middle of a test. A Job is
created on request, as ``kubectl create job --from=cronjob/NAME`` does.
"""

from collections.abc import Callable, Iterator

from netpol_harness.emulator.controllers.job_progress import job_end
from netpol_harness.emulator.controllers.ownership import controller_keys, controls
from netpol_harness.emulator.store import Event, Key, Store
from netpol_harness.model.json_object import JsonObject


class CronJobController:
    """Updates each CronJob's status, and deletes its oldest finished Jobs."""

    resources = ("cronjobs", "jobs")

    def __init__(self, store: Store, delete: Callable[[Key], object]) -> None:
        self._store = store
        self._delete = delete

    def affected_keys(self, event: Event) -> Iterator[Key]:
        if event.key.resource == "cronjobs":
            yield event.key
        else:
            yield from controller_keys(event.object, "cronjobs", "CronJob")

    def reconcile(self, key: Key) -> None:
        cron_job = self._store.find(key)
        if cron_job is None or "deletionTimestamp" in cron_job["metadata"]:
            return
        jobs = [job for job in self._store.list("jobs", key.namespace) if controls(cron_job, job)]
        by_end: dict[str, list[JsonObject]] = {}
        for job in jobs:
            by_end.setdefault(job_end(job), []).append(job)
        for end, field in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
            finished = sorted(by_end.get(end, ()), key=lambda job: str(job["metadata"]["creationTimestamp"]))
            for job in finished[: max(0, len(finished) - cron_job["spec"].get(field, 1))]:
                self._delete(Key.of("jobs", job))
        self._store.modify(key, lambda copy: {**copy, "status": _status(copy, by_end)})


def _status(cron_job: JsonObject, by_end: dict[str, list[JsonObject]]) -> JsonObject:
    before = cron_job.get("status") or {}
    kept = {name: before[name] for name in ("lastScheduleTime", "lastSuccessfulTime") if name in before}
    completed = [job["status"]["completionTime"] for job in by_end.get("Complete", ())]
    last = {"lastSuccessfulTime": max(completed)} if completed else {}
    active = [_reference(job) for job in by_end.get("", ())]
    return {**kept, **last, **({"active": active} if active else {})}


def _reference(job: JsonObject) -> JsonObject:
    metadata = job["metadata"]
    identity = {name: metadata[name] for name in ("name", "namespace", "uid", "resourceVersion")}
    return {"apiVersion": "batch/v1", "kind": "Job", **identity}
