"""When the wait for a young cluster's pods has become pointless. PURE.

A start passes through trouble that ends by itself: an agent crashes until the API server answers it, a registry drops a
pull. A container is given up where its trouble has lasted, and where it has had several lives for it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from netpol_harness.kube import diagnose

SECONDS = 60.0
"""How long a container may be in trouble without having become ready: four attempts at a pull."""

RESTARTS = 4
"""Restarts before a crash loop is taken for one. Agents were seen to need two while their cluster came up."""

_FINAL = frozenset({"ErrImageNeverPull", "InvalidImageName"})
"""Reasons that no second attempt changes."""


class Patience:
    """Remembers since when each container has been in trouble. One that becomes ready is forgiven."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], float] = {}

    def given_up(self, pods: Iterable[Mapping[str, Any]], now: float) -> list[Mapping[str, Any]]:
        """Those of the pods that will not become ready, as of ``now`` (seconds of a monotonic clock)."""
        return [pod for pod in pods if self._is_given_up(pod, now)]

    def _is_given_up(self, pod: Mapping[str, Any], now: float) -> bool:
        uid = str(pod["metadata"].get("uid") or pod["metadata"]["name"])
        for container in diagnose.ready_containers(pod):
            self._since.pop((uid, container), None)
        return any(
            reason in _FINAL or self._lasts(now - self._since.setdefault((uid, container), now), reason, restarts)
            for container, (reason, restarts) in diagnose.failing_containers(pod).items()
        )

    @staticmethod
    def _lasts(seconds: float, reason: str, restarts: int) -> bool:
        return seconds >= SECONDS and (reason != "CrashLoopBackOff" or restarts >= RESTARTS)
