"""Recognize pods of a starting cluster that have failed permanently. Pure.

Some errors of a start end by themselves: an agent crashes until the API server answers, a registry drops a pull. A
container has failed permanently if its error has lasted, and if it has been restarted several times.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from netpol_harness.kube import diagnose

SECONDS = 60.0
"""How long a container may have errors without having become ready: four attempts to pull."""

RESTARTS = 4
"""Restarts of a crash loop that is permanent. Agents were seen to need two while their cluster started."""

_PERMANENT = frozenset({"ErrImageNeverPull", "InvalidImageName"})
"""Reasons that no retry can change."""


class FailureTracker:
    """Tracks since when each container has had errors. A container that becomes ready starts again."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], float] = {}

    def failed(self, pods: Iterable[Mapping[str, Any]], now: float) -> list[Mapping[str, Any]]:
        """Return the pods that will not become ready, as of ``now`` (seconds of a monotonic clock)."""
        return [pod for pod in pods if self._has_failed(pod, now)]

    def _has_failed(self, pod: Mapping[str, Any], now: float) -> bool:
        uid = str(pod["metadata"].get("uid") or pod["metadata"]["name"])
        for container in diagnose.ready_containers(pod):
            self._since.pop((uid, container), None)
        return any(
            reason in _PERMANENT or self._lasts(now - self._since.setdefault((uid, container), now), reason, restarts)
            for container, (reason, restarts) in diagnose.failing_containers(pod).items()
        )

    @staticmethod
    def _lasts(seconds: float, reason: str, restarts: int) -> bool:
        return seconds >= SECONDS and (reason != "CrashLoopBackOff" or restarts >= RESTARTS)
