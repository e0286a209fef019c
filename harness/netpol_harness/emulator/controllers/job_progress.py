"""How far a Job has come, from its pods: what it wants next, whether it has ended, and its status. Pure.

Implements batch/v1 JobSpec and JobStatus: completions, parallelism, completionMode, backoffLimit. A pod that has
finished counts even after it is deleted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netpol_harness.emulator.controllers.ownership import is_active
from netpol_harness.emulator.pod import is_ready
from netpol_harness.model.json_object import JsonMapping, JsonObject

INDEX = "batch.kubernetes.io/job-completion-index"
"""Label and annotation of an Indexed Job's pods."""


@dataclass(frozen=True, slots=True)
class FinishedPod:
    """A pod that has ended. ``index`` is its completion index; -1 without one."""

    succeeded: bool
    index: int = -1


@dataclass(frozen=True, slots=True)
class JobEnd:
    """Why a Job ended: the type of its last condition (Complete or Failed), its reason and its message."""

    type: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class JobProgress:
    """A Job, its pods, and all its pods that have ever ended."""

    job: JsonObject
    pods: Sequence[JsonMapping]
    finished: Sequence[FinishedPod] = field(default=())

    @property
    def active(self) -> list[JsonMapping]:
        """The pods that run or wait to run."""
        return [pod for pod in self.pods if is_active(pod)]

    @property
    def succeeded(self) -> int:
        """The number of completions. In an Indexed Job several successes of one index count once."""
        successes = [pod.index for pod in self.finished if pod.succeeded]
        return len(set(successes)) if self._is_indexed else len(successes)

    @property
    def failed(self) -> int:
        """The number of pods that have failed."""
        return sum(not pod.succeeded for pod in self.finished)

    @property
    def surplus(self) -> list[JsonMapping]:
        """The active pods that are too many."""
        return self.active[max(0, self._wanted) :]

    def missing(self) -> list[int]:
        """Return the completion index of each pod to create; -1 without an index."""
        count = self._wanted - len(self.active)
        if count <= 0:
            return []
        if not self._is_indexed:
            return [-1] * count
        taken = {pod.index for pod in self.finished if pod.succeeded} | {completion_index(pod) for pod in self.active}
        return [index for index in range(self._completions or 0) if index not in taken][:count]

    def end(self) -> JobEnd | None:
        """Return why the Job is over; None while it is not."""
        limit = self._spec.get("backoffLimit", 6)
        if self.failed > limit or (self._restarts > limit if limit == 0 else self._restarts >= limit):
            return JobEnd("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        wanted = self._completions
        is_complete = self.succeeded >= wanted if wanted is not None else bool(self.succeeded) and not self.active
        message = "Reached expected number of succeeded pods"
        return JobEnd("Complete", "CompletionsReached", message) if is_complete else None

    def counts(self) -> JsonObject:
        """Return the counting fields of the status."""
        ended = [pod for pod in self.pods if not is_active(pod)]
        counts = {"active": len(self.active), "succeeded": self.succeeded, "failed": self.failed}
        indexes = {pod.index for pod in self.finished if pod.succeeded}
        return {
            **{name: count for name, count in counts.items() if count},
            "ready": sum(map(is_ready, self.active)),
            "terminating": sum("deletionTimestamp" in pod["metadata"] for pod in ended),
            "uncountedTerminatedPods": {},
            **({"completedIndexes": _ranges(sorted(indexes))} if self._is_indexed and indexes else {}),
        }

    @property
    def _spec(self) -> Mapping[str, Any]:
        spec: Mapping[str, Any] = self.job["spec"]
        return spec

    @property
    def _is_indexed(self) -> bool:
        return bool(self._spec.get("completionMode") == "Indexed")

    @property
    def _completions(self) -> int | None:
        return self._spec.get("completions")

    @property
    def _wanted(self) -> int:
        """The number of pods that should be active."""
        if self._spec.get("suspend"):
            return 0
        parallelism = int(self._spec.get("parallelism", 1))
        if self._completions is not None:
            return min(parallelism, self._completions - self.succeeded)
        return len(self.active) if self.succeeded else parallelism

    @property
    def _restarts(self) -> int:
        """The restarts of the containers of active pods, which count where containers are restarted in place."""
        if self._spec["template"]["spec"].get("restartPolicy") != "OnFailure":
            return -1
        groups = ("containerStatuses", "initContainerStatuses")
        statuses = [s for pod in self.active for group in groups for s in (pod.get("status") or {}).get(group) or ()]
        return sum(status.get("restartCount", 0) for status in statuses)


def completion_index(pod: JsonMapping) -> int:
    """Return the completion index of a pod; -1 without one."""
    return int((pod["metadata"].get("annotations") or {}).get(INDEX, -1))


def end_condition(job: JsonMapping) -> JsonObject | None:
    """Return the condition that says that the Job is over; None while it is not."""
    conditions = (job.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c["type"] in ("Complete", "Failed") and c["status"] == "True"), None)


def job_end(job: JsonMapping) -> str:
    """Return ``Complete`` or ``Failed`` for a Job that is over, and the empty string for one that is not."""
    condition = end_condition(job)
    return str(condition["type"]) if condition else ""


def _ranges(numbers: Sequence[int]) -> str:
    """Return sorted numbers as the API writes them: ``0-2,5``."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][-1] == number - 1:
            spans[-1][1:] = [number]
        else:
            spans.append([number])
    return ",".join("-".join(map(str, span)) for span in spans)
